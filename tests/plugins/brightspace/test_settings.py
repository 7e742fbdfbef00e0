"""The settings, the scopes they need, and what the accounts list gets."""

import pytest
from marshmallow import ValidationError

from rolecall_brightspace import register_columns, register_filters, scopes
from rolecall_brightspace.settings import BrightspaceSettings, class_roles, organisation_roles, site_of

GOOD = {"base_url": "https://learn.school.example/d2l/home", "client_id": "6c0638b1", "private_key": "x", "user_roles": ["student = 110"]}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("base_url", "learn.school.example", "URL"),
        ("client_id", "with space", "client id"),
        ("key_id", "", "Letters"),
        ("algorithm", "HS256", "one of"),
        ("algorithm", "none", "one of"),
        ("lp_version", "1.56", "1.57"),
        ("lp_version", "latest", "version"),
        ("scope", "users;data", "Scopes"),
        ("user_roles", [], "At least one"),
        ("user_roles", ["student"], "equals sign"),
        ("user_roles", ["student = Learner"], "equals sign"),
        ("user_roles", ["pupil = 110"], "user type"),
        ("class_roles", ["head = 110"], "role in a class"),
        ("class_roles", ["teacher = 110", "student = 110"], "different"),
        ("course_template", 0, "greater"),
    ],
)
def test_wrong_settings_are_refused_in_words(field, value, said) -> None:
    with pytest.raises(ValidationError) as caught:
        BrightspaceSettings().load(GOOD | {field: value})

    assert said in str(caught.value.messages[field])


def test_settings_are_taken_as_people_write_them() -> None:
    loaded = BrightspaceSettings().load(
        GOOD | {"lp_version": "1.58", "user_roles": "student=110, teacher = 109", "class_roles": "teacher = 108\nassistant=112"}
    )

    assert loaded["lp_version"] == "1.58"
    assert organisation_roles(loaded) == {"student": 110, "teacher": 109}
    assert class_roles(loaded) == {"student": 110, "teacher": 108, "assistant": 112}


@pytest.mark.parametrize(
    ("given", "site"),
    [
        ("https://learn.school.example", "https://learn.school.example"),
        ("https://learn.school.example/", "https://learn.school.example"),
        ("https://learn.school.example/d2l/home?ou=6606", "https://learn.school.example"),
        ("http://127.0.0.1:8000/_fake/brightspace", "http://127.0.0.1:8000/_fake/brightspace"),
    ],
)
def test_what_was_copied_from_a_page_of_the_site_is_left_out(given, site) -> None:
    assert site_of({"base_url": given}) == site


def test_an_app_asks_for_what_it_needs_and_no_more() -> None:
    everything = {"keep_roles": True, "classes": True, "on_deletion": "delete"}

    least = scopes.asked_for({"keep_roles": False}).split()

    assert "users:userdata:delete" not in least
    assert not [scope for scope in least if scope.startswith(("enrollment", "orgunits", "organizations"))]
    assert len(scopes.asked_for(everything).split()) == len(set(scopes.asked_for(everything).split())) == 14
    assert scopes.DELETE in scopes.needed({"on_deactivation": "delete"})
    assert scopes.asked_for({**everything, "scope": "core:*:*, users:*:*"}) == "core:*:* users:*:*"


@pytest.mark.parametrize(
    ("granted", "covered"),
    [
        ("users:userdata:read", True),
        ("users:userdata:create,read,update", True),
        ("users:*:*", True),
        ("*:*:*", True),
        ("users:userdata:create", False),
        ("users:profile:read", False),
        ("users:userdata", False),
    ],
)
def test_a_scope_may_be_granted_by_a_pattern(granted, covered) -> None:
    assert scopes.covers(frozenset({granted}), "users:userdata:read") is covered


def test_the_list_gets_a_filter_and_a_column() -> None:
    assert [each.id for each in (*register_filters(), *register_columns())] == ["brightspace", "brightspace_id"]
