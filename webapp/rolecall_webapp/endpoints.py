"""Addresses at which plugins answer other systems: bearer tokens or signatures, permissions, bounded bodies, no cookies (R60, P-03).

Owns everything that comes before a plugin is asked, and that whatever goes wrong there stays there. Knows no plugin and no protocol: the
declaration says which routes there are and words the problems.
"""

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial
from typing import Any

import structlog
from flask import Blueprint, Response, current_app, g, request
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound

from rolecall.accounts import settings
from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden
from rolecall.plugins.plugin import Plugin
from rolecall.sdk.endpoint import REPLY_HEADERS, Endpoint, EndpointCall, EndpointProblem, EndpointReply, EndpointRoute, SignedCall
from rolecall.work.application import Application
from rolecall.work.delivery.receipts import ChannelReceipts
from rolecall.work.handed_groups import HandedGroups
from rolecall.work.handed_people import HandedPeople
from rolecall_webapp.api import reading
from rolecall_webapp.api.bearer import authenticate as by_token
from rolecall_webapp.frame import PUBLIC, application

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Headers of a call that are nobody's business but ours.
_OWN_HEADERS = frozenset({"authorization", "cookie"})

log = structlog.get_logger(__name__)


def build(app: Application, taken: Collection[str]) -> tuple[Blueprint, tuple[str, ...]]:
    """Return the addresses of all installed plugins' endpoints, enabled or not, and their prefixes.

    One whose first part is among ``taken``, which are the application's own, is left out and logged.
    """
    pages = Blueprint("endpoints", __name__)
    prefixes = []
    for plugin in app.plugins.installed.values():
        for endpoint in plugin.endpoints.values():
            if endpoint.prefix.split("/")[1] in taken:
                log.error("endpoint left out, its address is taken", plugin=plugin.name, prefix=endpoint.prefix)
                continue
            view = _view(plugin, endpoint)
            for rule in (endpoint.prefix, f"{endpoint.prefix}/", f"{endpoint.prefix}/<path:below>"):
                pages.add_url_rule(rule, endpoint.id, view, methods=_METHODS, provide_automatic_options=False)
            prefixes.append(endpoint.prefix)
    return pages, tuple(prefixes)


