"""Moodle's rules for names, and where they refuse a change."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

import rolecall_moodle
from rolecall import AccountChange, AccountSnapshot
from rolecall_moodle import names
from rolecall_moodle.provider import MoodleProvider
from rolecall_moodle.settings import MoodleSettings, languages

MakeAccount = Callable[..., AccountSnapshot]


@given(username=st.text(alphabet=st.characters(codec="utf-8"), max_size=120))
def test_user_name_without_fault_is_one_that_moodle_takes(username: str):
    good = re.fullmatch(r"[a-z0-9._@-]{1,100}", username.lower()) is not None and len(username) <= 100

    assert (names.username_fault(username) is None) == good


@pytest.mark.parametrize("username", ["karl+1", "karl smith", "κάρλ", "", "v" * 101])
def test_new_account_with_a_user_name_moodle_refuses_is_refused(account: MakeAccount, username: str):
    refusals = list(names.refusals([AccountChange(before=None, after=account("karl", username=username))]))

    assert len(refusals) == 1
    assert refusals[0].message.startswith("Moodle takes")


def test_only_a_change_that_brings_the_value_in_is_refused(account: MakeAccount):
    old = account("karl+1")
    same = AccountChange(before=old, after=replace(old, active=False))
    worse = AccountChange(before=old, after=replace(old, username="karl+2"))
    better = AccountChange(before=old, after=replace(old, username="karl"))
    longer = AccountChange(before=old, after=replace(old, person=replace(old.person, last_name="L" * 101)))
    gone = AccountChange(before=old, after=replace(old, username="karl+3", deleted=True))

    refused = list(rolecall_moodle.validate_accounts([same, worse, better, longer, gone]))

    assert [refusal.message.split()[2] for refusal in refused] == ["only", "a"]
    assert all(refusal.account_id == old.id for refusal in refused)


def test_good_names_pass_and_capitals_are_no_fault(account: MakeAccount):
    assert list(names.refusals([AccountChange(before=None, after=account("Anna.K-1_2@school.example"))])) == []


def test_fault_names_what_is_wrong():
    assert names.fault({"username": "anna", "firstname": "A", "lastname": "B", "email": "a@x.example"}) is None
    assert "last name" in str(names.fault({"lastname": ""}))
    assert "<" in str(names.fault({"firstname": "A<b>"}))
    assert "e-mail" in str(names.fault({"email": "nowhere"}))
    assert "e-mail" in str(names.fault({"email": "a" * 100 + "@x"}))


def test_settings_are_checked_and_have_defaults():
    token = "0123456789abcdef0123456789abcdef"

    loaded = MoodleSettings().load({"base_url": "http://127.0.0.1:8080", "token": token})

    assert loaded == {
        "base_url": "http://127.0.0.1:8080",
        "token": token,
        "auth": "manual",
        "force_password_change": True,
        "languages": "",
        "cohorts": True,
        "class_category": 1,
        "class_groups": False,
        "role_student": 5,
        "role_teacher": 3,
        "role_assistant": 4,
    }
    for bad in ({"base_url": "moodle"}, {"token": "a b"}, {"auth": "No!"}, {"languages": "en;el"}, {"role_teacher": 4}):
        with pytest.raises(ValidationError):
            MoodleSettings().load({"base_url": "https://moodle.school.example", "token": token, **bad})
    assert languages({"languages": "en, EL  pt-BR,"}) == ["en", "el", "pt_br"]


def test_every_setting_has_a_label_a_help_and_a_group_and_the_token_is_secret():
    fields = MoodleSettings().fields

    assert all({"label", "help", "group"} <= set(field.metadata) for field in fields.values())
    assert [name for name, field in fields.items() if field.metadata.get("secret")] == ["token"]


def test_plugin_declares_its_provider_and_settings():
    assert list(rolecall_moodle.register_providers()) == [MoodleProvider]
    assert rolecall_moodle.plugin_settings() is MoodleSettings is MoodleProvider.settings_schema
