"""The wire: a WSGI application on a real port, with a journal and faults."""

import gc
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta

import pytest
from effort import ends_early
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response as Reply

from rolecall.errors import Ambiguous, Misconfigured, Transient
from rolecall.sdk.http import Http
from rolecall.testing.wire import Wire


class Club:
    """A small fake: members join by POST and are listed by GET."""

    def __init__(self):
        self.members = []

    def __call__(self, environ, start_response):
        request = Request(environ)
        if request.method == "POST":
            self.members.append(request.form["name"])
            answer = Reply(json.dumps({"id": len(self.members)}), 201, content_type="application/json")
        elif request.path == "/raise":
            raise LookupError("a mistake in the fake")
        elif request.path == "/none":
            answer = Reply(status=204)
        else:
            answer = Reply(json.dumps(self.members), content_type="application/json")
        return answer(environ, start_response)


@pytest.fixture
def club():
    return Club()


@pytest.fixture
def wire(club):
    with Wire(club, deadline=2) as wire:
        yield wire


def join(wire, name="Anna"):
    return wire.http.post(f"{wire.url}/members", data={"name": name})


def test_the_application_answers_over_a_real_connection(wire, club):
    created = join(wire)

    assert (created.status, created.json(), club.members) == (201, {"id": 1}, ["Anna"])
    assert wire.http.get(f"{wire.url}/members").json() == ["Anna"]


def test_the_journal_holds_every_request_as_it_was_sent(wire):
    wire.http.post(f"{wire.url}/Mitglieder%20%C3%A4", params={"page": 2}, data={"name": "Ελένη"}, headers={"X-Key": "k"})
    wire.http.request("PUT", wire.url, json={"a": 1})

    first, second = wire.journal
    assert (first.method, first.path, first.query, first.form, first.status) == (
        "POST",
        "/Mitglieder ä",
        {"page": "2"},
        {"name": "Ελένη"},
        201,
    )
    assert first.headers["x-key"] == "k"
    assert (second.method, second.form, second.json) == ("PUT", {}, {"a": 1})


def test_paths_and_parameters_arrive_as_wsgi_wants_them(wire):
    seen = {}

    def app(environ, start_response):
        request = Request(environ)
        seen.update(path=request.path, args=request.args.to_dict(), host=request.host, body=request.get_data())
        start_response("200 OK", [])(b"written, ")
        return [b"returned"]

    with Wire(app) as other:
        answer = other.http.post(f"{other.url}/a%2Fb/ä", params={"q": "ö"}, data=b"raw")

    assert seen == {"path": "/a/b/ä", "args": {"q": "ö"}, "host": other.host, "body": b"raw"}
    assert answer.text == "written, returned"


def test_one_connection_serves_many_requests_with_and_without_a_body(wire):
    for _ in range(3):
        assert wire.http.get(f"{wire.url}/none").status == 204
        assert wire.http.request("HEAD", wire.url).content == b""
        assert wire.http.get(wire.url).json() == []

    assert len(wire._threads) == 1


def test_many_clients_are_served_at_once(wire, club):
    meeting = threading.Barrier(4, timeout=15)
    wire.run(meeting.wait, next=4)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: join(wire, str(number)), range(4)))

    assert sorted(club.members) == ["0", "1", "2", "3"]


def test_the_client_of_the_wire_may_call_nothing_else(wire):
    with Wire(Club()) as other, pytest.raises(Misconfigured):
        wire.http.get(other.url)

    assert other.journal == []


def test_a_failure_is_answered_without_asking_the_application(wire, club):
    wire.fail(next=2, status=429, headers={"Retry-After": "7"}, body=b"slow down")

    answers = [join(wire) for _ in range(3)]

    assert [answer.status for answer in answers] == [429, 429, 201]
    assert (answers[0].retry_after(), answers[0].content) == (timedelta(seconds=7), b"slow down")
    assert club.members == ["Anna"]
    assert [request.status for request in wire.journal] == [429, 429, 201]


def test_garbage_is_a_success_that_is_none(wire, club):
    wire.garbage()
    wire.garbage(body=b'{"half": ', content_type="application/json")

    for _ in range(2):
        with pytest.raises(Transient) as raised:
            join(wire).json()
        assert raised.value.code == "bad-response"

    assert club.members == []


@pytest.mark.parametrize(
    ("when", "members", "status"), [("before", [], None), ("after", ["Anna"], None), ("mid", ["Anna"], 201), ("end", ["Anna"], 201)]
)
def test_a_dropped_connection_leaves_the_outcome_unknown_to_the_client_only(wire, club, when, members, status):
    wire.drop(when=when)

    if when == "end":
        join(wire)
    else:
        with pytest.raises(Ambiguous):
            join(wire)

    assert club.members == members
    assert [request.status for request in wire.journal] == [status]


