"""Tokens of the service account: signed, over the guarded transport, for exactly the scopes of a call, exchanged when refused."""

import json
import subprocess
import sys

import pytest

from rolecall.errors import Misconfigured, Transient
from rolecall_google.scopes import COURSES, GROUPS, USERS
from rolecall_google.tokens import Door, Tokens


@pytest.fixture
def tokens(school, wire):
    return Tokens(wire.http, school.settings)


def test_a_token_is_asked_for_once_per_scopes_and_kept(tokens, wire) -> None:
    assert tokens.get([USERS]) == tokens.get([USERS]) != tokens.get([USERS, GROUPS])
    assert [request.path for request in wire.journal] == ["/token"] * 2
    assert b"jwt-bearer" in wire.journal[0].body


def test_a_refused_token_is_not_given_again(tokens) -> None:
    old = tokens.get([USERS])

    assert tokens.get([USERS], instead_of=old) != old
    assert tokens.get([USERS], instead_of="another") == tokens.get([USERS])


class TestShort:
    @pytest.fixture
    def options(self):
        return {"lifetime": 100}

    def test_a_token_that_ends_soon_is_asked_for_again(self, tokens) -> None:
        assert tokens.get([USERS]) != tokens.get([USERS])


def test_a_scope_that_was_not_granted_is_a_matter_of_settings_and_says_where(tokens, school) -> None:
    school.sign_in.granted -= {"classroom.courses"}

    with pytest.raises(Misconfigured) as caught:
        tokens.get([COURSES])
    assert "Domain-wide delegation" in caught.value.hint
    assert tokens.get([USERS])


@pytest.mark.parametrize("change", ["client_email", "private_key"])
def test_a_key_that_is_not_ours_is_refused_without_being_shown(school, wire, change) -> None:
    key = json.loads(school.settings["service_account"])
    settings = {**school.settings, "service_account": json.dumps({**key, change: "s3cret"})}

    with pytest.raises(Misconfigured) as caught:
        Tokens(wire.http, settings).get([USERS])
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, b"", Transient),
        (429, b"", Transient),
        (400, b'{"error": "temporarily_unavailable"}', Transient),
        (400, b'{"error": "invalid_grant", "error_description": "Invalid JWT"}', Misconfigured),
        (400, b'{"error": {"code": 7}}', Transient),
        (403, b"<html>", Misconfigured),
        (200, b"<html>", Transient),
        (200, b"[]", Transient),
        (200, b"{}", Transient),
        (200, b'{"access_token": 7}', Transient),
        (200, '{"access_token": "ключ"}'.encode(), Transient),
        (200, b'{"access_token": "x", "expires_in": "soon"}', Transient),
        (200, b'{"access_token": "x", "expires_in": 1e300}', Transient),
    ],
)
def test_each_answer_of_the_sign_in_has_its_class(tokens, wire, status, body, kind) -> None:
    wire.fail(status=status, body=body)

    with pytest.raises(kind):
        tokens.get([USERS])
    assert len(wire.journal) == 1
    assert tokens.get([USERS])


def test_a_token_without_an_end_is_used_once(tokens, wire) -> None:
    wire.fail(status=200, body=b'{"access_token": "x"}', next=2)

    assert (tokens.get([USERS]), tokens.get([USERS])) == ("x", "x")
    assert len(wire.journal) == 2


def test_the_door_leads_nowhere_but_to_the_sign_in(wire) -> None:
    with pytest.raises(Misconfigured):
        Door(wire.http, f"{wire.url}/token")(f"{wire.url}/elsewhere")
    assert wire.journal == []


def test_without_its_library_the_plugin_is_left_out_and_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['google.oauth2'] = None\nfrom rolecall.plugins.registry import Registry\n"
        "print(Registry().installed['google'].fault)"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert "Install rolecall[google]." in said
