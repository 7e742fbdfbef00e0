"""``rolecall periods``: adding, making current, closing, opening again and deleting (R59, R59a)."""

import pytest


def test_period_is_made_current_and_the_old_one_closed(cli):
    old = cli.json("periods")["items"][0]["code"]
    cli("periods", "add", "2031", "--name", "2031/32", "--from", "2031-09-01", "--to", "2032-08-31", code=0)

    refused = cli("periods", "close", old, code=1)
    current = cli.json("periods", "current", "2031")
    closed = cli.json("periods", "close", old)
    renamed = cli.json("periods", "set", "2031", "--name", "The year 2031")

    assert "current period" in refused.stderr
    assert current["is_current"]
    assert not closed["is_open"]
    assert renamed["name"] == "The year 2031"


def test_closed_period_is_opened_again(cli):
    cli("periods", "add", "2031", "--from", "2031-09-01", "--to", "2032-08-31", code=0)
    cli("periods", "close", "2031", code=0)

    assert cli.json("periods", "open", "2031")["is_open"]


def test_period_that_nobody_uses_is_deleted_with_consent(cli):
    current = cli.json("periods")["items"][0]["code"]
    cli("periods", "add", "2031", "--from", "2031-09-01", "--to", "2032-08-31", code=0)

    unasked = cli("periods", "delete", "2031", code=1)
    deleted = cli.json("periods", "delete", "2031", "--yes")
    refused = cli("periods", "delete", current, "--yes", code=1)

    assert "--yes" in unasked.stderr
    assert deleted["code"] == "2031"
    assert "current period" in refused.stderr
    assert [each["code"] for each in cli.json("periods")["items"]] == [current]


@pytest.fixture
def year(school):
    """The school with a next period, and roles of two years for its students."""
    old = school.json("periods")["items"][0]["code"]
    school("periods", "add", "2031", "--from", "2031-09-01", "--to", "2032-08-31", code=0)
    for name in ("Year 1", "Year 2"):
        school("roles", "add", name, "--type", "student", code=0)
    school(
        "act",
        "roles.assign",
        "--where",
        "type=student",
        "--set",
        f"period={old}",
        "--set",
        "role=Year 1",
        "--set",
        "mode=replace",
        "--yes",
        code=0,
    )
    return school, old


def test_rollover_shows_first_who_becomes_what_and_does_nothing(year):
    school, old = year

    document = school.json("periods", "rollover", old, "2031", "--map", "Year 1=Year 2", "--where", "type=student", "--dry-run")
    text = school("periods", "rollover", old, "2031", "--map", "Year 1=-", "--dry-run", code=0).stdout

    assert (document["total"], document["will"], document["without_role"]) == (3, 3, 0)
    assert document["roles"] == [{"role": "Year 1", "becomes": "Year 2", "count": 3}]
    assert "Whoever was Year 1 gets no role in 2031." in text
    assert "3 of them can sign in today" in text
    assert school.json("accounts", "list", "--role", "none", "--period", "2031")["total"] == 5


def test_rollover_needs_consent_then_runs_and_is_taken_back(year):
    school, old = year
    words = ("periods", "rollover", old, "2031", "--map", "Year 1=Year 2", "--current")

    unasked = school(*words, code=1)
    run = school.json(*words, "--yes")
    current = [each["code"] for each in school.json("periods")["items"] if each["is_current"]]
    undo = school.json("runs", "undo", str(run["id"]), "--yes")

    assert "--yes" in unasked.stderr
    assert (run["action"], run["counts"]["done"], current) == ("roles.rollover", 5, ["2031"])
    assert run["facts"]["conclusion"]["notes"] == ["2031 is the current period now."]
    assert undo["counts"]["done"] == 5
    assert [each["code"] for each in school.json("periods")["items"] if each["is_current"]] == [old]


def test_rollover_names_who_ends_without_a_role_and_the_command_that_lists_them(year):
    school, old = year

    result = school("periods", "rollover", old, "2031", "--map", "Year 1=-", "--yes", code=0)

    assert "3 accounts have no role in 2031." in result.stdout
    words = result.stdout.split("“rolecall ")[1].split("”")[0].split()
    assert school.json(*words)["total"] == 3


def test_copying_gives_what_accounts_have_and_asks_nothing_of_a_script(year):
    school, old = year

    run = school.json("periods", "copy", old, "2031", "--where", "type=student")

    assert (run["action"], run["counts"]["done"]) == ("roles.copy", 3)
    assert school.json("accounts", "list", "--role", "Year 1", "--period", "2031")["total"] == 3


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--map", "Year 1=Year 3"), 2, "There is no role Year 3"),
        (("--map", "Year 1"), 2, "no equals sign"),
        (("--where", "typ=student"), 2, "typ"),
    ],
)
def test_what_rollover_cannot_mean_is_a_wrong_usage(year, words, code, sentence):
    school, old = year

    assert sentence in school("periods", "rollover", old, "2031", *words, "--yes", code=code).stderr


def test_rollover_into_a_closed_period_or_one_that_is_not_there_is_refused(year):
    school, old = year
    school("periods", "close", "2031", code=0)

    assert "is closed" in school("periods", "rollover", old, "2031", "--yes", code=1).stderr
    assert "no period 2032" in school("periods", "copy", old, "2032", code=1).stderr
