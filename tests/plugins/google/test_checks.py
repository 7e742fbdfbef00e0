"""The test of the connection: a line for every scope, right, domain, unit and licence, and nothing is changed."""

import pytest

from rolecall_google import scopes
from rolecall_google.fake import ALL_RIGHTS, ALL_SCOPES
from rolecall_google.fake.app import STUDENT_LICENCE
from rolecall_google.provider import GoogleProvider

EVERYTHING = {
    "classes": True,
    "licences": [f"student = {STUDENT_LICENCE}"],
    "domains": ["student = students.school.example"],
    "org_units": ["student = /Students"],
}
SCOPES = (*scopes.working(EVERYTHING), *scopes.looking(EVERYTHING))


@pytest.fixture
def settings():
    return EVERYTHING


def failed(provider):
    return {line.label: line for line in provider.check() if not line.ok}


def test_with_everything_granted_every_line_is_right_and_nothing_was_changed(provider, school) -> None:
    before = (dict(school.state.users), dict(school.state.groups))

    assert failed(provider) == {}
    assert (school.state.users, school.state.groups) == before
    assert not [each for each in school.journal if each["method"] != "GET" and each["status"] != 404]


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
def test_each_missing_scope_has_its_line_and_says_what_to_add(provider, school, scope) -> None:
    school.sign_in.granted = ALL_SCOPES - {scope.name}

    (line,) = failed(provider).values()

    assert line.label == f"{scope.what_for} ({scope.name})"
    assert scope.address in line.fix
    assert line.required == scope.required


@pytest.mark.parametrize(
    ("right", "label"),
    [
        ("users.read", "Users can be found by our key"),
        ("users.update", "Users can be changed"),
        ("users.delete", "Users can be deleted"),
        ("groups.read", "Groups can be read"),
        ("groups.update", "Members of groups can be changed"),
        ("licences", f"Licence {STUDENT_LICENCE}"),
        ("courses", "Courses can be read"),
        ("rosters", "Members of courses can be changed"),
        ("domains", "Domains can be looked at"),
        ("units", "Organisational units can be looked at"),
    ],
)
def test_each_missing_right_has_its_line_and_says_how_to_mend_it(provider, school, right, label) -> None:
    school.rights = ALL_RIGHTS - {right}

    assert failed(provider)[label].fix


def test_a_try_that_fails_for_another_reason_says_so(provider, school) -> None:
    school.fail(503, reason="backendError", match=lambda method, path: method == "DELETE", next=None)

    assert failed(provider)["Users can be deleted"].fix == "Try again later."


@pytest.mark.parametrize(
    "change",
    [{"admin": "nobody@school.example"}, {"service_account": '{"client_email": "x", "private_key": "y"}'}, {"service_account": "{}"}],
)
def test_a_service_account_that_is_refused_leaves_nothing_more_to_try(school, wire, change) -> None:
    lines = list(GoogleProvider({**school.settings, **change}, wire.http).check())

    assert [line.ok for line in lines] == [False] * 3
    assert all(line.fix for line in lines)
    assert school.journal == []


def test_a_sign_in_that_is_not_there_is_said(provider, wire) -> None:
    wire.fail(status=503, next=None)

    assert {line.fix for line in failed(provider).values()} == {"Check that this server may reach Google's sign-in."}


@pytest.mark.parametrize(
    ("fields", "ok", "said"),
    [
        ({"isAdmin": True, "isDelegatedAdmin": False}, True, "fewer rights"),
        ({"isDelegatedAdmin": False}, False, "administrator's role"),
        ({"suspended": True}, False, "suspended"),
    ],
)
def test_the_administrator_is_looked_at(provider, school, fields, ok, said) -> None:
    next(iter(school.state.users.values())).update(fields)

    (line,) = [line for line in provider.check() if line.label == "The administrator to act as"]

    assert line.ok == ok
    assert said in line.detail + line.fix


def test_domains_and_units_must_be_there(provider, school) -> None:
    school.state.domains["students.school.example"] = False
    school.state.units.clear()

    lines = failed(provider)

    assert "verify" in lines["Domain students.school.example"].fix
    assert "capital letters" in lines["Organisational unit /Students"].fix
    assert "Domain school.example" not in lines
