"""What surrounds every view: who asks, what they may do, and one reading session.

Owns "deny by default": a view without :func:`needs` or :func:`public` answers 403 to everybody. Knows nothing of what views show.
"""

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user

from rolecall.accounts import sessions, settings
from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden
from rolecall.work.application import Application

ViewFunction = TypeVar("ViewFunction", bound=Callable[..., Any])

#: The declaration of views that need nobody to be signed in.
PUBLIC = "public"
#: What a view without a declaration has; nobody holds it.
UNDECLARED = "undeclared"


class SignInAgain(Exception):
    """The password was given too long ago for this; ``back`` is where to go on after it was given again."""

    def __init__(self, back: str) -> None:
        super().__init__(back)
        self.back = back


class SignInFirst(Exception):
    """Nobody is signed in. ``ended`` tells that somebody was."""

    def __init__(self, *, ended: bool) -> None:
        super().__init__()
        self.ended = ended


class Visitor:
    """Whoever is signed in, as Flask-Login wants it: its id is the random token of the session and nothing else."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, token: str, signed_in: sessions.SessionView) -> None:
        self.token = token
        self.signed_in = signed_in

    def get_id(self) -> str:
        """The token that the cookie carries."""
        return self.token


def needs(permission: str | None, *, before_password: bool = False) -> Callable[[ViewFunction], ViewFunction]:
    """Declare who may open a view: whoever holds ``permission``, or with none everybody who is signed in.

    ``before_password`` lets it be opened while the password must be changed first.
    """

    def declare(view: ViewFunction) -> ViewFunction:
        view.__dict__["rolecall_permission"] = permission
        view.__dict__["rolecall_before_password"] = before_password
        return view

    return declare


def public(view: ViewFunction) -> ViewFunction:
    """Declare that a view needs nobody to be signed in."""
    view.__dict__["rolecall_permission"] = PUBLIC
    return view


def permission_of(view: Callable[..., Any] | None) -> str | None:
    """Return what a view declares: a permission, none (signed in), :data:`PUBLIC` or :data:`UNDECLARED`."""
    declared: str | None = getattr(view, "rolecall_permission", UNDECLARED)
    return declared


def application() -> Application:
    """The application behind this process."""
    found: Application = current_app.extensions["rolecall"]
    return found


def require_fresh(back: str | None = None) -> None:
    """Ask for the password again unless it was given within the last 15 minutes.

    :raises SignInAgain: which leads to the page that asks and from there to ``back``, by default the page that was open.
    """
    if not g.account.is_fresh(datetime.now(UTC)):
        raise SignInAgain(back or request.full_path.rstrip("?"))


def local_path(target: str | None) -> str:
    """Return ``target`` if it is a path on this site, else the first page (X-12)."""
    if not target or not target.startswith("/") or target.startswith("//") or len(target) > 4_000:
        return "/"
    if any(character in target for character in "\\\r\n\t\0") or any(ord(character) < 32 for character in target):
        return "/"
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc else target


def may(permission: str) -> bool:
    """Tell whether whoever is signed in holds a permission; nobody does when nobody is."""
    return g.get("actor") is not None and g.actor.may(permission)


def init(flask: Flask, app: Application, authenticators: dict[str, Callable[[], Actor | None]]) -> None:
    """Put the frame around every view. ``authenticators`` find the actor for addresses below a prefix instead of the cookie."""
    flask.extensions["rolecall"] = app
    flask.extensions["rolecall_authenticators"] = authenticators
    manager = LoginManager()
    manager.session_protection = None  # our sessions live in the database; nothing is derived from the browser
    manager.init_app(flask)
    manager.user_loader(_load)
    flask.before_request(_enter)
    flask.teardown_request(_leave)


def institution() -> tuple[str, str]:
    """The institution's name and time zone, read again only when settings changed."""
    generation = g.view.generation if g.get("view") else None
    known: tuple[int | None, tuple[str, str]] | None = current_app.extensions.get("rolecall_institution")
    if known is None or known[0] != generation or generation is None:
        name = settings.value(g.db, "core", "institution_name", "") or "Rolecall"
        known = (generation, (str(name), str(settings.value(g.db, "core", "time_zone", "") or "UTC")))
        current_app.extensions["rolecall_institution"] = known
    return known[1]


def _enter() -> ResponseReturnValue | None:
    g.request_id = secrets.token_hex(8)
    g.actor = g.account = None
    view = current_app.view_functions.get(request.endpoint or "")
    if request.endpoint == "static":
        return None
    g.exit = ExitStack()
    g.db = g.exit.enter_context(application().db.read())
    declared = permission_of(view)
    if declared == PUBLIC:
        return None
    authenticate = next((each for prefix, each in _authenticators().items() if request.path.startswith(prefix)), _by_cookie)
    g.actor = authenticate()
    g.view = application().plugins.view(g.db)
    if view is None:
        return None  # a page that does not exist; the frame around the answer still knows who asks
    if g.actor is None:
        raise SignInFirst(ended="_user_id" in session)
    if g.account is not None and g.account.must_change_password and not getattr(view, "rolecall_before_password", False):
        return redirect(url_for("login.password"), 303)
    if declared == UNDECLARED:
        raise Forbidden("This page says for nobody that they may open it.")
    if declared is not None:
        g.actor.require(declared)
    return None


def _authenticators() -> dict[str, Callable[[], Actor | None]]:
    found: dict[str, Callable[[], Actor | None]] = current_app.extensions["rolecall_authenticators"]
    return found


def _by_cookie() -> Actor | None:
    visitor = current_user
    if not visitor.is_authenticated:
        return None
    g.account = visitor.signed_in
    if g.account.is_due(datetime.now(UTC)):
        with application().db.write() as writing:
            sessions.touch(writing, g.account.digest, datetime.now(UTC))
    return sessions.actor_for(g.account, request.remote_addr)


def _load(token: str) -> Visitor | None:
    found = sessions.load(g.db, token, datetime.now(UTC))
    # Who lost the role in the period is out at the next request (S-03).
    return Visitor(token, found) if found is not None and found.has_access else None


def _leave(_error: BaseException | None) -> None:
    stack: ExitStack | None = g.pop("exit", None)
    if stack is not None:
        stack.close()
