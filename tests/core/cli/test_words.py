"""What every command keeps: one document, exit codes, sentences, and nothing that steers a terminal."""

import json
from pathlib import Path

import click
import pytest

from rolecall.accounts import keys
from rolecall.cli import main
from rolecall.cli.frame import Command
from rolecall.sdk.words import LISTS
from rolecall.store.filters import CORE_FILTERS


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Every command of core by its words."""
    found = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, (*path, name))
        else:
            found[*path, name] = command
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_takes_json_and_as_and_explains_itself(words):
    command = commands()[words]
    options = {option for parameter in command.params for option in parameter.opts}

    assert isinstance(command, Command)
    assert {"--json", "--as"} <= options
    assert command.help


@pytest.mark.parametrize(
    "words",
    [
        "people list", "accounts list", "actions", "runs", "roles", "periods", "statuses", "plugins", "tokens", "audit", "config", "sync",
    ],
)  # fmt: skip
def test_lists_are_documents_with_items_next_and_total(school, words):
    document = school.json(*words.split())

    # Whether anybody works concerns all providers, so it stands beside them, as in the API.
    assert set(document) == {"items", "next", "total"} | ({"work"} if words == "sync" else set())
    assert document["total"] >= len(document["items"])


def test_groups_begin_with_their_list(school):
    assert school.json("runs") == school.json("runs", "list")
    assert school.json("plugins") == school.json("plugins", "list")


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("acounts list", "accounts"),
        ("accounts lst", "list"),
        ("accounts list --tpye student", "--type"),
        ("accounts list --type studnt", "student"),
        ("act acount.activate --account ada", "account.activate"),
        ("act account.deactivate --where tpye=student", "type"),
        ("act account.deactivate --where type=studnt", "student"),
        ("act account.username --account ada --set user_name=x", "username"),
        ("act roles.assign --account ada --set mode=ad --set period=2026 --set role=none", "add"),
        ("accounts open --list student", "students"),
        ("settings get institution", "institution_name"),
        ("settings set tim_zone=UTC", "time_zone"),
        ("plugins configure moodle base_ur=x", "base_url"),
        ("roles add Helper --type studnt", "student"),
        ("statuses add Abroad --type regstered", "registered"),
    ],
)  # fmt: skip
def test_unknown_word_is_a_wrong_usage_with_the_nearest_one(cli, words, near):
    result = cli(*words.split(), code=2)

    assert near in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        "act account.activate",
        "act account.activate --account ada --where type=student",
        "act account.username --account ada --set username",
        "act account.username --account ada --set username=a --set username=b",
        "act account.deactivate --where type",
        "people set S1",
        "roles set Guest",
        "periods add 2027 --from tomorrow --to 2028-01-01",
        "accounts list --limit 0",
        "accounts list --cursor nonsense",
        "runs --cursor nonsense",
        "runs 12 --cursor nonsense",
        "people import missing.csv",
        "tokens create script",
    ],
)
def test_wrong_usage_ends_with_two_and_a_sentence(cli, words):
    result = cli(*words.split())

    assert result.exit_code in ({1, 2} if words.startswith("runs 12") else {2}), result.output
    assert result.stderr.startswith("Error: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("act account.deactivate --account nobody", "no account with the user name nobody"),
        ("accounts open --person X9", "Nobody has the code X9"),
        ("runs 999", "no run 999"),
        ("plugins enable moodel", "Did you mean moodle?"),
        ("periods current 1999", "There is no period 1999"),
        ("statuses set Nowhere --type other", "no student status Nowhere"),
        ("roles set Nobody --active no", "There is no role Nobody"),
        ("tokens revoke 9", "There is no token 9"),
        ("roster import sds .", "There is no roster source sds"),
        ("sync plan oneroster", "no provider"),
        ("accounts list --as nobody", "no account with the user name nobody"),
    ],
)
def test_what_does_not_exist_ends_with_one_and_a_sentence(cli, words, said):
    result = cli(*words.split(), code=1)

    assert said in result.stderr
    assert len(result.stderr.splitlines()) <= 3


def test_error_with_json_is_one_problem_document(cli):
    refused = cli.json("act", "account.activate", "--account", "nobody", code=1)
    misused = cli.json("act", "acount.activate", "--account", "ada", code=2)
    unparsed = cli.json("acounts", code=2)

    assert (refused["status"], refused["code"]) == (404, "not-found")
    assert (misused["status"], misused["code"]) == (422, "not-found")
    assert (unparsed["status"], unparsed["code"]) == (422, "usage")
    assert "Did you mean" in misused["hint"]


def test_database_that_is_none_is_a_sentence_and_not_a_traceback(empty, tmp_path):
    (tmp_path / "broken.db").write_bytes(b"this is no database at all" * 100)
    empty.env["ROLECALL_DATABASE_URL"] = f"sqlite:///{tmp_path / 'broken.db'}"
    keys.generate(Path(empty.env["ROLECALL_DATA"]))

    result = empty("accounts", "list", code=1)

    assert "Error: The database" in result.stderr
    assert "Traceback" not in result.stderr


def test_every_filter_word_is_an_option_those_of_enabled_plugins_included(school):
    before = school("accounts", "list", "--help").stdout
    school("plugins", "enable", "moodle", code=0)
    after = school("accounts", "list", "--help").stdout

    for each in CORE_FILTERS:
        assert f"--{each.id} " in before
    added = {word for word in after.split() if word.startswith("--moodle")}
    assert added
    assert not any(word in before for word in added)


def test_names_of_people_cannot_steer_the_terminal(cli):
    cli("people", "add", "--list", "teachers", "--code", "T1", "--first-name", "A\u202eB", "--last-name", "C", code=0)

    shown = cli("people", "list", code=0).stdout
    printed = cli("people", "list", "--list", "teachers", "--json", code=0).stdout

    assert "A\\u202eB" in shown
    assert "\u202e" not in shown + printed
    assert json.loads(printed)["items"][0]["first_name"] == "A\u202eB"


def test_control_characters_of_an_argument_are_shown_and_not_sent(cli):
    result = cli("act", "account.activate", "--account", "\x1b[2Jada", code=1)

    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("people_list", LISTS)
def test_table_of_a_list_without_anybody_says_so(cli, people_list):
    result = cli("people", "list", "--list", people_list, "--q", "zzz", code=0)

    assert result.stdout == "Nobody matches.\n"


def test_as_acts_with_the_rights_of_the_account(school):
    username = school.json("accounts", "list", "--type", "teacher")["items"][0]["username"]

    refused = school("accounts", "list", "--as", username, code=1)
    forbidden = school("act", "account.deactivate", "--account", "ada", "--as", username, code=1)
    school("roles", "set", "Default teacher", "--add-permission", "accounts:view", code=0)
    allowed = school.json("accounts", "list", "--as", username)

    assert "accounts:view" in refused.stderr
    assert "act:account.deactivate" in forbidden.stderr
    assert allowed["total"] == 5


def test_as_is_in_the_audit_with_the_operator_beside_it(school):
    school("statuses", "add", "Abroad", "--type", "other", "--as", "ada", code=0)

    entry = school.json("audit", "list", "--kind", "status.create")["items"][0]

    assert (entry["actor"], entry["address"].split(":")[0]) == ("Ada Lund", "cli")


def test_closed_account_cannot_be_acted_with(school):
    username = school.json("accounts", "list", "--type", "teacher")["items"][0]["username"]
    school("act", "account.deactivate", "--account", username, code=0)

    result = school("accounts", "list", "--as", username, code=1)

    assert "is not active" in result.stderr
