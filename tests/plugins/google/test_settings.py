"""The settings, the rules of names, and what the accounts list gets."""

from dataclasses import replace

import pytest
from marshmallow import ValidationError

from rolecall import AccountChange
from rolecall_google import names, register_columns, register_filters, validate_accounts
from rolecall_google.settings import GoogleSettings, address, all_domains, all_units, key_of, licence_rules, owner_of, unit_of

KEY = '{"type": "service_account", "client_email": "x@y.example", "private_key": "s3cret", "token_uri": "https://evil.example"}'
GOOD = {"service_account": KEY, "admin": "rolecall@school.example", "domain": "school.example"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"service_account": "s3cret"},
        {"service_account": '["s3cret"]'},
        {"service_account": '{"client_email": "s3cret"}'},
        {"admin": "rolecall"},
        {"customer": "a/b"},
        {"domain": "school"},
        {"domains": ["student"]},
        {"domains": ["pupil = a.example"]},
        {"domains": ["student = nothing"]},
        {"org_unit": "Students"},
        {"org_unit": "/Students/"},
        {"org_units": ["student = Students"]},
        {"key_type": "a b"},
        {"longest_name": 10},
        {"licences": ["student = 101031"]},
        {"licences": ["pupil/Head = 101031/1010310008"]},
        {"directory_url": "ftp://google"},
        {"assistants": "owner"},
        {"class_owner": "nobody"},
    ],
)
def test_a_setting_that_cannot_be_right_is_refused_and_no_secret_is_quoted(wrong) -> None:
    with pytest.raises(ValidationError) as caught:
        GoogleSettings().load(GOOD | wrong)

    assert set(caught.value.messages) == set(wrong)
    assert "s3cret" not in str(caught.value.messages)


def test_settings_are_taken_as_people_write_them() -> None:
    loaded = GoogleSettings().load(
        GOOD
        | {
            "domains": "student = Students.School.example",
            "org_units": "student = /Students\nteacher = /",
            "licences": "student=101031/1010310008\nteacher / Head = 101037/1010370001",
        }
    )

    assert all_domains(loaded) == ["school.example", "students.school.example"]
    assert all_units(loaded) == ["/Students"]
    assert [unit_of(loaded, kind) for kind in ("student", "teacher", "guardian")] == ["/Students", "/", None]
    assert licence_rules(loaded) == [("student", None, "101031/1010310008"), ("teacher", "Head", "101037/1010370001")]
    assert owner_of(loaded) == "rolecall@school.example"
    assert address(loaded, "directory") == "https://admin.googleapis.com"


def test_of_a_key_file_nothing_is_used_that_names_an_address() -> None:
    assert key_of(KEY) == {"client_email": "x@y.example", "private_key": "s3cret"}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"primaryEmail": "a b@school.example"}, "letters"),
        ({"primaryEmail": "a" * 65 + "@school.example"}, "64"),
        ({"primaryEmail": "anna.@school.example"}, "dot"),
        ({"primaryEmail": "an..na@school.example"}, "two dots"),
        ({"givenName": None}, "first name"),
    ],
)
def test_what_google_could_never_hold_is_said_in_words(wanted, said) -> None:
    assert said in names.fault(wanted)


def test_changes_that_bring_in_a_bad_name_are_refused_and_old_ones_may_stay(account) -> None:
    good, bad = account("anna"), account("анна")

    assert [each.code for each in validate_accounts([AccountChange(before=None, after=bad)])] == ["google-name"]
    assert validate_accounts([AccountChange(before=bad, after=bad)]) == []
    assert validate_accounts([AccountChange(before=None, after=good), AccountChange(before=None, after=replace(bad, deleted=True))]) == []


def test_the_list_gets_a_filter_and_a_column() -> None:
    assert [each.id for each in (*register_filters(), *register_columns())] == ["google", "google_id"]
