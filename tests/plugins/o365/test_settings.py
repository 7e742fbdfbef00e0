"""The settings, the rules of names, and what the accounts list gets."""

import subprocess
import sys
from dataclasses import replace

import pytest
from marshmallow import ValidationError

from rolecall import AccountChange
from rolecall_o365 import names, register_columns, register_filters, validate_accounts
from rolecall_o365.settings import MicrosoftSettings, all_domains

GOOD = {"tenant": "school.example", "client_id": "6731de76-14a6-49ae-97bc-6eba6914391e", "domain": "school.example", "usage_location": "GR"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant": "a/b"},
        {"client_id": "x"},
        {"domain": "school"},
        {"domain": "a" * 50 + ".example"},
        {"usage_location": "Greece"},
        {"key_slot": "employeeId"},
        {"domains": ["student"]},
        {"domains": ["pupil = a.example"]},
        {"domains": ["student = nothing"]},
        {"licences": ["student = ?"]},
        {"licences": ["pupil/Head = ABC"]},
        {"cloud": "moon"},
        {"graph_url": "ftp://graph"},
    ],
)
def test_a_setting_that_cannot_be_right_is_refused(wrong) -> None:
    with pytest.raises(ValidationError) as caught:
        MicrosoftSettings().load(GOOD | wrong)

    assert set(caught.value.messages) == set(wrong)


def test_settings_are_taken_as_people_write_them() -> None:
    loaded = MicrosoftSettings().load(
        GOOD | {"domains": "student = Students.School.example", "licences": "student=A_B\nteacher / Head = C_D"}
    )

    assert all_domains(loaded) == ["school.example", "students.school.example"]
    assert loaded["licences"] == ["student=A_B", "teacher / Head = C_D"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"userPrincipalName": "a b@school.example"}, "letters"),
        ({"userPrincipalName": "a" * 65 + "@school.example"}, "64"),
        ({"userPrincipalName": "anna.@school.example"}, "dot"),
        ({"displayName": None}, "name to show"),
        ({"jobTitle": "x" * 129}, "128"),
    ],
)
def test_what_microsoft_could_never_hold_is_said_in_words(wanted, said) -> None:
    assert said in names.fault(wanted)


def test_changes_that_bring_in_a_bad_name_are_refused_and_old_ones_may_stay(account) -> None:
    good, bad, long = account("anna"), account("анна"), account("eve", first_name="x" * 65)

    assert [each.code for each in validate_accounts([AccountChange(before=None, after=bad)])] == ["o365-name"]
    assert validate_accounts([AccountChange(before=bad, after=bad)]) == []
    assert len(validate_accounts([AccountChange(before=good, after=replace(long, id=good.id))])) == 1
    assert validate_accounts([AccountChange(before=None, after=good), AccountChange(before=None, after=replace(bad, deleted=True))]) == []


def test_without_its_library_the_plugin_is_left_out_and_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['msal'] = None\nfrom rolecall.plugins.registry import Registry\nprint(Registry().installed['o365'].fault)"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert "Install rolecall[o365]." in said


def test_the_list_gets_a_filter_and_a_column() -> None:
    assert [each.id for each in (*register_filters(), *register_columns())] == ["o365", "o365_id"]
