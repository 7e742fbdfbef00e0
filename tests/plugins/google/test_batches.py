"""Many changes in few calls, each with its own outcome."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from rolecall import RoleSnapshot, Verb
from rolecall.errors import Ambiguous, Conflict, Misconfigured, Permanent, Transient

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


def test_ten_creations_take_as_many_calls_as_two_and_one_takes_no_batch(account, change, apply, wire) -> None:
    results = apply(*(change(Verb.CREATE, account(f"user{number}")) for number in range(10)))

    assert [result.error for result in results.values()] == [None] * 10
    assert [request.path for request in wire.journal] == ["/token"] + ["/batch"] * 4, "by key, by address, among the deleted, create"
    apply(change(Verb.CREATE, account("single")))
    assert "/batch" not in [request.path for request in wire.journal[5:]]


def test_who_gets_no_password_gets_one_that_nobody_knows(account, change, apply) -> None:
    assert apply(change(Verb.CREATE, account(), password=None))["anna"].error is None


def test_a_part_that_must_wait_says_how_long_and_the_others_go_on(account, change, apply, school) -> None:
    school.fail(403, reason="quotaExceeded", headers={"Retry-After": "2.5"}, match=inserts)

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "eve")))

    assert isinstance(results["anna"].error, Transient)
    assert results["anna"].error.retry_after == timedelta(seconds=2.5)
    assert results["eve"].error is None


@pytest.mark.parametrize(
    ("status", "reason", "message", "kind"),
    [
        (400, "invalid", "Invalid Input: INVALID_OU_ID", Permanent),
        (400, "invalid", "A system error has occurred", Ambiguous),
        (403, "forbidden", "Not Authorized to access this resource/api", Misconfigured),
        (403, "userRateLimitExceeded", "Slow down.", Transient),
        (403, "domainCannotUseApis", "Domain cannot use apis.", Misconfigured),
        (409, "conflict", "Conflict.", Transient),
        (412, "conditionNotMet", "User creation is not complete.", Transient),
        (412, "limitExceeded", "Domain user limit reached.", Permanent),
        (429, "rateLimitExceeded", "Slow down.", Transient),
        (500, "backendError", "Backend Error", Ambiguous),
        (503, "backendError", "Backend Error", Transient),
        (200, "odd", "Odd.", Ambiguous),
    ],
)
def test_a_creation_that_fails_is_classed(account, change, apply, school, status, reason, message, kind) -> None:
    school.fail(status, reason=reason, message=message, match=inserts, next=None)

    assert isinstance(apply(change(Verb.CREATE, account()))["anna"].error, kind)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"primaryEmail": ANNA, "externalIds": ours("other")}, "somebody else"),
        ({"primaryEmail": "other@school.example", "aliases": [ANNA]}, "alias of another user"),
    ],
)
def test_an_address_of_another_user_is_a_conflict_before_anything_is_sent(account, change, apply, school, fields, words) -> None:
    school.add_user(**fields)

    error = apply(change(Verb.CREATE, account()))["anna"].error

    assert isinstance(error, Conflict)
    assert words in error.message
    assert {each["method"] for each in school.journal} == {"GET"}


def test_an_alias_of_a_user_with_our_key_is_ourselves(account, change, apply, school) -> None:
    number = school.add_user(primaryEmail="other@school.example", aliases=[ANNA], externalIds=ours())
    school.state.hidden[number] = 1  # not in the index yet

    result = apply(change(Verb.CREATE, account()))["anna"]

    assert (result.external_id, result.adopted, result.error) == (number, True, None)
    assert school.users[ANNA]["aliases"] == ["other@school.example"]


def test_an_existing_user_without_a_key_is_adopted(account, change, apply, school) -> None:
    number = school.add_user(primaryEmail="Anna@School.example", name={"givenName": "A.", "familyName": "Lab"})

    result = apply(change(Verb.CREATE, account()))["anna"]

    assert (result.external_id, result.adopted, result.error) == (number, True, None)
    assert school.state.users[number]["name"]["givenName"] == "Anna"
    assert school.state.users[number]["externalIds"] == ours()


def test_what_is_set_once_is_kept_of_who_was_there_and_of_who_comes_back(account, change, apply, school) -> None:
    number = school.add_user(primaryEmail=ANNA, name={"givenName": "A.", "familyName": "L."})
    step = replace(change(Verb.CREATE, account()), once=frozenset({"givenName"}))

    for _ in range(2):
        assert apply(step)["anna"].error is None
        assert school.state.users[number]["name"] | {"fullName": ""} == {"givenName": "A.", "familyName": "Lab", "fullName": ""}
        apply(change(Verb.DELETE, step.account, number))
        assert list(school.state.deleted) == [number]


@pytest.mark.parametrize("state", [{"suspended": True, "suspensionReason": "ADMIN"}, {"archived": True}])
def test_a_user_whom_somebody_closed_by_hand_is_not_opened(account, change, apply, school, state) -> None:
    number = school.add_user(primaryEmail=ANNA, **state)

    error = apply(change(Verb.CREATE, account()))["anna"].error

    assert isinstance(error, Permanent)
    assert state.items() <= school.state.users[number].items()


def test_two_accounts_that_find_one_user_do_not_both_get_it(account, change, provider, school) -> None:
    number = school.add_user(primaryEmail=ANNA)
    anna = account()
    twin = replace(anna, id=7, key="another")

    first, second = provider.apply([change(Verb.CREATE, anna), change(Verb.CREATE, twin)])

    assert (first.external_id, first.error) == (number, None)
    assert isinstance(second.error, Conflict)


def test_of_several_users_with_our_key_the_one_with_our_address_is_ours_or_a_person_sorts_them_out(account, change, apply, school) -> None:
    for name in ("one", "two"):
        school.add_user(primaryEmail=f"{name}@school.example", externalIds=ours())
    assert isinstance(apply(change(Verb.CREATE, account()))["anna"].error, Conflict)

    number = school.add_user(primaryEmail=ANNA, externalIds=ours())
    assert apply(change(Verb.CREATE, account()))["anna"].external_id == number


def test_closing_what_the_link_does_not_know_closes_only_our_own(account, change, apply, school) -> None:
    theirs = school.add_user(primaryEmail="eve@school.example", aliases=["ada@school.example"])
    mine = school.add_user(primaryEmail=ANNA, externalIds=ours())

    plan = [change(Verb.SUSPEND, account(name)) for name in ("anna", "eve", "ada")]
    results = apply(*plan, change(Verb.DELETE, account("nobody")))

    assert [result.error for result in results.values()] == [None] * 4
    assert school.state.users[mine]["suspended"]
    assert not school.state.users[theirs]["suspended"]


@pytest.mark.parametrize(("changes", "password"), [({"name": "анна"}, "Passw0rd!x"), ({"last_name": ""}, "Passw0rd!x"), ({}, "Zq7")])
def test_what_google_could_never_hold_is_refused_without_a_call(account, change, apply, wire, changes, password) -> None:
    step = change(Verb.CREATE, account(**changes))
    (result,) = apply(replace(step, password=type(step.password)(password))).values()

    assert isinstance(result.error, Permanent)
    assert password not in result.error.message
    assert wire.journal == []


def test_when_a_whole_batch_fails_nothing_more_is_sent(account, change, apply, wire) -> None:
    wire.fail(status=503, headers={"Retry-After": "3"}, match=lambda request: request.path == "/batch", next=None)

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "eve")))

    assert {type(result.error).__name__ for result in results.values()} == {"Unreachable"}
    assert [request.path for request in wire.journal] == ["/token", "/batch"]


def test_an_answer_that_leaves_out_a_part_leaves_that_one_unclear(account, change, apply, wire) -> None:
    part = '--b\r\nContent-Type: application/http\r\nContent-ID: <response-item{}>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{{"id": "{}"}}\r\n'
    body = (part.format(0, "101") + part.format(1, "no id?") + "--b--").encode()
    wire.garbage(body=body, content_type="multipart/mixed; boundary=b", match=lambda request: b'"password"' in request.body)

    results = apply(*(change(Verb.CREATE, account(name)) for name in ("anna", "eve", "tom")))

    assert results["anna"].external_id == "101"
    assert [type(results[name].error).__name__ for name in ("eve", "tom")] == ["Unclear", "Unclear"]


def test_a_deleted_user_of_ours_is_restored_with_what_changed(account, made, change, apply, school) -> None:
    anna = account(roles=(HEAD,))
    number = made(anna)
    apply(change(Verb.DELETE, anna, number))
    later = replace(anna, person=replace(anna.person, first_name="Annika"))

    result = apply(change(Verb.CREATE, later))["anna"]

    assert (result.external_id, result.adopted, result.error) == (number, True, None)
    assert school.users[ANNA]["name"]["givenName"] == "Annika"
    assert school.users[ANNA]["groups"] == {"Head (student, 2026)"}
    assert school.state.deleted == {}


@pytest.mark.parametrize("what", ["ignored", "refused"])
class TestDeleted:
    @pytest.fixture
    def options(self, what):
        return {"deleted_search": what, "page_size": 1}

    def test_deleted_users_who_cannot_be_searched_are_walked_and_nobody_elses_comes_back(
        self, what, account, made, change, apply, school
    ) -> None:
        anna, eve = account("anna"), account("eve")
        numbers = {"anna": made(anna), "eve": made(eve)}
        apply(change(Verb.DELETE, anna, numbers["anna"]), change(Verb.DELETE, eve, numbers["eve"]))

        results = apply(change(Verb.CREATE, eve), change(Verb.CREATE, account("new")))

        assert results["eve"].external_id == numbers["eve"]
        assert results["new"].external_id not in numbers.values()
        assert list(school.state.deleted) == [numbers["anna"]]


@pytest.mark.parametrize(
    ("status", "reason", "kind"), [(409, "duplicate", Conflict), (404, "notFound", Transient), (400, "invalid", Permanent)]
)
def test_a_restore_that_is_refused_says_why(account, made, change, apply, school, status, reason, kind) -> None:
    anna = account()
    apply(change(Verb.DELETE, anna, made(anna)))
    school.add_user(primaryEmail="other@school.example", aliases=[ANNA])
    school.fail(404, reason="notFound", match=lambda _, path: path == f"{USERS}/{ANNA}")
    school.fail(status, reason=reason, match=lambda _, path: path.endswith("/undelete"))

    assert isinstance(apply(change(Verb.CREATE, anna))["anna"].error, kind)


class TestLag:
    @pytest.fixture
    def options(self):
        return {"lag": 3, "create_lag": 1}

    def test_a_user_who_is_not_seen_yet_is_not_made_twice(self, account, change, apply, school) -> None:
        anna = account()
        first = apply(change(Verb.CREATE, anna))["anna"]

        second = apply(change(Verb.CREATE, anna))["anna"]
        again = apply(change(Verb.CREATE, anna))["anna"]

        assert isinstance(second.error, Transient)
        assert (again.external_id, again.adopted) == (first.external_id, True)
        assert len(school.users) == 1

    def test_a_user_whose_creation_is_not_complete_is_tried_again(self, account, made, change, apply, school) -> None:
        anna = account()
        number = made(anna)
        school.state.hidden.clear()

        step = change(Verb.UPDATE, anna, number, after={"givenName": "Berta"})

        assert isinstance(apply(step)["anna"].error, Transient)
        assert apply(step)["anna"].error is None


def test_an_administrator_there_is_one_accounts_problem(account, change, apply, school, provider) -> None:
    number = school.add_user(primaryEmail=ANNA, isAdmin=True, protected=True)

    results = apply(change(Verb.CREATE, account("anna")), change(Verb.CREATE, account("eve")))

    assert isinstance(results["anna"].error, Permanent)
    assert "administrator" in results["anna"].error.message
    assert results["eve"].error is None
    school.state.users[number]["isAdmin"] = False
    with pytest.raises(Misconfigured):
        provider.suspend(number)


def test_a_user_who_was_read_and_is_not_shown_to_the_change_is_tried_again(account, change, apply, school) -> None:
    number = school.add_user(primaryEmail=ANNA)
    school.fail(404, reason="notFound", match=lambda method, path: method == "PUT" and path.endswith(number))

    assert isinstance(apply(change(Verb.CREATE, account()))["anna"].error, Transient)


def test_attributes_travel_before_the_flag_and_apart_from_it(account, made, change, apply, school) -> None:
    anna = account()
    number = made(anna)
    apply(change(Verb.SUSPEND, anna, number))

    apply(change(Verb.RESUME, anna, number, after={"givenName": "Berta"}))

    written = [each["body"] for each in school.journal if each["method"] == "PUT"]
    assert written == [{"suspended": True}, {"name": {"givenName": "Berta"}}, {"suspended": False}]