def test_after_a_drop_the_next_request_succeeds(wire, club):
    wire.drop(next=2, when="mid")

    for _ in range(2):
        with pytest.raises(Transient):
            wire.http.get(wire.url)

    assert wire.http.get(wire.url).status == 200


def test_a_delay_beyond_the_deadline_ends_the_call_but_not_the_work(club):
    with Wire(club, deadline=0.2) as wire:
        wire.delay(0.4)

        with pytest.raises(Ambiguous):
            join(wire)

    assert club.members == ["Anna"]


def test_a_delay_within_the_deadline_is_only_slow(wire, club):
    wire.delay(0.05)

    assert join(wire).status == 201


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_reply_that_drips_ends_by_the_deadline(club, part):
    club.members = ["Anna"] * 200
    with Wire(club, deadline=0.3) as wire:
        wire.drip(1, part=part)

        with ends_early(), pytest.raises(Transient):
            wire.http.get(wire.url)


def test_a_reply_that_drips_quickly_arrives_whole(wire, club):
    club.members = ["Anna"]
    wire.drip(0.001, part="head")

    assert wire.http.get(wire.url).json() == ["Anna"]


@pytest.mark.parametrize("when", ["before", "after", "mid", "end"])
def test_something_else_can_happen_at_any_point_of_an_exchange(wire, club, when):
    seen = []
    done = threading.Event()
    wire.run(lambda: (seen.append((len(club.members), wire.journal[0].status)), done.set()), when=when)

    assert join(wire).status == 201
    assert done.wait(15)
    assert seen == [{"before": (0, None), "after": (1, None), "mid": (1, 201), "end": (1, 201)}[when]]


def test_a_fault_waits_for_the_request_it_is_meant_for(wire, club):
    wire.fail(status=500, match=lambda request: request.form.get("name") == "Zoe")

    assert [join(wire, name).status for name in ("Anna", "Zoe", "Zoe")] == [201, 500, 201]


def test_a_request_is_struck_by_the_oldest_fault_that_is_meant_for_it(wire):
    wire.fail(status=500)
    wire.fail(status=502, match=lambda request: request.method == "POST")
    wire.fail(status=503)

    assert [join(wire).status, wire.http.get(wire.url).status, join(wire).status, join(wire).status] == [500, 503, 502, 201]


def test_a_fault_without_an_end_lasts_until_it_is_mended(wire):
    wire.fail(next=None)

    assert [wire.http.get(wire.url).status for _ in range(4)] == [503] * 4
    wire.mend()
    assert wire.http.get(wire.url).status == 200


def test_a_test_can_see_whether_its_faults_have_struck(wire):
    wire.fail(next=2)
    wire.drop(match=lambda request: request.method == "PATCH")

    wire.http.get(wire.url)

    assert wire.waiting == 2


def test_a_fault_that_strikes_nobody_is_a_mistake_in_the_test(wire):
    with pytest.raises(ValueError, match="1 or more"):
        wire.fail(next=0)


def test_concurrent_requests_do_not_share_one_fault(wire):
    wire.fail(next=5)

    with ThreadPoolExecutor(4) as threads:
        statuses = list(threads.map(lambda _: wire.http.get(wire.url).status, range(20)))

    assert sorted(statuses) == [200] * 15 + [503] * 5


def test_a_mistake_in_the_fake_fails_the_test_that_used_it():
    def use():
        with Wire(Club()) as wire:
            answer = wire.http.get(f"{wire.url}/raise")
            assert (answer.status, "a mistake in the fake" in answer.text) == (500, True)

    with pytest.raises(LookupError, match="mistake in the fake"):
        use()


def test_a_mistake_in_the_fake_does_not_hide_the_failure_of_the_test():
    def use():
        with Wire(Club()) as wire:
            wire.http.get(f"{wire.url}/raise")
            raise KeyError("the failure of the test")

    with pytest.raises(KeyError):
        use()


@pytest.mark.parametrize("when", ["before", "mid"])
def test_an_error_in_what_is_run_fails_the_test(when):
    def use():
        with Wire(Club(), deadline=1) as wire, suppress(Transient):
            wire.run(lambda: 1 / 0, when=when)
            wire.http.get(wire.url)

    with pytest.raises(ZeroDivisionError):
        use()


def test_closing_ends_what_is_under_way_and_frees_the_port(club):
    wire = Wire(club)
    arrived = threading.Event()
    wire.delay(60, match=lambda request: not arrived.set())

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(join, wire)
        assert arrived.wait(15)
        with ends_early():
            wire.close()
            wire.close()
        waiting.exception(timeout=15)
    with closing(Http(allow=[wire.host], deadline=1)) as http, pytest.raises(Transient):
        http.get(wire.url)
    gc.collect()  # a socket that was left open would be a ResourceWarning now, and warnings are errors
