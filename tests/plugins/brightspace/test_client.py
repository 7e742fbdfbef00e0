"""One call, the pages of a list, the credits, and the class of each answer."""

from datetime import timedelta

import pytest

from rolecall.errors import Ambiguous, Misconfigured, NotFound, Permanent, Transient
from rolecall_brightspace.budget import LONGEST, Budget
from rolecall_brightspace.client import number_of
from rolecall_brightspace.errors import Garbled, said


@pytest.mark.parametrize(
    ("status", "question", "change"),
    [
        (302, Misconfigured, Misconfigured),
        (400, Permanent, Permanent),
        (401, Misconfigured, Misconfigured),
        (403, Misconfigured, Misconfigured),
        (404, NotFound, NotFound),
        (409, Permanent, Permanent),
        (418, Permanent, Permanent),
        (429, Transient, Transient),
        (503, Transient, Transient),
        (500, Transient, Ambiguous),
        (502, Transient, Ambiguous),
        (206, Transient, Ambiguous),
    ],
)
def test_each_status_has_its_class_for_questions_and_for_changes(provider, wire, status, question, change) -> None:
    api = {"match": lambda request: request.path.startswith("/d2l"), "next": None}

    for kind, ask in ((question, lambda: provider.client.get("roles/")), (change, lambda: provider.client.post("courses/", {}))):
        wire.fail(status=status, body=b'"why"', **api)
        with pytest.raises(kind) as caught:
            ask()
        wire.mend()
        assert str(caught.value)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'"The user name is in use."', "The user name is in use."),
        (b'{"Errors": [{"Message": "It  is\\nin use."}]}', "It is in use."),
        (b'{"type": "x", "title": "Bad", "detail": "In use."}', "In use."),
        (b'{"title": "Bad"}', "Bad"),
        (b'{"Errors": []}', ""),
        (b'{"detail": 7}', ""),
        (b"<html>", ""),
        (b"[" * 5000, ""),
        (b"7", ""),
    ],
)
def test_the_sentence_of_an_error_is_found_in_every_shape(body, sentence) -> None:
    assert said(body) == sentence


@pytest.mark.parametrize("options", [{"page_size": 2, "repeats": True}])
def test_pages_are_followed_to_their_end_and_each_user_comes_once(provider, site) -> None:
    made = {str(site.add_user(UserName=f"u{number}")) for number in range(5)}

    walked = [remote.external_id for remote in provider.accounts()]

    assert set(walked) == made
    assert len(walked) == 5


@pytest.mark.parametrize(
    "page",
    [
        [],
        {"Items": []},
        {"Items": [7], "PagingInfo": {"HasMoreItems": False}},
        {"Items": [], "PagingInfo": {"HasMoreItems": True, "Bookmark": "same"}},
        {"Items": [], "PagingInfo": {"HasMoreItems": True, "Bookmark": ""}},
    ],
)
def test_a_list_that_is_none_or_goes_round_in_circles_is_given_up(provider, site, page) -> None:
    site.fail(200, body=page, match=lambda method, path: path == "users/", next=None)

    with pytest.raises(Garbled):
        list(provider.accounts())


@pytest.mark.parametrize("value", [None, "", "7a", "²", 0, -1, True, 7.5, []])
def test_what_is_no_id_is_not_taken_for_one(value) -> None:
    with pytest.raises(Garbled):
        number_of({"UserId": value}, "UserId")


class Clock:
    """A clock that stands still until it is put forward."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def headers(remaining: object, reset: object = 20, cost: object = 10) -> dict[str, str]:
    named = {"X-Rate-Limit-Remaining": remaining, "X-Rate-Limit-Reset": reset, "X-Request-Cost": cost}
    return {name: str(value) for name, value in named.items() if value is not None}


def test_no_call_is_made_without_credits_until_there_are_new_ones() -> None:
    clock = Clock()
    budget = Budget(clock=clock)

    budget.note(200, headers(10), None)
    budget.spend()
    budget.note(200, headers(9), None)
    with pytest.raises(Transient) as caught:
        budget.spend()
    clock.now += 20
    budget.spend()

    assert caught.value.retry_after == timedelta(seconds=20)


def test_prices_may_change_and_a_429_says_only_how_long_to_wait() -> None:
    for told in ((200, headers(40, cost=50), None), (200, headers(9, cost=None), None), (429, {}, timedelta(seconds=7))):
        budget = Budget(clock=Clock())
        budget.note(*told)
        with pytest.raises(Transient):
            budget.spend()


def test_what_says_nothing_of_credits_closes_nothing() -> None:
    for told in ({}, headers("many"), headers(0, reset=None), headers("²")):
        budget = Budget(clock=Clock())
        budget.note(200, told, None)
        budget.spend()
    unbelieving = Budget(believed=False, clock=Clock())
    unbelieving.note(200, headers(0), None)
    unbelieving.spend()


def test_no_site_closes_the_budget_for_longer_than_two_minutes() -> None:
    clock = Clock()
    budget = Budget(clock=clock)

    budget.note(200, headers(0, reset=999_999), None)
    clock.now += LONGEST

    budget.spend()


@pytest.mark.parametrize("options", [{"credits": 50, "clock": lambda: 15.0}])
def test_a_walk_that_uses_up_the_credits_stops_before_it_is_refused(provider, site, wire) -> None:
    for number in range(150):
        site.add_user(UserName=f"u{number}")
    site.page_size = 10

    with pytest.raises(Transient) as caught:
        list(provider.accounts())

    assert 40 < caught.value.retry_after.total_seconds() <= 45
    assert 429 not in [request.status for request in wire.journal]
    assert len(site.journal) == 5


@pytest.mark.parametrize(("options", "settings"), [({"credits": 30, "clock": lambda: 15.0}, {"credits": False})])
def test_a_site_that_shows_credits_without_meaning_can_be_disbelieved(provider, site, wire) -> None:
    for _ in range(3):
        provider.client.get("roles/")

    with pytest.raises(Transient) as caught:
        provider.client.get("roles/")

    assert caught.value.retry_after == timedelta(seconds=45)
    assert wire.journal[-1].status == 429
    with pytest.raises(Transient):
        provider.client.get("roles/")
    assert len(site.journal) == 3
