"""What surrounds every view: who asks, what they may do, and one reading session.

Owns "deny by default": a view without :func:`needs` or :func:`public` answers 403 to everybody. Knows nothing of what views show.
"""

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user

from rolecall.accounts import acting, rights, sessions, settings, trying
from rolecall.accounts.actors import Actor
from rolecall.catalogues import SOURCE
from rolecall.errors import Forbidden, Refused
from rolecall.translation import gettext as _
from rolecall.translation import hush
from rolecall.work.application import Application
from rolecall_webapp import spoken
from rolecall_webapp.notices import say

ViewFunction = TypeVar("ViewFunction", bound=Callable[..., Any])

#: The declaration of views that need nobody to be signed in.
PUBLIC = "public"
#: Methods that change nothing.
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
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

    def __init__(self, token: str, signed_in: sessions.SessionView | None) -> None:
        self.token = token
        self.signed_in = signed_in

    def get_id(self) -> str:
        """The token that the cookie carries."""
        return self.token


def needs(
    permission: str | None,
    *,
    before_password: bool = False,
    before_factor: bool = False,
    while_trying: bool = False,
    private: bool = False,
) -> Callable[[ViewFunction], ViewFunction]:
    """Declare who may open a view: whoever holds ``permission``, or with none everybody who is signed in.

    ``before_password`` lets it be opened while the password must be changed first, and ``before_factor`` while a second factor must be
    set up, which comes after it; ``while_trying`` lets something be changed while a role is tried out, which otherwise only reads (R57).
    ``private`` keeps it from the Global Owner who is signed in as somebody else (R27).
    """

    def declare(view: ViewFunction) -> ViewFunction:
        view.__dict__["rolecall_permission"] = permission
        view.__dict__["rolecall_before_password"] = before_password
        view.__dict__["rolecall_before_factor"] = before_factor or before_password
        view.__dict__["rolecall_private"] = private
        view.__dict__["rolecall_while_trying"] = while_trying
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


def other_period() -> str | None:
    """The code of the period that whoever is signed in has switched to, none in the current one (R59)."""
    account: sessions.SessionView | None = g.get("account")
    return None if account is None or account.in_current else account.period_code


def carry(token: str) -> None:
    """Let the cookie of this browser carry another token from now on, that of its session or of one just opened (S-01)."""
    login_user(Visitor(token, g.account))


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


def institution() -> tuple[str, str, str]:
    """The institution's name, time zone and default language, read again only when settings changed."""
    generation = (g.get("view") or application().plugins.view(g.db)).generation
    known: tuple[int, tuple[str, str, str]] | None = current_app.extensions.get("rolecall_institution")
    if known is None or known[0] != generation:
        asked = (("institution_name", "Rolecall"), ("time_zone", "UTC"), ("default_language", SOURCE))
        name, zone, language = (str(settings.value(g.db, "core", key, "") or empty) for key, empty in asked)
        known = (generation, (name, zone, language))
        current_app.extensions["rolecall_institution"] = known
    return known[1]


def own_language() -> str | None:
    """What whoever is signed in has chosen, or has in their record."""
    return None if g.get("account") is None else g.account.language


def default_language() -> str:
    """The institution's language; English where it cannot be asked."""
    return institution()[2] if "db" in g else SOURCE


def _enter() -> ResponseReturnValue | None:
    g.request_id = secrets.token_hex(8)
    g.actor = g.account = None
    hush()
    view = current_app.view_functions.get(request.endpoint or "")
    if request.endpoint == "static":
        return None
    g.exit = ExitStack()
    g.db = g.exit.enter_context(application().db.read())
    declared = permission_of(view)
    if declared == PUBLIC:
        spoken.choose(None, default_language)
        return None
    g.actor = (authenticator() or _by_cookie)()
    if g.actor is not None:
        # From here on no page, filter, count or plugin sees whom the visitor's rights do not reach (R58).
        rights.narrow(g.db, g.actor)
    g.view = application().plugins.view(g.db)
    if authenticator() is None:
        spoken.choose(own_language(), default_language)
    if view is None:
        return None  # a page that does not exist; the frame around the answer still knows who asks
    if g.actor is None:
        raise SignInFirst(ended="_user_id" in session)
    if (first := _comes_first(view)) is not None:
        # A script would put the page into a part of the one that is open.
        return Response(headers={"HX-Redirect": first}) if "HX-Request" in request.headers else redirect(first, 303)
    _refuse_changes_while_trying(view)
    if declared == UNDECLARED:
        raise Forbidden(_("This page says for nobody that they may open it."))
    if declared is not None:
        g.actor.require(declared)
    return None


def _comes_first(view: Callable[..., Any]) -> str | None:
    """The page that has to be done with before this one is opened; none when there is none."""
    if g.account is None:
        return None
    if g.account.must_change_password and not getattr(view, "rolecall_before_password", False):
        return url_for("login.password")
    if g.account.must_set_up_factor and not getattr(view, "rolecall_before_factor", False):
        return url_for("me_second_factor.index")
    return None


def _refuse_changes_while_trying(view: Callable[..., Any]) -> None:
    if g.account is None or getattr(view, "rolecall_while_trying", False):
        return
    reads = request.method in _READING
    if g.account.acting_for is not None and (not reads or getattr(view, "rolecall_private", False)):
        raise Refused(acting.READ_ONLY, hint=_("Go back to your own account first, with the button at the top of the page."), code="acting")
    if g.account.trying is None or reads:
        return
    raise Refused(trying.READ_ONLY, hint=_("Stop trying it first, with the button at the top of the page."), code="trying")


def authenticator() -> Callable[[], Actor | None] | None:
    """What finds the actor for this address instead of the cookie; none where people come with a browser."""
    known: dict[str, Callable[[], Actor | None]] = current_app.extensions["rolecall_authenticators"]
    return next((each for prefix, each in known.items() if request.path == prefix or request.path.startswith(f"{prefix}/")), None)


def _by_cookie() -> Actor | None:
    visitor = current_user
    if not visitor.is_authenticated:
        return None
    g.account = visitor.signed_in
    if g.account.acting_as is not None and g.account.acting_for is None:
        _be_oneself()
    if g.account.is_due(datetime.now(UTC)) or g.account.came_back:
        with application().db.write() as writing:
            sessions.touch(writing, g.account.digest, datetime.now(UTC))
            if g.account.came_back:
                sessions.follow_current(writing, g.account.digest)
                spoken.choose(own_language(), default_language)
                text = _(
                    "You have no role any more in the period you had switched to. You work in {period} again.", period=g.account.period
                )
                say(text, "info")
    return sessions.actor_for(g.account, request.remote_addr)


def _be_oneself() -> None:
    """End that the session shows somebody else's account, because its time is over or that account may not sign in any more (R27)."""
    moment = datetime.now(UTC)
    with application().db.write() as writing:
        token = acting.stop(writing, g.account, actor=sessions.actor_for(g.account, request.remote_addr), now=moment)
        g.account = sessions.load(writing, token, moment) or g.account
    carry(token)
    spoken.choose(own_language(), default_language)
    say(_("You are signed in as yourself again."), "info")


def _load(token: str) -> Visitor | None:
    if "db" not in g:
        return None  # a file: nobody is asked who they are
    found = sessions.load(g.db, token, datetime.now(UTC))
    # Who lost the role in the period is out at the next request (S-03).
    return Visitor(token, found) if found is not None and found.has_access else None


def _leave(_error: BaseException | None) -> None:
    hush()
    stack: ExitStack | None = g.pop("exit", None)
    if stack is not None:
        stack.close()
