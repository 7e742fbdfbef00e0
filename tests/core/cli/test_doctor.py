"""``rolecall doctor``: a sentence, what mends each thing as a command, and an exit code."""

import shlex

from rolecall.store.engine import Database, now
from rolecall.store.tables import Account, Link
from rolecall.work import heartbeat


def test_whoever_can_sign_in_is_told_how_with_exit_code_0(school):
    answer = school("doctor", "ada", code=0)

    assert answer.stdout.startswith("They can sign in: user name ada")
    assert "ok       Role: The Global Owner needs no role." in answer.stdout


def test_whoever_cannot_is_told_why_and_what_mends_it_with_exit_code_1(school):
    (anna,) = school.json("accounts", "list", "--q", "anna")["items"]
    school("act", "account.deactivate", "--account", anna["username"], "--reason", "moved away", code=0)

    answer = school("doctor", anna["username"].upper(), code=1).stdout

    assert answer.startswith("They cannot sign in. The account was deactivated by ")
    assert "moved away" in answer
    assert f"→ rolecall act account.activate --account {anna['username']}" in answer
    school("act", "account.activate", "--account", anna["username"], code=0)
    school("doctor", anna["username"], code=0)


def test_every_command_that_mends_is_one_that_exists(school):
    (anna,) = school.json("accounts", "list", "--q", "anna")["items"]
    account = ("--account", anna["username"])
    school("roles", "add", "Night school", "--type", "student", code=0)
    period = anna["roles"][0]["period"]
    assign = ("--set", "mode=replace", "--set", f"period={period}", "--set", "role=Night school")
    school("act", "roles.assign", *account, *assign, code=0)
    school("roles", "set", "Night school", "--type", "student", "--active", "no", code=0)
    school("act", "roles.disable_period", *account, "--set", f"periods={period}", code=0)
    school("act", "account.delete", *account, "--yes", code=0)
    school("people", "set", "S1", "--list", "students", "--active", "no", code=0)

    answer = school("doctor", anna["username"], code=1).stdout

    offered = [shlex.split(line.partition("→ rolecall ")[2]) for line in answer.splitlines() if "→" in line]
    assert ["people", "set", "S1", "--list", "students"] in offered
    assert ["roles", "set", "Night school", "--type", "student"] in offered
    assert ["act", "account.restore", *account] in offered
    for words in offered:
        school(*words, "--help", code=0)


def test_a_worker_that_is_missing_is_told_with_the_command_that_starts_one(school):
    (anna,) = school.json("accounts", "list", "--q", "anna")["items"]
    database = Database(school.env["ROLECALL_DATABASE_URL"])
    with database.write() as session:
        moment = now(session)
        session.add(Link(account_id=anna["id"], provider="moodle", goal="present", wanted=1, synced=0, changed_at=moment))
    told = school("doctor", anna["username"], code=0).stdout
    with database.write() as session:
        heartbeat.beat(session, "here:1", "threads", looked=True)
    database.close()

    assert "No worker was ever here, so what is to be done waits: a change for a service." in told
    assert "→ rolecall worker" in told
    assert "rolecall worker" not in school("doctor", anna["username"], code=0).stdout


def test_the_document_is_the_one_of_the_api(school):
    (anna,) = school.json("accounts", "list", "--q", "anna")["items"]

    document = school.json("doctor", anna["username"])

    assert (document["account"], document["can_sign_in"], document["sign_ins"]) == (anna["id"], True, [])
    first = next(each for each in document["findings"] if each["code"] == "first-password")
    assert first["state"] == "ok"
    assert first["until"].endswith("Z")


def test_nobody_of_that_name_is_a_refusal(school):
    assert "no account with the user name nobody" in school("doctor", "nobody", code=1).stderr


def test_it_takes_the_right_to_see_accounts(school):
    (anna,) = school.json("accounts", "list", "--q", "anna")["items"]

    assert "accounts:view" in school("doctor", "ada", "--as", anna["username"], code=1).stderr


def test_a_name_cannot_steer_the_terminal(school):
    (anna,) = school.json("accounts", "list", "--q", "anna")["items"]
    database = Database(school.env["ROLECALL_DATABASE_URL"])
    with database.write() as session:
        session.get_one(Account, anna["id"]).email = "\x1b[2Janna@home.example"
    database.close()

    assert "\x1b" not in school("doctor", anna["username"], code=0).stdout
