"""The institution's settings over the API: flat by their names, and described (R50a, R56)."""

import pytest


def test_settings_are_described_with_default_origin_and_who_changed_them(owner):
    owner.patch("/settings", {"retention_days_deleted": 90})

    found = {each["key"]: each for each in owner.get("/settings/details?plugin=core").json["items"]}

    assert set(found) == set(owner.get("/settings").json)
    kept, other = found["retention_days_deleted"], found["import_shrink_percent"]
    assert (kept["value"], kept["default"], kept["origin"], kept["changed_at"][-1]) == (90, 30, "set", "Z")
    assert kept["changed_by"]
    assert kept["governs"] == ["account.delete", "account.restore"]
    assert (other["value"], other["origin"], other["changed_at"], other["changed_by"]) == (10, "default", None, None)
    assert other["risk"]


def test_settings_of_plugins_are_found_too_and_their_secrets_never_shown(owner):
    owner.patch("/plugins/moodle", {"settings": {"base_url": "https://moodle.example.org", "token": "feedface" * 4}, "untested": True})

    answer = owner.get("/settings/details?q=token")

    (token,) = [each for each in answer.json["items"] if each["plugin"] == "moodle" and each["key"] == "token"]
    assert (token["secret"], token["is_set"], token["value"], token["default"]) == (True, True, None, None)
    assert "feedface" not in answer.text


def test_null_gives_a_setting_its_default_again(owner):
    owner.patch("/settings", {"retention_days_deleted": 90, "sender_addresses": ["office@school.example"]})

    answer = owner.patch("/settings", {"retention_days_deleted": None, "sender_addresses": None})

    assert answer.status_code == 200
    assert (answer.json["retention_days_deleted"], answer.json["sender_addresses"]) == (30, [])


def test_lists_are_arrays(owner):
    answer = owner.patch("/settings", {"sender_addresses": ["office@school.example", "head@school.example"]})

    assert answer.json["sender_addresses"] == ["office@school.example", "head@school.example"]


@pytest.mark.parametrize(
    "addresses", [["office"], ["a@b.example", "A@b.example"], ["a@b.example\r\nBcc: x@y.example"], [1], {"a": 1}, [None]]
)
def test_what_is_no_list_of_addresses_is_refused_by_field(owner, addresses):
    answer = owner.patch("/settings", {"sender_addresses": addresses})

    assert answer.status_code == 422
    assert list(answer.json["fields"]) == ["sender_addresses"]


def test_a_word_that_is_no_setting_gets_the_nearest(owner):
    answer = owner.patch("/settings", {"institution_nam": "Lyceum"})

    assert answer.json["fields"] == {"institution_nam": ["There is no such setting. Did you mean institution_name?"]}


def test_settings_of_a_plugin_that_is_not_installed_are_not_found(owner):
    assert owner.get("/settings/details?plugin=nothing").status_code == 404
