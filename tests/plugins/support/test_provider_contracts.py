"""The contracts take right requests and refuse wrong ones."""

import json
from contextlib import suppress

import pytest
from provider_contracts import GoogleContract, OpenApiContract, checked

from rolecall.errors import Transient
from rolecall.testing.wire import Wire

GRAPH = OpenApiContract("msgraph-v1.0.subset.openapi.json", base="/v1.0")
DIRECTORY = GoogleContract("google-admin-directory_v1.subset.json")
CANVAS = OpenApiContract("canvas-v1.subset.openapi.json")
BRIGHTSPACE = OpenApiContract("brightspace-lp.subset.openapi.json")
USER = {
    "accountEnabled": True,
    "displayName": "Anna Kowalska",
    "mailNickname": "anna.k",
    "userPrincipalName": "anna.k@school.example",
    "passwordProfile": {"password": "x", "forceChangePasswordNextSignIn": True},
    "usageLocation": "GR",
}
PERSON = {"primaryEmail": "anna.k@school.example", "name": {"givenName": "Anna", "familyName": "Kowalska"}, "password": "x"}
USERS = "/admin/directory/v1/users"


def send(contract, method, path, body=None, query=()):
    contract.check(method, path, list(query), "application/json", b"" if body is None else json.dumps(body).encode())


def test_right_requests_are_taken():
    send(GRAPH, "POST", "/v1.0/users", USER)
    send(GRAPH, "GET", "/v1.0/users", query=[("$filter", "employeeId eq 'x'"), ("$top", "100")])
    send(GRAPH, "PATCH", "/v1.0/users/8a1", {"accountEnabled": False})
    send(DIRECTORY, "POST", USERS, PERSON)
    send(DIRECTORY, "GET", USERS, query=[("customer", "my_customer"), ("maxResults", "500")])
    send(DIRECTORY, "PATCH", f"{USERS}/anna.k@school.example", {"suspended": True})


@pytest.mark.parametrize(
    ("contract", "method", "path", "body", "query"),
    [
        (GRAPH, "POST", "/v1.0/people", USER, ()),
        (GRAPH, "PUT", "/v1.0/users", USER, ()),
        (GRAPH, "POST", "/v1.0/users", {**USER, "nickname": "Annie"}, ()),
        (GRAPH, "POST", "/v1.0/users", {**USER, "accountEnabled": "yes"}, ()),
        (GRAPH, "POST", "/v1.0/users", {**USER, "passwordProfile": {"pass": "x"}}, ()),
        (GRAPH, "GET", "/v1.0/users", None, [("filter", "x")]),
        (GRAPH, "GET", "/v1.0/users", None, [("$top", "many")]),
        (DIRECTORY, "POST", USERS, {**PERSON, "mail": "x"}, ()),
        (DIRECTORY, "POST", USERS, {**PERSON, "suspended": "yes"}, ()),
        (DIRECTORY, "POST", USERS, {**PERSON, "creationTime": "2026-01-01T00:00:00Z"}, ()),
        (DIRECTORY, "GET", USERS, None, [("max", "5")]),
        (DIRECTORY, "GET", USERS, None, [("maxResults", "5000")]),
        (DIRECTORY, "DELETE", USERS, None, ()),
        (CANVAS, "GET", "/api/v1/nothing", None, ()),
        (BRIGHTSPACE, "GET", "/d2l/api/lp/1.45/nothing", None, ()),
    ],
)
def test_a_wrong_request_is_refused(contract, method, path, body, query):
    with pytest.raises(AssertionError):
        send(contract, method, path, body, query)


def test_a_wire_tells_of_a_request_that_the_contract_does_not_have():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b"{}"]

    wire = Wire(checked(app, GRAPH, free=["/token"]))
    wire.http.get(f"{wire.url}/token")
    assert wire.errors == []

    with suppress(Transient):
        wire.http.get(f"{wire.url}/v1.0/nobody")
    wire.close()

    assert [str(error) for error in wire.errors] == ["No contract has the path /v1.0/nobody."]
