"""``accounts``, ``actions``, ``act`` and ``runs``: everything that is done to accounts, by the words of the contract."""

import csv
import io

import pytest


def usernames(cli, *words):
    """The user names that a filter finds."""
    return [each["username"] for each in cli.json("accounts", "list", *words)["items"]]


@pytest.fixture
def anna(school):
    """Anna's user name."""
    return usernames(school, "--q", "anna")[0]


def test_accounts_are_opened_for_those_who_are_entitled_and_have_none(school):
    gone = ("--first-name", "Leo", "--last-name", "Gone", "--status", "Withdrawn")
    school("people", "add", "--list", "students", "--code", "S7", *gone, code=0)

    run = school.json("accounts", "open")
    refused = school("accounts", "open", "--person", "S7", code=1)

    assert run["counts"] == {"waiting": 0, "done": 0, "skipped": 0, "failed": 0}
    assert "registered" in refused.stderr


def test_account_of_one_person_is_opened_by_code(school):
    school("people", "add", "--list", "guardians", "--code", "G1", "--first-name", "Gus", "--last-name", "Kranz", code=0)

    run = school.json("accounts", "open", "--person", "g1")

    assert run["counts"]["done"] == 1
    assert len(usernames(school, "--type", "guardian")) == 1


def test_filter_words_find_accounts(school, anna):
    school("act", "account.deactivate", "--account", anna, code=0)

    assert usernames(school, "--active", "no") == [anna]
    assert len(usernames(school, "--type", "student", "--active", "yes")) == 2
    assert len(usernames(school, "--role", "none", "--type", "student")) == 0
    assert usernames(school, "--q", "DIMOU") == usernames(school, "--q", "Δήμου")
    assert usernames(school, "--q", "%") == []


def test_pages_go_on_by_cursor_and_sort(school):
    first = school.json("accounts", "list", "--limit", "2", "--sort", "-name")
    rest = school.json("accounts", "list", "--sort", "-name", "--cursor", first["next"])

    assert first["total"] == 5
    assert {each["first_name"] for each in (*first["items"], *rest["items"])} == {"Anna", "Βασίλης", "Clara", "Dora", "Ada"}
    assert len(first["items"]) == 2
    assert [each["first_name"] for each in rest["items"]] == ["Ada", "Clara", "Anna"]


def test_csv_has_every_account_and_no_formula(school):
    school("people", "add", "--list", "alumni", "--code", "A1", "--first-name", "=cmd", "--last-name", "Holm", code=0)
    school("accounts", "open", "--list", "alumni", code=0)

    rows = list(csv.reader(io.StringIO(school("accounts", "list", "--csv", code=0).stdout.removeprefix("\ufeff"))))

    assert len(rows) == 7
    assert rows[0][:3] == ["Name", "User name", "E-mail"]
    assert "'=cmd Holm" in [row[0] for row in rows]
    assert "Code" in rows[0]


def test_deleted_accounts_are_purged_when_their_time_has_come_and_somebody_says_so(school, anna):
    school("act", "account.delete", "--account", anna, "--yes", code=0)

    young = school.json("purge", "--yes")
    shown = school("purge", "--older-than", "0", code=0).stdout
    purged = school.json("purge", "--older-than", "0", "--yes")

    assert (young["due"], young["removed"]) == (0, 0)
    assert "1 account would be removed" in shown
    assert purged["removed"] == 1
    assert usernames(school, "--deleted", "only") == []
    assert "is taken" in school("act", "account.username", "--account", "ada", "--set", f"username={anna}", code=1).stderr


def test_actions_are_listed_with_their_parameters_for_people_too(cli):
    shown = cli("actions", code=0).stdout

    assert "roles.assign" in shown
    assert "[mode] period [role]" in shown


def test_actions_are_what_the_enabled_plugins_register(cli):
    items = {each["id"]: each for each in cli.json("actions")["items"]}

    assert {"account.activate", "password.reset", "roles.assign", "external.sync"} <= set(items)
    assert items["account.delete"]["confirm"]
    assert items["roles.assign"]["params"]["properties"]["mode"]["enum"] == ["add", "replace", "remove"]
    assert "username" in items["account.username"]["params"]["required"]
    assert items["password.change"]["params"]["properties"]["password"]["writeOnly"]


def test_dry_run_shows_the_plan_and_does_nothing(school, anna):
    school("act", "account.deactivate", "--account", anna, code=0)

    plan = school.json("act", "account.deactivate", "--where", "type=student", "--dry-run")
    shown = school("act", "account.deactivate", "--where", "type=student", "--dry-run", code=0).stdout

    assert (plan["total"], plan["will"], [each["count"] for each in plan["skipped"]]) == (3, 2, [1])
    assert len(plan["examples"]) == 2
    assert "2 will change" in shown
    assert usernames(school, "--active", "no") == [anna]


def test_action_that_does_not_apply_to_one_account_is_refused(school, anna):
    result = school("act", "account.activate", "--account", anna, code=1)

    assert result.stderr.startswith("Error: ")


