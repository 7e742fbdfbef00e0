"""Licences by type and role: those of the settings are given and taken, all others are left alone."""

import pytest

from rolecall import RoleSnapshot, Verb
from rolecall.errors import Permanent, Transient
from rolecall_google.fake.app import OTHER_LICENCE, STUDENT_LICENCE, TEACHER_LICENCE

HEAD = RoleSnapshot(period="2026", role="Head", period_is_current=True)
ANNA = "anna@school.example"
LICENSING = "/apps/licensing/v1"


@pytest.fixture
def settings():
    lines = [f"student = {STUDENT_LICENCE}", f"student/Head = {OTHER_LICENCE}", f"teacher = {TEACHER_LICENCE}"]
    return {"licences": lines, "groups": False}


def test_a_new_user_gets_the_licences_of_type_and_role(account, made, school) -> None:
    made(account("anna", roles=(HEAD,)))
    made(account("tom", type="teacher"))

    assert school.users[ANNA]["licences"] == {STUDENT_LICENCE, OTHER_LICENCE}
    assert school.users["tom@school.example"]["licences"] == {TEACHER_LICENCE}


def test_a_licence_that_is_no_longer_due_is_taken_and_one_given_by_hand_stays(account, made, change, apply, school) -> None:
    anna = account(roles=(HEAD,))
    number = made(anna)
    school.state.licences["101034/1"] = {ANNA}

    result = apply(change(Verb.UPDATE, anna, number, after={"licences": frozenset({STUDENT_LICENCE})}))["anna"]

    assert result.error is None
    assert school.users[ANNA]["licences"] == {STUDENT_LICENCE, "101034/1"}


def test_within_a_product_a_licence_is_exchanged_and_the_new_address_counts(account, made, provider, school, calls) -> None:
    number = made(account())
    before = len(calls())

    provider.update(number, {"primaryEmail": "berta@school.example", "licences": frozenset({TEACHER_LICENCE})})

    assert school.users["berta@school.example"]["licences"] == {TEACHER_LICENCE}
    assert [call for call in calls()[before:] if LICENSING in call and not call.startswith("GET")] == [
        f"PUT {LICENSING}/product/101031/sku/1010310008/user/berta@school.example"
    ]


def test_a_licence_that_google_gave_by_itself_is_not_given_again(account, change, apply, school) -> None:
    school.fail(404, reason="notFound", match=lambda method, path: path.endswith(ANNA) and LICENSING in path)
    school.state.licences[STUDENT_LICENCE] = {ANNA}

    assert apply(change(Verb.CREATE, account()))["anna"].error is None


@pytest.mark.parametrize("fault", [None, (400, "invalid", "Invalid SKU")])
def test_a_licence_that_cannot_be_had_is_said_and_the_user_is_there(account, made, change, apply, school, fault) -> None:
    anna = account()
    number = made(anna)
    school.state.seats[OTHER_LICENCE] = 0
    if fault:
        school.fail(fault[0], reason=fault[1], message=fault[2], match=lambda method, path: method == "POST" and LICENSING in path)

    error = apply(change(Verb.UPDATE, anna, number, after={"licences": frozenset({STUDENT_LICENCE, OTHER_LICENCE})}))["anna"].error

    assert isinstance(error, Permanent)
    assert "free seat" in error.hint
    assert school.users[ANNA]["licences"] == {STUDENT_LICENCE}


@pytest.mark.parametrize("where", [f"{LICENSING}/product/101031/sku/1010310008/user", "/admin/directory/v1/users/"])
def test_a_fresh_user_who_is_not_known_yet_is_tried_again(account, change, apply, school, where) -> None:
    school.fail(404, reason="notFound", match=lambda method, path: path.startswith(where) and method == "POST" and LICENSING in path)
    school.fail(404, reason="notFound", match=lambda method, path: path.startswith(where) and path.rpartition("/")[2].isdigit())

    assert isinstance(apply(change(Verb.CREATE, account()))["anna"].error, Transient)


def test_a_question_that_fails_concerns_one_user_once(account, made, change, apply, school, provider) -> None:
    anna = account(roles=(HEAD,))
    number = made(anna)
    for path, body in ((f"user/{ANNA}", None), (f"/users/{number}", {"id": "1", "primaryEmail": None})):
        school.fail(
            429 if body is None else 200, reason="rateLimitExceeded", body=body, match=lambda _, asked, path=path: asked.endswith(path)
        )

        error = apply(change(Verb.UPDATE, anna, number, after={"licences": frozenset()}))["anna"].error

        assert isinstance(error, Transient)
    school.fail(429, reason="rateLimitExceeded", match=lambda _, asked: asked.endswith(f"user/{ANNA}"))
    with pytest.raises(Transient):
        provider.find(anna)


def test_what_users_hold_is_read_as_the_settings_name_it(account, made, provider) -> None:
    anna = account(roles=(HEAD,))
    made(anna)

    assert provider.find(anna).attributes["licences"] == provider.attributes(anna)["licences"]
    assert [each.attributes["licences"] for each in provider.accounts() if each.key] == [provider.attributes(anna)["licences"]]
