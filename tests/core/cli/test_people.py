"""``people`` and ``roster``: list, add, edit, import with preview, confirmation and brake (R2, R6)."""

from pathlib import Path

import pytest

HEADER = "list,code,first_name,last_name,email,phone,language,active,status,no_sync\n"


def many(number: int) -> str:
    """A file of that many teachers."""
    return "list,code,first_name,last_name\n" + "".join(f"teachers,T{n},First{n},Last{n}\n" for n in range(number))


def test_import_without_yes_shows_what_would_change_and_changes_nothing(cli):
    file = cli.file("list,code,first_name,last_name\nstudents,S1,Anna,Kranz\nstudents,,Nobody,Here\npupils,S2,Ben,Low\n")

    shown = cli("people", "import", file, code=0).stdout

    assert "1 new" in shown
    assert "2 rejected" in shown
    assert "Row 3: The code is empty" in shown
    assert "Row 4: There is no list pupils" in shown
    assert "students/S1" in shown
    assert "Anna Kranz" in shown
    assert cli.json("people", "list", "--list", "students")["total"] == 0


def test_import_with_yes_is_partly_failed_when_rows_are_rejected(cli):
    file = cli.file("list,code,first_name,last_name\nstudents,S1,Anna,Kranz\nstudents,,Nobody,Here\n")

    run = cli.json("people", "import", file, "--yes", code=1)

    assert (run["state"], run["counts"]["done"], run["counts"]["failed"]) == ("done", 1, 1)
    assert cli.json("people", "list", "--list", "students")["total"] == 1


def test_importing_the_same_file_again_changes_nothing(school):
    again = school.json("people", "import", str(school.folder / "people.csv"), "--yes")

    assert again["facts"]["counts"] == {"new": 0, "changed": 0, "unchanged": 4, "rejected": 0, "leaving": 0}
    assert again["counts"]["done"] == 0


def test_complete_import_that_would_close_a_list_is_held_with_three_until_it_is_allowed(cli):
    cli("people", "import", cli.file(many(40)), "--yes", code=0)
    smaller = cli.file(many(30), "smaller.csv")

    held = cli("people", "import", smaller, "--complete", "--yes", code=3)
    untouched = cli.json("people", "list", "--list", "teachers", "--active", "yes")["total"]
    states = [each["state"] for each in cli.json("runs")["items"]]
    allowed = cli.json("people", "import", smaller, "--complete", "--allow-shrink", "--yes")

    assert "10 of 40 active teachers" in held.stderr
    assert "--allow-shrink" in held.stderr
    assert untouched == 40
    assert states[0] == "draft"
    assert allowed["counts"]["done"] == 10
    assert cli.json("people", "list", "--list", "teachers", "--active", "yes")["total"] == 30


def test_empty_complete_import_is_held(cli):
    cli("people", "import", cli.file(many(3)), "--yes", code=0)

    problem = cli.json("people", "import", cli.file("list,code\n"), "--complete", "--list", "teachers", "--yes", code=3)

    assert problem["code"] == "held"


def test_file_that_is_no_csv_is_refused_with_a_sentence(cli):
    path = cli.folder / "people.csv"
    path.write_bytes("list,code\nstudents,Ö\n".encode("utf-16"))

    result = cli("people", "import", str(path), "--yes", code=1)

    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr


def test_list_of_a_whole_file_is_named_by_the_option(cli):
    cli("people", "import", cli.file("code,first_name,last_name\nE1,Eva,Moss\n"), "--list", "employees", "--yes", code=0)

    assert cli.json("people", "list", "--list", "employees", "--q", "moss")["total"] == 1


def test_people_are_added_and_changed_by_hand(cli):
    ida = ("--code", "S9", "--first-name", "Ida", "--last-name", "Holm", "--phone", "123456")
    added = cli.json("people", "add", "--list", "students", *ida)
    changed = cli.json("people", "set", "s9", "--email", "ida@home.example", "--phone", "-", "--status", "graduated")

    assert (added["status"], added["active"], added["account"]) == ("Registered", True, None)
    assert (changed["email"], changed["phone"], changed["status"]) == ("ida@home.example", None, "Graduated")
    assert [each["kind"] for each in cli.json("audit", "list", "--limit", "2")["items"]] == ["person.edit", "person.create"]


def test_code_of_several_lists_asks_for_the_list(cli):
    for people_list in ("students", "teachers"):
        cli("people", "add", "--list", people_list, "--code", "X1", "--first-name", "Ida", "--last-name", "Holm", code=0)

    asked = cli("people", "set", "X1", "--email", "ida@home.example", code=2)
    told = cli.json("people", "set", "X1", "--list", "teachers", "--email", "ida@home.example")

    assert "--list" in asked.stderr
    assert told["list"] == "teachers"


def test_export_of_people_is_read_again_without_a_change(school):
    exported = school("people", "list", "--csv", code=0).stdout.removeprefix("\ufeff")

    again = school.json("people", "import", school.file(exported, "again.csv"), "--yes")

    assert exported.startswith(HEADER.strip())
    assert (again["facts"]["counts"]["unchanged"], again["counts"]["done"]) == (5, 0)


def test_list_is_paged(school):
    first = school.json("people", "list", "--limit", "2")
    second = school.json("people", "list", "--limit", "2", "--cursor", first["next"])

    assert (first["total"], len(first["items"]), len(second["items"])) == (5, 2, 2)
    assert first["items"] != second["items"]


@pytest.mark.parametrize("packed", ["sds-v2.1"])
def test_roster_is_imported_through_its_plugin(cli, packed):
    data = Path(__file__).parents[2] / "plugins" / "oneroster" / "data" / packed
    cli("plugins", "enable", "oneroster", code=0)

    shown = cli.json("roster", "import", "oneroster", str(data))
    done = cli("roster", "import", "oneroster", str(data), "--yes", "--json")

    assert shown["facts"]["counts"]["new"] > 0
    assert done.exit_code in (0, 1)
    assert cli.json("people", "list", "--list", "students")["total"] > 0
