"""Creations that meet a server which dies, garbles, lies or is closed: only the guilty fail, and nobody is made twice."""

from collections.abc import Callable
from typing import Any

import pytest

from rolecall import AccountSnapshot, Change, Result, RoleSnapshot, Secret, Verb
from rolecall.errors import Ambiguous, Misconfigured, Permanent, Transient
from rolecall.testing.wire import Wire
from rolecall_moodle.fake import FakeMoodle

MakeAccount = Callable[..., AccountSnapshot]
MakeChange = Callable[..., Change]
Apply = Callable[..., dict[str, Result]]
Calls = Callable[[], list[str]]

CREATE = "user_create_users"
MAIN = (RoleSnapshot(period="2026", role="Main"),)


def asks(function: str, *, having: bytes = b"") -> Callable[[Any], bool]:
    """Match calls of a function whose form holds some text."""
    return lambda request: f"wsfunction=core_{function}&".encode() in request.body and having in request.body


def errors(results: dict[str, Result]) -> dict[str, type[BaseException]]:
    """Return the kinds of errors by user name; those that went well are absent."""
    return {name: type(result.error) for name, result in results.items() if result.error is not None}


def kind(error: object, expected: type[BaseException]) -> bool:
    """Tell whether a result's error is of a kind."""
    return isinstance(error, expected)


def test_server_that_dies_over_one_row_takes_the_others(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    plan = [change(Verb.CREATE, account(name)) for name in ("anna", "poison", "ben", "carl")]
    wire.fail(next=None, status=500, match=asks(CREATE, having=b"poison"))

    results = apply(*plan)

    assert kind(results["poison"].error, Transient)
    assert set(errors(results)) == {"poison"}
    assert set(moodle.users) == {"anna", "ben", "carl"}


def test_server_that_garbles_one_row_takes_the_others(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    plan = [change(Verb.CREATE, account(name)) for name in ("anna", "poison", "ben")]
    wire.garbage(next=None, match=asks(CREATE, having=b"poison"))

    results = apply(*plan)

    assert kind(results["poison"].error, Ambiguous)
    assert set(errors(results)) == {"poison"}


def test_reply_that_died_after_the_creation_makes_nobody_twice(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    def crash(name: str, phase: str) -> None:
        if name == "core_user_create_users" and phase == "after_commit":
            moodle.on_request = lambda *_: None
            raise ValueError

    moodle.on_request = crash

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "ben")))

    assert errors(results) == {}
    assert all(result.adopted for result in results.values())
    assert len(moodle.users) == 2
    wire.errors.clear()


