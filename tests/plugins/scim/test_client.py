"""Calls, pages and a 404: what the service says is looked at before it is believed."""

import pytest

from rolecall.errors import Ambiguous, Misconfigured, NotFound, Transient
from rolecall_scim.client import Answer, Client, Operation, created_id, id_of, page_of
from rolecall_scim.errors import Denied, Elsewhere, Garbled, Unclear, Unsupported


@pytest.fixture
def client(provider) -> Client:
    """The client of the provider."""
    return provider.service.client


@pytest.mark.parametrize(
    "quirks", [{}, {"page": 2}, {"page": 2, "repeats": True}, {"total_lies": 5}, {"page": 3, "total_lies": -4}, {"ignores_start": True}]
)
def test_every_page_is_walked_and_everybody_comes_once(client, service):
    made = sorted(service.add_user(f"user{number}") for number in range(7))

    rows = list(client.pages("/Users"))

    assert sorted(row["id"] for row in rows) == made


@pytest.mark.parametrize("quirks", [{"page": 2}])
def test_a_list_that_shrinks_while_it_is_walked_loses_nobody(client, service):
    ids = sorted(service.add_user(f"user{number}") for number in range(7))
    walk = client.pages("/Users")
    seen = [next(walk)["id"], next(walk)["id"]]

    del service.state.users[ids[0]]
    seen += [row["id"] for row in walk]

    assert set(seen) >= set(ids[1:])
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("quirks", [{"page": 2, "ignores_start": True}])
def test_a_list_whose_pages_are_all_the_same_is_no_list(client, service):
    for number in range(7):
        service.add_user(f"user{number}")

    with pytest.raises(Garbled, match="same page"):
        list(client.pages("/Users"))


def test_who_is_gone_is_gone_only_if_the_service_is_there(client, service):
    with pytest.raises(NotFound):
        client.read("/Users/nobody")

    service.fail(404, body="not here", next=None)
    with pytest.raises(Elsewhere, match="no SCIM service"):
        client.read("/Users/nobody")


@pytest.mark.parametrize("settings", [{"base_url": "http://elsewhere"}])
def test_a_wrong_address_says_so_for_everything(provider, wire):
    client = Client(wire.http, {"base_url": f"{wire.url}/oauth/v9", "token": "x"})

    for operation in (
        Operation(method="GET", path="/Users"),
        Operation(method="DELETE", path="/Users/1", repeatable=True),
        Operation(method="POST", path="/Users", body={}),
    ):
        assert isinstance(client.ask(operation).error, Elsewhere)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (302, "", Misconfigured),
        (405, "", Unsupported),
        (403, "", Denied),
        (500, "", Transient),
        (418, "", Exception),
        (206, "", Garbled),
    ],
)
def test_other_statuses_have_their_errors(client, service, status, body, kind):
    service.fail(status, body=body)

    assert isinstance(client.ask(Operation(method="GET", path="/Users/1")).error, kind)


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"{}", b"[]"])
def test_a_change_that_is_answered_by_something_else_may_have_been_made(client, wire, body):
    wire.garbage(body=body, next=None)

    assert isinstance(client.ask(Operation(method="POST", path="/Users", body={"userName": "a"})).error, Unclear)


def test_the_new_id_is_in_the_body_or_in_the_address():
    assert created_id(Answer(body={"ID": "7"})) == "7"
    assert created_id(Answer(location="https://x.example/scim/Users/a%2Fb?x=1")) == "a/b"
    for answer in (Answer(), Answer(body={"id": 7}), Answer(location="https://x.example/scim/Users/" + "9" * 300)):
        with pytest.raises(Unclear):
            created_id(answer)
    with pytest.raises(Garbled):
        id_of({"id": ""})


@pytest.mark.parametrize(
    ("body", "start", "usable"),
    [
        ({"totalResults": 0}, 1, True),
        ({"TotalResults": 3, "resources": [{"id": "1"}]}, 1, True),
        ({"totalResults": 3}, 4, True),
        ({"totalResults": 3}, 1, False),
        ({"totalResults": "0"}, 1, False),
        ({"Resources": [1]}, 1, False),
    ],
)
def test_a_page_without_rows_must_say_that_there_are_none(body, start, usable):
    if usable:
        assert len(page_of(body, start=start).rows) <= 1
    else:
        with pytest.raises(Garbled):
            page_of(body, start=start)


def test_a_failure_in_the_middle_of_a_creation_leaves_doubt_and_in_a_repeatable_change_none(client, service):
    service.fail(500, next=2)

    assert isinstance(client.ask(Operation(method="POST", path="/Users", body={"userName": "a"})).error, Ambiguous)
    assert isinstance(client.ask(Operation(method="DELETE", path="/Users/1", repeatable=True)).error, Transient)
