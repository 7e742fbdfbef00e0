"""Many changes travel in bulks that the service takes, and each has its own outcome."""

from datetime import timedelta

import pytest

from rolecall import Verb
from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall_scim.bulk import send
from rolecall_scim.client import Operation
from rolecall_scim.errors import Garbled, Unclear, Unreachable

ACTIVE = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "active", "value": False}],
}


def bulks(wire):
    return [request for request in wire.journal if request.path.endswith("/Bulk")]


def closing(*ids):
    return [Operation(method="PATCH", path=f"/Users/{number}", body=ACTIVE, repeatable=True) for number in ids]


@pytest.mark.parametrize(("quirks", "sizes"), [({"bulk": (3, 1_000_000)}, [3, 3]), ({"bulk": (1000, 1200)}, [4]), ({"bulk": (0, 0)}, [])])
@pytest.mark.parametrize("settings", [{"groups": False}])
def test_a_bulk_is_as_large_as_the_service_takes(service, wire, provider, quirks, sizes):
    ids = [service.add_user(f"user{number}") for number in range(7)]

    answers = send(provider.service, closing(*ids))

    assert [answer.error for answer in answers] == [None] * 7
    sent = [len(request.json["Operations"]) for request in bulks(wire)]
    assert sent[: len(sizes)] == sizes
    assert all(len(request.body) <= quirks["bulk"][1] for request in bulks(wire))
    assert not any(user["active"] for user in service.users.values())


@pytest.mark.parametrize("quirks", [{}, {"sparing_bulk_ids": True}, {"bulk": (0, 0)}])
@pytest.mark.parametrize("settings", [{"groups": False}])
def test_each_change_of_a_mixed_plan_has_its_own_outcome(service, provider, account, made, apply, change):
    anna, ben, cleo, dora = (account(name) for name in ("anna", "ben", "cleo", "dora"))
    ids = {each.username: made(each) for each in (anna, ben, cleo)}

    results = apply(
        change(Verb.UPDATE, anna, ids["anna"], after={"displayName": "A"}),
        change(Verb.UPDATE, ben, ids["ben"], after={"userName": "cleo"}),
        change(Verb.UPDATE, cleo, "gone", after={"displayName": "C"}),
        change(Verb.CREATE, dora),
    )

    assert results["anna"].error is None
    assert isinstance(results["ben"].error, Conflict)
    assert isinstance(results["cleo"].error, NotFound)
    assert results["dora"].external_id == service.users["dora"]["id"]
    assert service.users["anna"]["displayName"] == "A"


def test_a_bulk_that_is_not_there_after_all_is_not_asked_for_again(service, provider, wire):
    ids = [service.add_user(f"user{number}") for number in range(3)]
    service.fail(501, match=lambda method, path: path == "/Bulk")

    first, second = send(provider.service, closing(*ids)), send(provider.service, closing(*ids))

    assert [answer.error for answer in (*first, *second)] == [None] * 6
    assert len(bulks(wire)) == 1


def test_a_bulk_that_is_too_large_after_all_is_divided(service, provider, wire):
    ids = [service.add_user(f"user{number}") for number in range(5)]
    service.fail(413, match=lambda method, path: path == "/Bulk", next=2)

    answers = send(provider.service, closing(*ids))

    assert [answer.error for answer in answers] == [None] * 5
    assert [len(request.json["Operations"]) for request in bulks(wire)] == [5, 2, 3]


@pytest.mark.parametrize("quirks", [{"bulk": (2, 100_000)}, {"bulk": (0, 0)}])
@pytest.mark.parametrize("settings", [{"groups": False}])
def test_a_service_that_asks_to_wait_is_left_alone(service, provider, wire):
    ids = [service.add_user(f"user{number}") for number in range(6)]
    _ = provider.service.can
    service.fail(429, headers={"Retry-After": "7"}, next=None)

    errors = [answer.error for answer in send(provider.service, closing(*ids))]

    assert all(isinstance(error, Unreachable) and error.retry_after == timedelta(seconds=7) for error in errors)
    assert len(wire.journal) == 2


@pytest.mark.parametrize("quirks", [{"bulk": (2, 100_000)}])
def test_when_an_answer_is_lost_only_what_was_sent_is_in_doubt(service, provider, wire):
    news = [Operation(method="POST", path="/Users", body={"schemas": [], "userName": f"user{number}"}) for number in range(5)]
    _ = provider.service.can
    wire.drop(when="after", match=lambda request: "user2" in request.body.decode())

    errors = [answer.error for answer in send(provider.service, news)]

    assert errors[:2] == [None, None]
    assert all(isinstance(error, Ambiguous) for error in errors[2:4])
    assert isinstance(errors[4], Transient)
    assert sorted(service.users) == ["user0", "user1", "user2", "user3"]


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        ({"schemas": ["x"]}, (Garbled, Garbled)),
        ({"schemas": ["x"], "Operations": []}, (Garbled, Garbled)),
        ({"schemas": ["x"], "Operations": [{"method": "PATCH", "status": True}, {"method": "PUT", "status": "200"}]}, (Garbled, Garbled)),
        ({"schemas": ["x"], "Operations": [{"status": 200}, {"method": "patch", "status": "400"}]}, (type(None), Permanent)),
        ({"schemas": ["x"], "Operations": [{"bulkId": "q1", "method": "PATCH", "status": "204"}]}, (Garbled, type(None))),
    ],
)
def test_what_is_missing_in_the_answer_to_a_bulk_was_not_done(service, provider, answer, kinds):
    service.fail(200, body=answer, match=lambda method, path: path == "/Bulk")

    answers = send(provider.service, closing("1", "2"))

    assert [isinstance(each.error, kind) for each, kind in zip(answers, kinds, strict=True)] == [True, True]


def test_a_creation_of_which_nothing_is_said_may_have_been_made(service, provider):
    service.fail(
        200, body={"schemas": ["x"], "Operations": [{"bulkId": "q0", "method": "POST", "status": "201"}]}, match=lambda m, p: p == "/Bulk"
    )
    news = [Operation(method="POST", path="/Users", body={"schemas": [], "userName": name}) for name in ("a", "b")]

    answers = send(provider.service, news)

    assert answers[0].error is None
    assert isinstance(answers[1].error, Unclear)


@pytest.mark.parametrize("options", [{"rights": {"read"}}])
@pytest.mark.parametrize("quirks", [{"bulk": (0, 0)}])
def test_who_may_not_write_is_told_after_the_first_try(provider, wire):
    _ = provider.service.can

    errors = [answer.error for answer in send(provider.service, closing("1", "2", "3"))]

    assert all(isinstance(error, Misconfigured) for error in errors)
    assert len(wire.journal) == 2
