"""``rolecall keys``: what an operator sees and does, without a key ever being shown."""

import os
from pathlib import Path

import pytest

from rolecall.accounts.keys import ENCRYPTION_KEYS
from rolecall.work import rotation


def key_file(cli):
    return Path(cli.env["ROLECALL_DATA"]) / ENCRYPTION_KEYS


def test_keys_are_exchanged_from_the_command_line(school):
    before = school.json("keys", "status")
    assert before["total"] == before["keys"][0]["values"] == 4
    assert before["keys"][0]["places"] == {"account.sealed_password": 4}

    new = school.json("keys", "rotate")["key"]
    resealed = school.json("keys", "rotate", "--reseal")

    assert (resealed["resealed"], resealed["left"]) == (4, 0)
    assert [(each["fingerprint"], each["seals"], each["values"]) for each in resealed["keys"]] == [
        (new, True, 4),
        (before["keys"][0]["fingerprint"], False, 0),
    ]
    assert "Try again in 10 minutes." in school("keys", "retire", code=1).stderr
    past = key_file(school).stat().st_mtime - rotation.SETTLED.total_seconds() - 1
    os.utime(key_file(school), (past, past))
    assert school.json("keys", "retire")["removed"] == [before["keys"][0]["fingerprint"]]
    assert "there is one key" in school("keys", "retire", code=0).stdout
    assert school.json("runs", "list")["items"]


def test_no_key_is_ever_shown(school):
    school("keys", "rotate", code=0)
    secrets = key_file(school).read_text("ascii").strip().split(",")
    assert len(secrets) == 2

    said = [
        school(*words, code=0).output
        for words in (("keys",), ("keys", "--json"), ("keys", "rotate", "--reseal"), ("config",), ("audit", "list", "--json"))
    ]

    assert [key for key in secrets for text in said if key in text] == []


def test_keys_in_the_environment_are_for_the_operator_to_change(school):
    old = key_file(school).read_text("ascii").strip()
    new = school.json("keys", "new")["key"]
    school.env["ROLECALL_ENCRYPTION_KEYS"] = f"{new},{old}"

    refused = school("keys", "rotate", code=1).stderr
    resealed = school("keys", "rotate", "--reseal", code=0).stdout

    assert "ROLECALL_ENCRYPTION_KEYS" in refused
    assert "keys new" in refused
    assert "4 values sealed again" in resealed
    assert "remove the key" in school("keys", "retire", code=1).stderr
    school.env["ROLECALL_ENCRYPTION_KEYS"] = new
    assert school.json("keys", "status")["unreadable"] == 0


def test_a_missing_key_is_said_with_the_number_of_values_that_wait_for_it(school):
    school.env["ROLECALL_ENCRYPTION_KEYS"] = school.json("keys", "new")["key"]

    assert "4 values cannot be opened by any of them" in school("keys", "status", code=0).stdout


@pytest.mark.parametrize("words", [("status",), ("rotate",), ("rotate", "--reseal"), ("retire",)])
def test_no_account_may_look_at_keys_or_change_them(school, words):
    assert "operator" in school("keys", *words, "--as", "ada", code=1).stderr
