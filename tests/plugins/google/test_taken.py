"""Whose an address is that is taken, and what comes of it."""

from dataclasses import replace
from itertools import count

import pytest

from rolecall import RoleSnapshot, Verb
from rolecall.errors import Conflict, Transient

HEAD = RoleSnapshot(period="2026", role="Head", period_is_current=True)
USERS = "/admin/directory/v1/users"
ANNA = "anna@school.example"


def inserts(method, path):
    return (method, path) == ("POST", USERS)


def the(number, path):
    """Match the question to a path with this number, counted from 1."""
    seen = count(1)
    return lambda asked: asked == path and next(seen) == number


def ours(name="anna"):
    return [{"type": "custom", "customType": "rolecall", "value": f"key-{name}"}]


class TestTaken:
    """All that an insert's *already exists* can mean."""

    @pytest.fixture
    def refusal(self, account, change, apply):
        return lambda: apply(change(Verb.CREATE, account()))["anna"].error

    def test_our_own_user_after_an_answer_was_lost(self, account, change, apply, school) -> None:
        number = school.add_user(primaryEmail=ANNA, externalIds=ours())
        school.state.hidden[number] = 2  # neither in the index nor by address: as right after its creation

        result = apply(change(Verb.CREATE, account()))["anna"]

        assert (result.external_id, result.adopted, result.error) == (number, True, None)

    def test_a_group(self, refusal, school) -> None:
        school.state.groups["g1"] = {"id": "g1", "email": ANNA, "name": "Choir"}
        school.state.members["g1"] = set()

        error = refusal()

        assert isinstance(error, Conflict)
        assert "group" in error.message

    def test_a_user_deleted_less_than_20_days_ago(self, refusal, account, school, provider) -> None:
        provider.delete(school.add_user(primaryEmail=ANNA))

        error = refusal()

        assert isinstance(error, Conflict)
        assert "20 days" in error.message

    def test_somebodys_personal_account_or_a_user_who_is_not_shown_yet(self, refusal, school) -> None:
        school.state.unmanaged.add(ANNA)

        error = refusal()

        assert isinstance(error, Transient)
        assert "personal Google account" in error.message

    def test_many_are_asked_for_together(self, account, change, apply, school, wire) -> None:
        names = [f"user{number}" for number in range(5)]
        school.state.unmanaged |= {f"{name}@school.example" for name in names}

        results = apply(*(change(Verb.CREATE, account(name)) for name in names))

        assert {type(result.error).__name__ for result in results.values()} == {"Settling"}
        assert len(wire.journal) == 1 + 4 + 3, "the token, as for everybody, and: by address, among groups, the deleted users"

    @pytest.mark.parametrize("path", [f"{USERS}/{ANNA}", f"/admin/directory/v1/groups/{ANNA}", USERS])
    def test_a_question_that_fails_is_what_is_said(self, refusal, school, path) -> None:
        school.state.unmanaged.add(ANNA)
        school.fail(404, reason="notFound", match=lambda _, asked: asked == f"{USERS}/{ANNA}")
        strikes = the(4 if path == USERS else 1, path)  # users are also listed by key, among the deleted, and one is made
        school.fail(429, reason="rateLimitExceeded", match=lambda _, asked: strikes(asked))

        assert "asks to wait" in refusal().message

    def test_a_question_that_gets_no_answer_is_no_conflict(self, refusal, account, made, provider, school, wire) -> None:
        number = made(account("eve"))
        school.state.unmanaged.add(ANNA)
        second = the(2, f"{USERS}/{ANNA}")

        wire.drop(match=lambda request: second(request.path))
        assert isinstance(refusal(), Transient)

        wire.drop(match=lambda request: request.path == f"{USERS}/{ANNA}")
        with pytest.raises(Transient):
            provider.update(number, {"primaryEmail": ANNA})

    def test_an_answer_without_an_id_is_no_success(self, account, change, apply, school, wire) -> None:
        number = school.add_user(primaryEmail=ANNA, externalIds=ours())
        school.state.hidden[number] = 2
        second = the(2, f"{USERS}/{ANNA}")
        wire.garbage(
            body=b'{"primaryEmail": "anna@school.example"}', content_type="application/json", match=lambda request: second(request.path)
        )
        result = apply(change(Verb.CREATE, account()))["anna"]

        assert (type(result.error).__name__, result.external_id) == ("Garbled", None)

    def test_a_rename_to_anothers_address(self, account, made, provider, school) -> None:
        number = made(account("eve"))
        school.add_user(primaryEmail=ANNA)

        with pytest.raises(Conflict, match=ANNA):
            provider.update(number, {"primaryEmail": ANNA})

    def test_a_rename_that_is_going_on(self, account, made, provider, school) -> None:
        number = made(account())
        school.fail(409, reason="duplicate", match=lambda method, _: method == "PUT")

        with pytest.raises(Transient, match="earlier change"):
            provider.update(number, {"primaryEmail": ANNA})


def test_without_the_scope_of_groups_no_group_is_asked_for(account, change, school, provider) -> None:
    plain = type(provider)({**provider.settings, "groups": False}, provider.http)
    school.sign_in.granted -= {"admin.directory.group"}
    school.state.unmanaged.add(ANNA)
    anna = account()

    (result,) = plain.apply([replace(change(Verb.CREATE, anna), wanted=plain.attributes(anna))])

    assert isinstance(result.error, Transient)