def test_ill_server_is_left_in_peace_after_two_faults(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    wire.fail(next=None, status=500, match=asks(CREATE))

    results = apply(*(change(Verb.CREATE, account(f"user{n}")) for n in range(20)))

    assert len(errors(results)) == 20
    assert sum(asks(CREATE)(request) for request in wire.journal) == 3


def test_single_account_over_which_the_server_dies_is_tried_again_later(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    wire.fail(next=None, status=500, match=asks(CREATE))

    assert kind(apply(change(Verb.CREATE, account()))["anna"].error, Transient)


def test_single_after_a_fault_is_refused_for_its_own_reason(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    wire.fail(status=502, match=asks(CREATE))

    results = apply(change(Verb.CREATE, account()), change(Verb.CREATE, account("weak"), password=Secret("abc")))

    assert set(errors(results)) == {"weak"}
    assert kind(results["weak"].error, Permanent)


def test_closed_site_stops_the_whole_plan_with_its_wish(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    moodle.maintenance = "cli"

    results = apply(change(Verb.CREATE, account()), change(Verb.SUSPEND, account("ben"), "7"), change(Verb.DELETE, account("carl"), "8"))

    assert len(wire.journal) == 1
    for result in results.values():
        assert isinstance(result.error, Transient)
        assert result.error.retry_after is not None
        assert result.error.retry_after.total_seconds() == 300


def test_refused_token_stops_the_whole_plan(moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    moodle.revoke_token(moodle.settings["token"])

    results = apply(change(Verb.CREATE, account()), change(Verb.SUSPEND, account("ben"), "7"))

    assert all(kind(result.error, Misconfigured) for result in results.values())
    assert len(wire.journal) == 1


def test_what_was_never_sent_is_not_in_doubt(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    wire.drop(when="mid", match=asks(CREATE))

    results = apply(change(Verb.CREATE, account()), change(Verb.SUSPEND, account("ben"), "7"))

    assert kind(results["anna"].error, Ambiguous)
    assert kind(results["ben"].error, Transient)


def test_answer_for_fewer_users_than_sent_is_not_believed(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    answer = b'[{"id": 11, "username": "anna"}, {"id": 12, "username": "ben"}]'
    wire.garbage(body=answer, content_type="application/json", match=asks(CREATE))

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "ben", "carl")))

    assert results["anna"].external_id == "11"
    assert results["anna"].error is None
    assert set(errors(results)) == {"ben", "carl"}
    assert all(kind(results[name].error, Ambiguous) for name in ("ben", "carl"))


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b"null",
        b"[1, 2]",
        b"[]",
        b'[{"id": NaN, "username": "anna"}]',
        b'[{"username": "anna"}]',
        b'[{"id": true, "username": "anna"}]',
        b'[{"id": -1, "username": "anna"}]',
        b'[{"id": 99999999999999999999999, "username": "anna"}]',
        b'[{"id": 5, "username": "somebody"}]',
        b'[{"id": 5, "username": "anna"}, {"id": 5, "username": "anna"}]',
        b'[{"id": 5, "username": "anna"}, {"id": 6, "username": "anna"}]',
        b"<html>Log in</html>",
        b"",
        b"[" * 100_000,
    ],
)
def test_hostile_answer_to_a_creation_is_ambiguous(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply, answer: bytes):
    wire.garbage(body=answer, content_type="application/json", match=asks(CREATE))

    result = apply(change(Verb.CREATE, account()))["anna"]

    assert kind(result.error, Ambiguous)
    assert result.external_id is None


def test_request_that_php_cut_is_recognised(moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply):
    moodle.max_input_vars = 100
    plan = [change(Verb.CREATE, account(f"user{n}")) for n in range(30)]

    cut = apply(*plan)
    moodle.max_input_vars = 5000
    again = apply(*plan)

    assert all(kind(result.error, Misconfigured) for result in cut.values())
    assert "max_input_vars" in str(cut["user0"].error)
    assert errors(again) == {}
    assert len(moodle.users) == 30
    assert {user["idnumber"] for user in moodle.users.values()} == {f"key-user{n}" for n in range(30)}


def test_mailed_creation_over_which_the_server_dies_does_not_keep_the_others(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    wire.fail(next=None, status=500, match=asks(CREATE, having=b"poison"))

    results = apply(*(change(Verb.CREATE, account(name), password=None) for name in ("anna", "poison", "ben")))

    assert set(errors(results)) == {"poison"}
    assert set(moodle.users) == {"anna", "ben"}


def test_account_that_spoils_the_look_up_does_not_keep_the_others(
    moodle: FakeMoodle, account: MakeAccount, change: MakeChange, apply: Apply
):
    half = "\ud800@school.example"

    results = apply(
        change(Verb.CREATE, account("anna")),
        change(Verb.CREATE, account("half", email=half)),
        change(Verb.CREATE, account("ben")),
    )

    assert set(errors(results)) == {"half"}
    assert kind(results["half"].error, Permanent)
    assert set(moodle.users) == {"anna", "ben"}


def test_account_that_spoils_the_look_up_after_a_fault_fails_alone(
    moodle: FakeMoodle, wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply
):
    refused = b'{"exception": "x", "errorcode": "invalidparameter", "message": "Invalid"}'
    wire.fail(status=500, match=asks(CREATE))
    wire.garbage(next=None, body=refused, match=lambda request: b"values%5B0%5D=key-ben&moodle" in request.body)

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "ben", "carl")))

    assert set(errors(results)) == {"ben"}
    assert set(moodle.users) == {"anna", "carl"}


def test_refusal_stays_when_the_holder_cannot_be_looked_up(wire: Wire, account: MakeAccount, change: MakeChange, apply: Apply):
    refused = b'{"exception": "x", "errorcode": "invalidparameter", "message": "Invalid"}'
    wire.garbage(body=refused, match=asks(CREATE))
    wire.garbage(next=1, body=b"[]", match=asks("user_get_users_by_field"))
    wire.garbage(next=1, body=b"[]", match=asks("user_get_users_by_field"))
    wire.garbage(next=1, body=b"[]", match=asks("user_get_users_by_field"))
    wire.garbage(body=refused, match=asks("user_get_users_by_field"))

    assert kind(apply(change(Verb.CREATE, account()))["anna"].error, Permanent)
