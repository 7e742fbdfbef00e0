"""Calls, pages and batches, and what their answers are worth."""

from datetime import timedelta

import pytest

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall_o365.client import Part, id_of, list_path, quoted
from rolecall_o365.errors import classify, problem, seconds, settled


@pytest.mark.parametrize(
    ("status", "code", "repeatable", "kind"),
    [
        (400, "Request_BadRequest", False, Permanent),
        (401, "InvalidAuthenticationToken", False, Misconfigured),
        (403, "Authorization_RequestDenied", False, Misconfigured),
        (404, "Request_ResourceNotFound", False, NotFound),
        (404, "", False, Misconfigured),
        (302, "", False, Misconfigured),
        (409, "Conflict", False, Conflict),
        (412, "PreconditionFailed", False, Transient),
        (423, "Locked", False, Transient),
        (429, "TooManyRequests", False, Transient),
        (500, "InternalServerError", True, Transient),
        (500, "InternalServerError", False, Ambiguous),
        (503, "ServiceUnavailable", False, Transient),
        (504, "", False, Transient),
        (509, "", False, Transient),
        (200, "Odd", True, Transient),
        (200, "Odd", False, Ambiguous),
    ],
)
def test_each_status_has_its_class(status, code, repeatable, kind) -> None:
    body = {"error": {"code": code, "message": "Said so."}} if code else None

    assert isinstance(classify(status, body, wait=None, repeatable=repeatable), kind)


def test_a_conflict_is_told_by_its_code_and_not_by_its_words() -> None:
    details = [{"code": "ObjectConflict", "target": "userPrincipalName"}, "odd"]
    error = {"error": {"code": "Request_BadRequest", "message": "Ein anderes Objekt …", "details": details}}

    assert isinstance(classify(400, error, wait=None, repeatable=False), Conflict)
    assert problem({"error": {"details": "odd"}}) == ("", "", ())
    assert problem(["odd"]) == ("", "", ())


def test_a_wait_is_read_in_any_case_and_in_fractions() -> None:
    assert seconds({"retry-AFTER": "2.128"}) == timedelta(seconds=2.128)
    assert seconds({"Retry-After": "-5"}) == timedelta(0)
    assert seconds({}) is None


def test_what_was_made_a_moment_ago_passes_and_another_refusal_stays() -> None:
    fresh = classify(400, {"error": {"code": "Request_BadRequest", "message": "Not a valid reference update."}}, wait=None, repeatable=True)
    other = classify(400, {"error": {"code": "Request_BadRequest", "message": "No."}}, wait=None, repeatable=True)

    assert isinstance(settled(fresh), Transient)
    assert settled(other) is other


def test_texts_cannot_leave_their_literal_or_their_place() -> None:
    assert quoted("O'Neill") == "'O''Neill'"
    assert (
        list_path("/users", filter="a eq 'b&c#d'", top=1, count=True, select=None)
        == "/users?$filter=a%20eq%20%27b%26c%23d%27&$top=1&$count=true"
    )


@pytest.mark.parametrize("row", [{}, {"id": 7}, {"id": ""}, {"id": "../x"}, {"id": "a" * 101}, {"id": "é"}])
def test_an_id_that_cannot_be_stored_is_not_believed(row) -> None:
    with pytest.raises(Transient):
        id_of(row)


@pytest.mark.parametrize("link", ["https://elsewhere.example/v1.0/users", 7, "{here}/users?$skiptoken=1"])
def test_a_next_page_that_is_elsewhere_or_the_same_again_is_not_followed(provider, tenant, wire, link) -> None:
    link = link.format(here=f"{wire.url}/v1.0") if isinstance(link, str) else link
    tenant.fail(200, body={"value": [], "@odata.nextLink": link}, match=lambda method, path: path == "/users", next=None)

    with pytest.raises(Transient, match="page"):
        list(provider.tenant.graph.pages("/users"))


@pytest.mark.parametrize("body", [{"value": None}, {"value": ["odd"]}, {"id": "x"}])
def test_a_list_that_is_none_is_not_believed(provider, tenant, body) -> None:
    tenant.fail(200, body=body, match=lambda method, path: path == "/users")

    with pytest.raises(Transient, match="list"):
        list(provider.tenant.graph.pages("/users"))


def test_a_lost_answer_to_a_list_is_asked_for_again_and_to_a_change_is_unclear(provider, wire) -> None:
    graph = provider.tenant.graph
    graph.tokens.get()
    for part, kind in ((Part(method="GET", path="/users"), Transient), (Part(method="POST", path="/users", body={}), Ambiguous)):
        wire.drop(when="before", match=lambda request: request.path.startswith("/v1.0"))
        with pytest.raises(kind):
            graph.call(part)


def test_a_batch_of_forty_one_is_three_and_the_answers_keep_their_order(provider, tenant, wire) -> None:
    numbers = [tenant.add_user(userPrincipalName=f"u{number}@school.example") for number in range(41)]

    answers = provider.tenant.graph.batch([Part(method="GET", path=f"/users/{number}") for number in numbers])

    assert [answer.value()["id"] for answer in answers] == numbers
    assert sum(request.path == "/v1.0/$batch" for request in wire.journal) == 3


def test_parts_without_an_answer_are_unclear_or_asked_again(provider, wire) -> None:
    body = b'{"responses": [7, {"id": "0", "status": "odd"}]}'
    for part, kind in (
        (Part(method="GET", path="/users"), Transient),
        (
            Part(
                method="POST", path="/groups", body={"displayName": "a", "mailEnabled": False, "mailNickname": "a", "securityEnabled": True}
            ),
            Ambiguous,
        ),
    ):
        wire.garbage(body=body, content_type="application/json", match=lambda request: request.path.endswith("$batch"))
        (answer,) = provider.tenant.graph.batch([part])
        assert isinstance(answer.error, kind)
