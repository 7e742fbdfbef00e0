"""The document of the API is complete and true, and every route declares who may call it (P-01, Z-01)."""

import re
from collections.abc import Iterator

from flask import Flask
from openapi_spec_validator import validate

from rolecall_webapp.api import OPERATIONS
from rolecall_webapp.frame import UNDECLARED, permission_of

#: The few answers that are to be had as something else than JSON too.
ALSO = {("/runs/{run_id}/secrets", "200"): ("application/pdf", "text/html")}


def routes(application: Flask) -> Iterator[tuple[str, str, str]]:
    """(method, address as the document writes it, endpoint) of every route below ``/api/v1``."""
    for rule in application.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            path = re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1"))
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                yield method, path, rule.endpoint


def test_document_is_valid_openapi(described):
    validate(described.document)

    assert described.document["openapi"].startswith("3.1")


def test_document_needs_no_token(stranger):
    answer = stranger.get("/openapi.json")

    assert answer.status_code == 200


def test_every_route_is_in_the_document(application, core, described):
    with core.db.read() as session:
        actions = core.plugins.view(session).actions
    missing = []
    for method, path, _ in routes(application):
        addresses = [path.format(action_id=each) for each in actions] if path.endswith("{action_id}") else [path]
        missing += [(method, each) for each in addresses if method.lower() not in described.document["paths"].get(each, {})]

    assert missing == []


def test_every_path_of_the_document_is_a_route(application, core, described):
    known = {(method, path) for method, path, _ in routes(application)}
    described_only = [
        (method.upper(), path)
        for path, methods in described.document["paths"].items()
        for method in methods
        if (method.upper(), path) not in known and not path.startswith("/actions/")
    ]

    assert described_only == []


def test_every_route_declares_who_may_call_it(application):
    undeclared = [endpoint for _, _, endpoint in routes(application) if permission_of(application.view_functions[endpoint]) == UNDECLARED]

    assert undeclared == []


def test_only_the_document_itself_needs_no_permission():
    assert [each.name for each in OPERATIONS if not each.permissions and not each.others] == ["read_openapi"]


def test_every_action_has_its_parameters_in_the_document(core, described):
    with core.db.read() as session:
        actions = core.plugins.view(session).actions

    for action in actions.values():
        body = described.document["paths"][f"/actions/{action.id}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        params = body["properties"]["params"]
        assert set(params["properties"]) == set(action.params().fields), action.id
        assert params["additionalProperties"] is False


def test_document_tells_nothing_of_the_institution(school, stranger):
    from rolecall.testing.factories import make_role

    school(make_role, "Headmistress of Hogwarts")

    answer = stranger.get("/openapi.json")

    assert "Hogwarts" not in answer.text


def test_every_answer_of_an_error_is_a_problem(described):
    for path, methods in described.document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                wanted = ["application/problem+json"] if int(status) >= 400 else ["application/json", *ALSO.get((path, status), ())]
                assert list(answer["content"]) == wanted, (method, path, status)
