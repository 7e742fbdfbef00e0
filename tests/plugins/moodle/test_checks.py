"""Testing the connection: a line for each need, a way to mend it, and nothing changed."""

from typing import Any

import pytest

from rolecall import CheckLine
from rolecall.testing.wire import Wire
from rolecall_moodle.checks import COHORT_FUNCTIONS, USER_FUNCTIONS
from rolecall_moodle.fake import ALL_RIGHTS, FakeMoodle, create_app
from rolecall_moodle.provider import MoodleProvider

NEEDED = {
    "webservice/rest:use",
    "moodle/user:create",
    "moodle/user:update",
    "moodle/user:delete",
    "moodle/user:viewdetails",
    "moodle/user:viewalldetails",
    "moodle/site:viewuseridentity",
    "moodle/site:viewfullnames",
    "moodle/cohort:manage",
}


def failing(provider: MoodleProvider) -> list[CheckLine]:
    """Return the lines that are not well."""
    return [line for line in provider.check() if not line.ok]


def test_well_connected_site_has_only_good_lines_and_is_not_changed(moodle: FakeMoodle, wire: Wire):
    provider = MoodleProvider({**moodle.settings, "languages": "en, el"}, wire.http)
    before = (dict(moodle.state.users), dict(moodle.state.cohorts))

    lines = list(provider.check())

    assert [line for line in lines if not line.ok] == []
    assert len(lines) == 3 + len(USER_FUNCTIONS) + len(COHORT_FUNCTIONS) + 3 + 4 + 3
    assert (moodle.state.users, moodle.state.cohorts) == before
    assert moodle.mails == []


def test_each_function_the_plugin_calls_has_a_line_in_check_and_guide(provider: MoodleProvider):
    for name in (*USER_FUNCTIONS, *COHORT_FUNCTIONS):
        assert name in provider.guide
        assert any(name in line.label for line in provider.check())


def test_minimal_rights_of_the_guide_are_enough_and_all_needed(moodle: FakeMoodle, provider: MoodleProvider):
    token = moodle.settings["token"]
    assert all(f"`{right}`" in provider.guide for right in NEEDED)
    moodle.change_token(token, rights=frozenset(NEEDED))
    assert failing(provider) == []

    for right in NEEDED:
        moodle.change_token(token, rights=frozenset(NEEDED - {right}))
        lines = failing(provider)
        assert any(right in line.label and line.fix for line in lines), right


@pytest.mark.parametrize("name", [*USER_FUNCTIONS[1:], *COHORT_FUNCTIONS])
def test_missing_function_is_named_with_the_way_to_add_it(moodle: FakeMoodle, provider: MoodleProvider, name: str):
    moodle.change_token(moodle.settings["token"], functions=frozenset({*USER_FUNCTIONS, *COHORT_FUNCTIONS} - {name}))

    lines = failing(provider)

    assert lines[0].label == f"Function {name}"
    assert "External services" in lines[0].fix


def test_cohorts_switched_off_need_no_cohort_rights(moodle: FakeMoodle, wire: Wire):
    provider = MoodleProvider({**moodle.settings, "cohorts": False}, wire.http)
    moodle.change_token(moodle.settings["token"], rights=frozenset(NEEDED - {"moodle/cohort:manage"}), functions=frozenset(USER_FUNCTIONS))

    assert failing(provider) == []


@pytest.mark.parametrize(
    ("settings", "label"),
    [({"auth": "shibboleth"}, "Login method shibboleth"), ({"languages": "en, sq"}, "Language pack sq")],
)
def test_what_the_site_has_not_installed_is_named(moodle: FakeMoodle, wire: Wire, settings: dict[str, Any], label: str):
    provider = MoodleProvider({**moodle.settings, **settings}, wire.http)

    assert [line.label for line in failing(provider)] == [label]


@pytest.mark.parametrize("how", ["revoked", "expired", "elsewhere", "suspended", "no web services"])
def test_refused_token_is_told_and_nothing_else_is_tried(moodle: FakeMoodle, provider: MoodleProvider, wire: Wire, how: str):
    token = moodle.settings["token"]
    if how == "revoked":
        moodle.revoke_token(token)
    elif how == "expired":
        moodle.change_token(token, expires=1.0)
    elif how == "elsewhere":
        moodle.change_token(token, address_allowed=False)
    elif how == "suspended":
        moodle.state.put_user({**moodle.state.users[3], "suspended": True})
    else:
        moodle.web_services = False

    lines = list(provider.check())

    assert [line.ok for line in lines] == [True, False]
    assert lines[1].fix
    assert len(wire.journal) == 1


@pytest.mark.parametrize("how", ["down", "closed", "login page", "wrong address", "not allowed", "other json", "no functions"])
def test_site_that_cannot_be_reached_is_told(moodle: FakeMoodle, wire: Wire, how: str):
    settings = dict(moodle.settings)
    if how == "down":
        wire.drop(when="before")
    elif how == "closed":
        moodle.maintenance = "cli"
    elif how == "login page":
        wire.garbage()
    elif how == "wrong address":
        settings["base_url"] += "/moodle"
    elif how == "not allowed":
        settings["base_url"] = "http://127.0.0.1:1"
    elif how == "other json":
        wire.garbage(body=b"[]")
    else:
        wire.garbage(body=b'{"functions": 5}')

    lines = list(MoodleProvider(settings, wire.http).check())

    assert [(line.label, line.ok) for line in lines] == [("Reach the site", False)]
    assert lines[0].fix


def test_other_release_is_a_remark_only():
    with Wire(create_app("http://x", release="5.1 (Build: 20261006)")) as wire:
        app = create_app("http://x")
        provider = MoodleProvider({**app.settings, "base_url": wire.url}, wire.http)

        lines = failing(provider)

    assert [(line.label, line.required) for line in lines] == [("Moodle release", False)]
    assert "5.1" in lines[0].detail


def test_fault_in_the_middle_is_a_line_like_any_other(provider: MoodleProvider, wire: Wire):
    wire.fail(status=500, match=lambda request: b"core_user_delete_users" in request.body)
    wire.fail(status=500, match=lambda request: b"core_user_get_users_by_field" in request.body)
    wire.fail(status=500, match=lambda request: b"%5D%5Bauth%5D" in request.body)

    labels = [line.label for line in failing(provider)]

    assert labels == ["Read users", "Right moodle/user:delete", "Login method manual"]


def test_rights_matter_to_the_fake():
    assert NEEDED <= ALL_RIGHTS
