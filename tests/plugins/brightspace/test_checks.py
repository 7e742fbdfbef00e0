"""The test of the connection: a line for every scope, permission and role, and nothing is changed."""

import copy
import json

import pytest

from rolecall_brightspace import scopes
from rolecall_brightspace.fake.app import ALL_SCOPES
from rolecall_brightspace.fake.state import SEMESTER
from rolecall_brightspace.provider import BrightspaceProvider

EVERYTHING = {"classes": True, "on_deletion": "delete", "semester": SEMESTER}
NEEDED = scopes.needed(EVERYTHING)


@pytest.fixture
def settings():
    return EVERYTHING


def failed(provider):
    return {line.label: line for line in provider.check() if not line.ok}


def label(scope):
    return f"{scope.what_for} ({scope.name})"


def test_with_everything_granted_every_line_is_right_and_nothing_was_changed(provider, site) -> None:
    before = copy.deepcopy((site.state.users, site.state.units, site.state.courses, site.state.enrolments))

    lines = list(provider.check())

    assert [line for line in lines if not line.ok] == []
    assert {label(scope) for scope in NEEDED} <= {line.label for line in lines}
    assert (site.state.users, site.state.units, site.state.courses, site.state.enrolments) == before


def test_the_public_key_is_shown_ready_to_publish(provider, site) -> None:
    line = next(iter(provider.check()))

    assert json.loads(line.detail.partition(": ")[2]) == site.sign_in.jwks
    assert "PRIVATE" not in line.detail


@pytest.mark.parametrize("scope", NEEDED)
@pytest.mark.parametrize("narrows", [True, False])
def test_each_missing_scope_has_its_line_and_says_how_to_mend_it(provider, site, scope, narrows) -> None:
    site.sign_in.scopes = ALL_SCOPES - {scope.name}
    site.sign_in.narrows = narrows

    lines = failed(provider)

    assert scope.name in lines[label(scope)].fix
    assert not {label(each) for each in NEEDED if each != scope} & lines.keys()


@pytest.mark.parametrize("scope", [each for each in NEEDED if each not in (scopes.CREATE, scopes.NEW_COURSE, scopes.ROLES)])
def test_each_missing_permission_has_its_line(provider, site, scope) -> None:
    site.denied = frozenset({scope.name})

    lines = failed(provider)

    assert "permission" in lines[label(scope)].fix
    assert lines[label(scope)].required


def test_where_tokens_show_no_scopes_each_is_tried(provider, site) -> None:
    site.sign_in.shows_scopes = False
    site.sign_in.narrows = True
    site.sign_in.scopes = ALL_SCOPES - {scopes.ACTIVATE.name}

    lines = {line.label: line for line in provider.check()}

    assert [name for name, line in lines.items() if not line.ok] == [label(scopes.ACTIVATE)]
    assert "Not tried" in lines[label(scopes.CREATE)].detail


def test_a_try_that_fails_for_another_reason_says_so(provider, site) -> None:
    site.fail(503, match=lambda method, path: path.startswith("sessions/"), next=None)

    assert failed(provider)[label(scopes.SIGN_OUT)].fix == "Try again later."


@pytest.mark.parametrize(
    "change", [{"client_id": "another"}, {"key_id": "another"}, {"private_key": "no key"}, {"auth_url": "http://127.0.0.1:9"}]
)
def test_an_app_that_is_refused_ends_the_test_with_that_line(filled, wire, change) -> None:
    lines = list(BrightspaceProvider({**filled, **change}, wire.http).check())

    assert [line.ok for line in lines[:-1]] == [True] * (len(lines) - 1)
    assert not lines[-1].ok
    assert lines[-1].fix


def test_a_version_that_the_site_does_not_have_is_said(provider, site) -> None:
    site.versions = ["1.55", "1.56"]
    assert failed(provider)["Version 1.57 of the learning platform's API"].detail == "The site's latest is 1.56."


def test_another_site_than_brightspace_is_said(provider, wire) -> None:
    wire.fail(status=404, body=b"<html>", next=None, match=lambda request: request.path.startswith("/d2l/"))

    lines = failed(provider)

    assert "address" in lines["Version 1.57 of the learning platform's API"].fix
    assert label(scopes.READ) in lines


def test_a_role_that_does_not_exist_is_said_with_those_that_do(provider, site) -> None:
    del site.state.roles[110]

    lines = failed(provider)

    assert {"Organisation role of student", "Role in courses of student"} <= lines.keys()
    assert "109 Instructor" in lines["Organisation role of student"].fix
    site.state.roles.clear()
    assert "none that" in failed(provider)["Organisation role of student"].fix


@pytest.mark.parametrize("settings", [{"user_types": ["student", "guardian"], "user_roles": ["student = 110"]}])
def test_user_types_without_a_role_are_said_before_their_accounts_wait(provider) -> None:
    (line,) = failed(provider).values()

    assert (line.label, line.required) == ("Organisation role of guardian", False)
    assert "For whom" in line.fix


def test_roles_that_cannot_be_read_are_said(provider, site) -> None:
    site.denied = frozenset({scopes.ROLES.name})

    assert scopes.ROLES.name in failed(provider)["Roles can be read"].fix


@pytest.mark.parametrize("settings", [EVERYTHING | {"course_template": None, "semester": 404, "user_roles": ["student = 110"]}])
def test_what_classes_lack_is_said(provider) -> None:
    assert {"Role in courses of teacher", "Template of new courses", "Semester of new courses"} <= failed(provider).keys()


@pytest.mark.parametrize("settings", [{"keep_roles": False}])
def test_what_is_not_needed_is_not_tried(provider, site) -> None:
    site.sign_in.scopes = frozenset(each.name for each in scopes.needed({"keep_roles": False}))

    assert failed(provider) == {}
    assert not [each for each in site.journal if each["path"].startswith(("courses", "enrollments", "orgstructure"))]
