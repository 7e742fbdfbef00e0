"""One address and method of the API as data, and the view that Flask calls for it.

Owns what is declared beside each route and the order of checks: permission, then query and body, then the route itself.
Knows no particular route.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, g, request
from flask.blueprints import BlueprintSetupState
from marshmallow import Schema
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden
from rolecall.plugins.registry import View
from rolecall.work.application import Application
from rolecall.work.documents import Document
from rolecall_webapp.api import reading
from rolecall_webapp.frame import PUBLIC, application

JSON = "application/json"
CSV = "text/csv"
HTML = "text/html"
PDF = "application/pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, checked: who asks, what for."""

    app: Application
    session: Session
    view: View
    actor: Actor
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    key: str | None
    version: int | None
    now: datetime
    #: The type of the answer that was asked for, of those that the route has.
    wants: str = JSON

    def read(self) -> AbstractContextManager[Session]:
        """Open a unit that sees what was written since the request began, as far as the actor's rights reach."""
        return self.app.read_as(self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """An answer that is no JSON, such as a PDF to keep under a name."""

    media: str
    body: bytes
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A document with its status; ``version`` becomes the ETag."""

    document: Document
    status: int = 200
    version: int | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one route takes, gives and asks for.

    ``path`` names its parameters in braces; those ending in ``_id`` are numbers, but for ``action_id``. ``permissions`` are all
    needed and may name parameters (``act:{action_id}``); ``others`` is needed besides for a run that somebody else began.
    ``extra_query`` tells that the route takes query words beyond the schema (filters), which it checks itself.
    """

    name: str
    method: str
    path: str
    summary: str
    tag: str
    handler: Callable[[Call], Answer | Content | Document]
    answers: Mapping[int, type[Schema] | tuple[type[Schema], ...]]
    permissions: tuple[str, ...] = ()
    public: bool = False
    others: str | None = None
    query: type[Schema] | None = None
    extra_query: bool = False
    body: type[Schema] | None = None
    media: str = JSON
    #: Types that it answers besides JSON, to whoever sends them in ``Accept``.
    also: tuple[str, ...] = ()
    versioned: bool = False
    keyed: bool = False
    refusals: tuple[int, ...] = ()

    @property
    def description(self) -> str:
        """What the route does, for whoever reads the document."""
        return " ".join((self.handler.__doc__ or "").split())


def operation(
    method: str, path: str, summary: str, *, answer: type[Schema] | None = None, **declared: Any
) -> Callable[[Callable[[Call], Answer | Content | Document]], Operation]:
    """Turn a function into an :class:`Operation`; ``answer`` is short for ``answers={200: ...}``."""

    def declare(handler: Callable[[Call], Answer | Content | Document]) -> Operation:
        if answer is not None:
            declared["answers"] = {200: answer}
        return Operation(name=handler.__name__, method=method, path=path, summary=summary, handler=handler, **declared)

    return declare


def mount(blueprint: Blueprint, operations: Sequence[Operation]) -> None:
    """Give every operation its address."""
    blueprint.record(_know_digits)
    for each in operations:
        blueprint.add_url_rule(reading.rule(each.path), each.name, _view(each), methods=[each.method], provide_automatic_options=False)


def _know_digits(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["digits"] = reading.Number


def _view(each: Operation) -> Callable[..., Response]:
    def view(**sent: str) -> Response:
        if not each.public:
            check_permission(each, g.actor, sent)
        path = reading.parameters(sent)
        query = reading.query(request.args, each.query, keep_others=each.extra_query)
        body = reading.body(request, each.body) if each.media == JSON else {}
        call = Call(
            app=application(),
            session=g.db,
            view=g.view if not each.public else application().plugins.view(g.db),
            actor=g.get("actor"),
            path=path,
            query=query,
            body=body,
            key=reading.idempotency_key(request) if each.keyed else None,
            version=reading.if_match(request) if each.versioned else None,
            now=datetime.now(UTC),
            wants=request.accept_mimetypes.best_match((JSON, *each.also), JSON) if each.also else JSON,
        )
        found = each.handler(call)
        if isinstance(found, Content):
            return _attached(found)
        return _response(found if isinstance(found, Answer) else Answer(document=found))

    # What the frame checks before this is called; a permission that depends on the address is checked here.
    simple = len(each.permissions) == 1 and "{" not in each.permissions[0]
    view.__dict__["rolecall_permission"] = PUBLIC if each.public else each.permissions[0] if simple else None
    view.__dict__["rolecall_operation"] = each
    return view


def check_permission(each: Operation, actor: Actor, path: Mapping[str, Any]) -> None:
    """Refuse whoever lacks a declared permission. Whose run it is, is for the run to say.

    :raises Forbidden: always, for whoever may do nothing at all, such as somebody who must choose a new password first.
    """
    if actor.permissions is not None and not actor.permissions:
        raise Forbidden("This account may do nothing through the API.", hint="It needs a role that allows something, and its own password.")
    for permission in each.permissions:
        actor.require(permission.format(**path))


def _response(answer: Answer) -> Response:
    response = Response(json.dumps(answer.document, default=_plain), status=answer.status, mimetype=JSON)
    if answer.version is not None:
        response.set_etag(str(answer.version))
    if answer.location:
        response.headers["Location"] = f"{request.script_root}/api/v1{answer.location}"
    return response


def _attached(content: Content) -> Response:
    response = Response(content.body, mimetype=content.media)
    response.headers["Content-Disposition"] = f'attachment; filename="{content.filename}"'
    return response


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset | set | tuple):
        return sorted(value) if isinstance(value, frozenset | set) else list(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)