def authenticate() -> Actor | None:
    """Find who calls, for an endpoint that is there now.

    :raises NotFound: when its plugin is not enabled, or the setting that opens it is off.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    declared: tuple[Plugin, Endpoint] | None = getattr(view, "rolecall_endpoint", None)
    if declared is None or not is_open(*declared):
        raise NotFound
    g.plugin = declared[0].name
    g.refuse = partial(_refused, declared[1])
    return by_token()


def is_open(plugin: Plugin, endpoint: Endpoint) -> bool:
    """Tell whether an endpoint answers now: its plugin is enabled, and so is the setting that it names."""
    enabled = application().plugins.view(g.db).plugins.get(plugin.name)
    if enabled is None or endpoint.id not in enabled.endpoints:
        return False
    return endpoint.setting is None or bool(_settings(plugin)[endpoint.setting])


def address(endpoint: Endpoint) -> str:
    """Where other systems call it: what is to be typed in there."""
    return application().config.base_url.rstrip("/") + endpoint.prefix


def _view(plugin: Plugin, endpoint: Endpoint) -> Callable[..., Response]:
    if endpoint.signed is not None:
        answer = _signed(plugin, endpoint, endpoint.signed)
    elif endpoint.handler is not None:
        answer = _with_token(plugin, endpoint, endpoint.handler)

    def view(below: str = "") -> Response:
        try:
            reply = answer(f"/{below}" if below else "")
        except SystemExit as error:  # a plugin may raise anything; it ends here
            raise RuntimeError(f"The plugin {plugin.name} tried to end the process.") from error
        return _response(reply)

    # Signed in is what the frame asks for, and the permissions depend on the route; or nobody, where the plugin checks a signature.
    view.__dict__["rolecall_permission"] = None if endpoint.signed is None else PUBLIC
    view.__dict__["rolecall_endpoint"] = (plugin, endpoint)
    return view


def _with_token(plugin: Plugin, endpoint: Endpoint, handler: Callable[[EndpointCall], EndpointReply]) -> Callable[[str], EndpointReply]:
    def answer(path: str) -> EndpointReply:
        _require(_route(endpoint, path).permissions)
        call = EndpointCall(
            method=_method(), path=path, base_url=address(endpoint), query=_query(), headers=_headers(),
            body=_body(endpoint), settings=_settings(plugin), people=HandedPeople(application(), g.actor, plugin.name),
            groups=HandedGroups(application(), g.actor, plugin.name),
        )  # fmt: skip
        return handler(call)

    return answer


def _signed(plugin: Plugin, endpoint: Endpoint, handler: Callable[[SignedCall], EndpointReply]) -> Callable[[str], EndpointReply]:
    def answer(path: str) -> EndpointReply:
        if not is_open(plugin, endpoint):
            raise NotFound
        g.plugin, g.refuse = plugin.name, partial(_refused, endpoint)
        _route(endpoint, path)
        query = request.query_string.decode("ascii", "replace")
        known = application().channels.settings(g.db, plugin)
        call = SignedCall(
            method=_method(), path=path, url=f"{address(endpoint)}{path}{f'?{query}' if query else ''}", query=query,
            headers=_headers(), body=_body(endpoint), settings=known, receipts=ChannelReceipts(application(), plugin.name),
        )  # fmt: skip
        # What it reports is written in transactions of its own.
        g.db.rollback()
        return handler(call)

    return answer


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items() if name.lower() not in _OWN_HEADERS}


def _method() -> str:
    return "GET" if request.method == "HEAD" else request.method


def _route(endpoint: Endpoint, path: str) -> EndpointRoute:
    there = [each for each in endpoint.routes if _pattern(each.path).fullmatch(path)]
    found = next((each for each in there if each.method == _method()), None)
    if found is None:
        raise MethodNotAllowed(sorted({each.method for each in there})) if there else NotFound()
    return found


@lru_cache(maxsize=256)
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(path)))


def _require(permissions: Collection[str]) -> None:
    if g.actor.permissions is not None and not g.actor.permissions:
        raise Forbidden("This account may do nothing.", hint="It needs a role that allows something, and its own password.")
    for permission in permissions:
        g.actor.require(permission)


def _query() -> dict[str, str]:
    found = request.args
    if any(len(found.getlist(name)) > 1 or "\0" in name or "\0" in value for name, value in found.items()):
        raise BadRequest
    return dict(found.items())


def _body(endpoint: Endpoint) -> bytes:
    reading.check_length(request, endpoint.body_bytes)
    reading.refuse_encoding(request)
    return request.get_data(cache=False)


def _settings(plugin: Plugin) -> dict[str, Any]:
    schema = plugin.settings_schema
    return {} if schema is None else settings.read(g.db, plugin.name, schema)


def _response(reply: Any) -> Response:
    if not isinstance(reply, EndpointReply):
        raise TypeError(f"An endpoint answered {type(reply).__name__} instead of EndpointReply.")
    response = Response(reply.body, status=reply.status, content_type=reply.media)
    if not reply.body:
        del response.headers["Content-Type"]
    for name, value in reply.headers.items():
        if name.lower() in REPLY_HEADERS:
            response.headers[name] = value
    return response


def _refused(endpoint: Endpoint, status: int, message: str, hint: str, code: str, headers: Mapping[str, str]) -> Response | None:
    """A problem in the words of the endpoint's protocol; none where it fails at that too."""
    try:
        response = _response(endpoint.refuse(EndpointProblem(status=status, message=message, hint=hint, code=code)))
    except (Exception, SystemExit):  # what failed once may fail again, and the problem must still be told
        log.exception("endpoint could not word a problem", request=g.request_id, endpoint=endpoint.id)
        return None
    response.headers.update(headers)
    return response