def test_action_that_does_not_apply_to_some_of_many_skips_them(school, anna):
    school("act", "account.deactivate", "--account", anna, code=0)

    run = school.json("act", "account.deactivate", "--where", "type=student")

    assert (run["counts"]["done"], run["counts"]["skipped"]) == (2, 1)


def test_filter_that_matches_nobody_is_done(school):
    run = school.json("act", "account.deactivate", "--where", "q=nobodyatall")

    assert (run["state"], run["counts"]["done"]) == ("done", 0)


def test_consequence_needs_consent(school, anna):
    refused = school.json("act", "account.delete", "--account", anna, code=1)
    done = school.json("act", "account.delete", "--account", anna, "--yes")

    assert refused["code"] == "consent-required"
    assert done["counts"]["done"] == 1
    assert anna not in usernames(school)
    assert usernames(school, "--deleted", "only") == [anna]


def test_expected_number_guards_against_another_selection(school):
    result = school.json("act", "account.deactivate", "--where", "type=student", "--expected", "2", code=1)

    assert (result["code"], result["count"]) == ("count-changed", 3)
    assert usernames(school, "--active", "no") == []


def test_action_for_one_account_refuses_many(school):
    result = school("act", "account.username", "--where", "type=student", "--set", "username=same", code=1)

    assert "one account at a time" in result.stderr


def test_generated_passwords_are_shown_once(school, anna):
    run = school.json("act", "password.reset", "--account", anna)
    first = school.json("runs", "secrets", run["id"])
    second = school.json("runs", "secrets", run["id"], code=1)
    everything = school("audit", "export", code=0).stdout + school("runs", str(run["id"]), "--json", code=0).stdout

    assert [each["account"]["username"] for each in first["items"]] == [anna]
    assert first["items"][0]["secret"] not in everything
    assert second["code"] == "gone"


def test_password_is_never_repeated(school, anna):
    words = ("--set", "password=nine calm otters dive", "--set", "confirm=nine calm otters dive")

    result = school("act", "password.change", "--account", anna, *words, code=0)

    assert "otters" not in result.output + school("audit", "export", code=0).stdout


def test_wrong_parameters_are_named(school, anna):
    result = school("act", "roles.assign", "--account", anna, "--set", "mode=add", code=2)

    assert "period" in result.stderr


def test_run_shows_every_account_with_before_and_after(school, anna):
    run = school.json("act", "account.profile_name", "--account", anna, "--set", "first_name=Annika", "--set", "last_name=Kranz")

    shown = school("runs", str(run["id"]), code=0).stdout
    items = school.json("runs", str(run["id"]), "--items")
    rows = list(csv.DictReader(io.StringIO(school("runs", str(run["id"]), "--csv", code=0).stdout.removeprefix("\ufeff"))))

    assert school.json("runs", str(run["id"])) == run
    assert "Anna → Annika" in shown
    assert items["items"][0]["after"] == {"first_name": "Annika", "name_by_hand": True}
    changes = "first name: Anna → Annika; name by hand: no → yes"
    assert (rows[0]["username"], rows[0]["outcome"], rows[0]["changes"]) == (anna, "done", changes)


def test_run_is_taken_back_for_accounts_that_are_as_it_left_them(school, anna):
    run = school.json("act", "account.deactivate", "--where", "type=student")
    school("act", "account.profile_name", "--account", anna, "--set", "first_name=Annika", "--set", "last_name=Kranz", code=0)

    refused = school.json("runs", "undo", str(run["id"]), code=1)
    undone = school.json("runs", "undo", str(run["id"]), "--yes")

    assert refused["code"] == "consent-required"
    assert (undone["undoes"], undone["counts"]["done"], undone["counts"]["skipped"]) == (run["id"], 2, 1)
    assert usernames(school, "--active", "no") == [anna]


def test_finished_run_can_neither_be_stopped_nor_resumed(school, anna):
    run = school.json("act", "account.deactivate", "--account", anna)

    assert school.json("runs", "stop", str(run["id"]), code=1)["code"] == "refused"
    assert school.json("runs", "resume", str(run["id"]), code=1)["code"] == "refused"


def test_run_is_shown_to_its_author_and_to_those_who_may_see_runs(school):
    teacher = usernames(school, "--type", "teacher")[0]

    mine = school.json("runs", "--as", teacher)
    refused = school("runs", "1", "--as", teacher, code=1)

    assert mine["total"] == 0
    assert "runs:view" in refused.stderr


def test_large_run_is_worked_off_by_the_command_itself(cli):
    rows = "".join(f"teachers,T{n},First{n},Last{n}\n" for n in range(120))
    cli("people", "import", cli.file(f"list,code,first_name,last_name\n{rows}"), "--yes", code=0)

    opened = cli.json("accounts", "open")
    closed = cli.json("act", "account.deactivate", "--where", "type=teacher")

    assert (opened["state"], opened["counts"]["done"]) == ("done", 120)
    assert (closed["state"], closed["counts"]["done"]) == ("done", 120)
