"""Turns what went wrong into an answer: a page for people, problem details (RFC 9457) under ``/api/``.

Owns which error has which status. Never shows a traceback, a statement, a path or a version (W-05).
"""

from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, SecurityError

from rolecall.catalogues import SOURCE
from rolecall.errors import (
    Busy,
    ConsentRequired,
    CountChanged,
    Forbidden,
    Held,
    Invalid,
    NotConnected,
    Refused,
    RolecallError,
    Stale,
    Unknown,
)
from rolecall.store.engine import is_unavailable
from rolecall.translation import gettext as _
from rolecall_webapp import spoken
from rolecall_webapp.frame import SignInAgain, SignInFirst, authenticator, default_language, own_language

log = structlog.get_logger(__name__)

#: The first class that fits decides.
_STATUS: tuple[tuple[type[RolecallError], int], ...] = (
    (Busy, 429),
    (Invalid, 422),
    (Unknown, 404),
    (Forbidden, 403),
    (ConsentRequired, 409),
    (CountChanged, 409),
    (Held, 409),
    (Stale, 409),
    (Refused, 409),
    (RolecallError, 502),
)
_TITLES = {
    400: _("The request could not be read"),
    401: _("You are not signed in"),
    403: _("Not allowed"),
    404: _("Not found"),
    405: _("Not possible here"),
    409: _("This does not apply"),
    412: _("Changed by somebody else"),
    413: _("Too large"),
    422: _("Some values are missing or wrong"),
    429: _("Too many attempts"),
    500: _("Something went wrong"),
    502: _("A plugin went wrong"),
    503: _("Not available just now"),
}


def init(flask: Flask) -> None:
    """Answer every error."""
    flask.register_error_handler(SignInFirst, _sign_in_first)
    flask.register_error_handler(SignInAgain, lambda error: redirect(url_for("login.again", next=error.back), 303))
    flask.register_error_handler(RolecallError, _refused)
    flask.register_error_handler(CSRFError, _forged)
    flask.register_error_handler(HTTPException, _http)
    flask.register_error_handler(Exception, _unexpected)


def status_of(error: RolecallError) -> int:
    """The HTTP status of an error of ours."""
    if isinstance(error, Stale) and request.headers.get("If-Match"):
        return 412
    return next(status for cls, status in _STATUS if isinstance(error, cls))


def wants_problem() -> bool:
    """Whether the answer is for a program: everything under ``/api/``, and wherever one comes with a token."""
    return request.path.startswith("/api/") or authenticator() is not None


def _refused(error: RolecallError) -> ResponseReturnValue:
    more: dict[str, Any] = {}
    if isinstance(error, Invalid) and error.fields:
        more["fields"] = error.fields
    if isinstance(error, NotConnected):
        more["lines"] = list(error.lines)
    if isinstance(error, CountChanged):
        more["count"] = error.count
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Busy) else {}
    return _answer(status_of(error), error.message, hint=error.hint, code=error.code, headers=headers, **more)


def _sign_in_first(error: SignInFirst) -> ResponseReturnValue:
    if wants_problem():
        return _answer(401, "A valid bearer token is needed.", code="unauthenticated", headers={"WWW-Authenticate": "Bearer"})
    back = request.full_path.rstrip("?") if request.method == "GET" else "/"
    if error.ended:
        again = url_for("login.page", next=back)
        return _answer(401, _("Your session has ended."), hint=_("Sign in again to go on."), code="unauthenticated", back=again)
    return redirect(url_for("login.page", next=back) if back != "/" else url_for("login.page"), 303)


def _forged(error: CSRFError) -> ResponseReturnValue:
    hint = _("Open the page again and send it once more.")
    return _answer(400, _("This form does not belong to your session any more."), hint=hint, code="csrf")


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or (error.code and error.code < 400):
        return error
    if isinstance(error, SecurityError):
        return Response("This address is not served here.\n", 400, mimetype="text/plain")  # no page: links need an address of ours
    texts = {
        404: _("There is no page at this address."),
        405: _("This address does not take that kind of request."),
        413: _("What was sent is larger than this page takes."),
    }
    code = error.code or 500
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return _answer(code, texts.get(code, _("The request could not be understood.")), code=str(code), headers=kept)


def _unexpected(error: Exception) -> ResponseReturnValue:
    if is_unavailable(error):
        log.error("database unavailable", request=g.get("request_id"), error=type(error).__name__)
        return _answer(
            503,
            _("The database cannot be reached just now."),
            hint=_("Nothing was changed. Try again in a moment."),
            code="unavailable",
            bare=True,
            headers={"Retry-After": "5"},
        )
    # A statement's parameters may hold what nobody should read: only where it happened is logged.
    shown = None if isinstance(error, DBAPIError) else error
    log.error("request failed", request=g.get("request_id"), plugin=g.get("plugin"), exc_info=shown, error=type(error).__name__)
    hint = _("It was logged under the number {number}. Tell the operator.", number=g.get("request_id", ""))
    return _answer(500, _("An unexpected error stopped this."), hint=hint, code="error", bare=True)


def _answer(
    status: int,
    message: str,
    *,
    code: str,
    hint: str = "",
    headers: dict[str, str] | None = None,
    back: str | None = None,
    bare: bool = False,
    **more: Any,
) -> ResponseReturnValue:
    worded: Response | None = g.refuse(status, message, hint, code, headers or {}) if "refuse" in g else None
    if worded is not None:
        return worded
    title = _TITLES.get(status, _("The request was refused"))
    if wants_problem():
        document = {"type": "about:blank", "title": title, "status": status, "detail": message, "code": code, "hint": hint} | more
        response = jsonify(document)
        response.content_type = "application/problem+json"
        return response, status, headers or {}
    # "bare" is drawn without the database, because that is what failed.
    spoken.of_answer(own_language(), (lambda: SOURCE) if bare else default_language)
    template = "bare.html" if bare or g.get("actor") is None else "error.html"
    page = render_template(template, title=title, message=message, hint=hint, fields=more.get("fields") or {}, back=back)
    return page, status, headers or {}
