"""The settings of core."""

import pytest
from marshmallow import ValidationError

from rolecall.accounts import formula, settings
from rolecall.accounts.actors import operator
from rolecall.accounts.core_settings import CoreSettings, core_settings, username_formats
from rolecall.builtin import register_actions
from rolecall.errors import Invalid
from rolecall.sdk.words import USER_TYPES


def test_a_new_institution_has_the_defaults(db):
    with db.read() as session:
        values = core_settings(session)

    assert values["password_min_administrator"] == 12
    assert values["password_min_other"] == 8
    assert values["must_change_first_password"] is True
    assert values["keep_first_password"] is False
    assert values["import_shrink_percent"] == 10
    assert values["retention_days_deleted"] == 30


def test_every_user_type_has_a_formula(db, keyring):
    with db.write() as session:
        settings.write(session, "core", CoreSettings, {"username_format_staff": "{last}.{first:1}"}, actor=operator("x"), keyring=keyring)
        formats = username_formats(session)

    assert formats == dict.fromkeys(USER_TYPES, formula.DEFAULT) | {"staff": "{last}.{first:1}"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("username_format_student", "{nobody}"),
        ("time_zone", "Mars/Base"),
        ("default_language", "Greek"),
        ("phone_region", "gr"),
        ("phone_region", "QZ"),
        ("sender_addresses", ["office"]),
        ("sender_addresses", ["office@school.example", "Office@School.example"]),
        ("sender_addresses", ["office@school.example\r\nBcc: all@school.example"]),
        ("sender_addresses", "office@school.example\nx: y@school.example"),
        ("sender_addresses", [f"office{n}@school.example" for n in range(51)]),
        ("password_min_other", 7),
        ("import_shrink_percent", 101),
        ("retention_days_deleted", 0),
        ("unknown", 1),
        ("must_change_first_password", "perhaps"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_its_field(db, keyring, key, value):
    with db.write() as session, pytest.raises(Invalid) as refused:
        settings.write(session, "core", CoreSettings, {key: value}, actor=operator("x"), keyring=keyring)

    assert list(refused.value.fields) == [key]


def test_every_setting_has_a_label_and_a_group():
    for name, each in CoreSettings().fields.items():
        assert each.metadata.get("label"), name
        assert each.metadata.get("group"), name


def test_the_schema_loads_what_a_form_sends():
    loaded = CoreSettings().load({"password_min_other": "10", "keep_first_password": "yes", "phone_region": "GR", "default_language": "el"})

    assert (loaded["password_min_other"], loaded["keep_first_password"]) == (10, True)
    with pytest.raises(ValidationError):
        CoreSettings().load({"password_min_other": "ten"})


@pytest.mark.parametrize(
    "given",
    [
        ["office@school.example", "head@school.example"],
        "office@school.example,head@school.example",
        "\r\noffice@school.example \r\n head@school.example\r\n",
    ],
)
def test_addresses_come_as_a_list_with_commas_or_one_on_each_line(given):
    assert CoreSettings().load({"sender_addresses": given})["sender_addresses"] == ["office@school.example", "head@school.example"]


def test_the_countries_are_those_of_the_standard_and_kosovo():
    known = CoreSettings().fields["phone_region"].validators[0].choices

    assert len(known) == 1 + 249 + 1
    assert {"", "GR", "CY", "GB", "TW", "XK"} <= set(known)
    assert not {"EU", "UK", "AN", "SU"} & set(known)


def test_what_a_setting_is_said_to_govern_is_an_action():
    known = {each.id for each in register_actions()}

    for name, each in CoreSettings().fields.items():
        assert set(each.metadata.get("governs", ())) <= known, name
