"""Signing in by another service: away, and back (R66, F-04).

Owns the secret by which a browser is known again while nobody is signed in with it. What comes back is judged by core.
"""

import secrets
from datetime import UTC, datetime

import structlog
from flask import Blueprint, Response, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from rolecall.accounts import second_step, sessions
from rolecall.errors import NotProved, RolecallError
from rolecall.translation import gettext as _
from rolecall.work import external_sign_in
from rolecall.work.external_sign_in import AGAIN, ENTER, LINK, Begun
from rolecall_webapp.again_code import AGAIN as AGAIN_KEPT
from rolecall_webapp.arrival import welcome
from rolecall_webapp.errors import status_of
from rolecall_webapp.frame import application, local_path, needs, public
from rolecall_webapp.login import again_page, ask
from rolecall_webapp.notices import say

pages = Blueprint("external_login", __name__)

#: What the cookie calls the secret of the browser.
_BROWSER = "browser"

log = structlog.get_logger(__name__)


@pages.post("/login/<method>")
@public
def start(method: str) -> ResponseReturnValue:
    """Go to a service to sign in."""
    try:
        return leave(method, ENTER, local_path(request.args.get("next")))
    except RolecallError as error:
        log.warning("sign-in not begun", method=method, error=error.message)
        return ask(str(error)), status_of(error)


@pages.post("/again/<method>")
@needs(None, before_factor=True)
def again(method: str) -> ResponseReturnValue:
    """Go to a service to prove again who one is, before something dangerous (S-08)."""
    try:
        return leave(method, AGAIN, local_path(request.args.get("next")))
    except RolecallError as error:
        return again_page(str(error)), status_of(error)


@pages.get("/login/<method>/callback")
@public
def callback(method: str) -> ResponseReturnValue:
    """Come back from a service, in the browser that went there, once."""
    args = _once(request.args)
    begun: Begun | None = None
    g.db.rollback()  # no transaction stays open while the service takes its time
    try:
        begun = external_sign_in.used_up(application(), method, args, browser=session.get(_BROWSER, ""), now=datetime.now(UTC))
        args = args if begun.posted is None else dict(begun.posted)
        if begun.purpose == ENTER:
            return _enter(begun, args)
        return _signed_in(begun, args)
    except RolecallError as error:
        log.warning("sign-in not finished", method=method, error=error.message)
        status = 401 if isinstance(error, NotProved) or begun is None else status_of(error)
        if begun is not None and begun.purpose != ENTER:
            say(str(error), "bad")
            back = url_for("me_identities.index") if begun.purpose == LINK else url_for("login.again", next=local_path(begun.target))
            return redirect(back, 303)
        return ask(str(error)), status


@pages.post("/login/<method>/callback")
@public
def posted(method: str) -> ResponseReturnValue:
    """Take an answer that a page of the service posts, and send the browser on to where its cookie comes along.

    Neither cookie nor token come with a form of another site, so that the session must not be touched here: a page of ours would give
    the browser a new one.
    """
    g.db.rollback()  # parking is a transaction of its own
    state = external_sign_in.park(application(), method, _once(request.form), now=datetime.now(UTC))
    return redirect(url_for("external_login.callback", method=method, state=state), 303)


#: Views to which pages of other sites may post.
FROM_ELSEWHERE = (posted,)


@pages.get("/login/<method>/metadata")
@public
def metadata(method: str) -> ResponseReturnValue:
    """Tell the administrator of a service what it must know of Rolecall."""
    document = external_sign_in.public_document(application(), method)
    return Response(document.body, mimetype=document.media)


def leave(method: str, purpose: str, target: str) -> Response:
    """Send the browser to a service.

    By a page that goes on by itself, not by a redirect: a form may lead only to our own pages, wherever a service leads people on to.
    """
    g.db.rollback()  # no transaction stays open while the service takes its time
    if _BROWSER not in session:
        session[_BROWSER] = secrets.token_urlsafe(32)
    own = g.account.account_id if g.get("account") else None
    address = external_sign_in.begin(
        application(), method, browser=session[_BROWSER], purpose=purpose, target=target, account_id=own, now=datetime.now(UTC)
    )
    response = make_response(render_template("leaving.html", title=_("One moment"), address=address))
    response.headers["Refresh"] = f"0;url={address}"
    return response


def _once(values: MultiDict[str, str]) -> dict[str, str]:
    """What is there once; what is there twice could be read in two ways."""
    return {name: found[0] for name, found in values.lists() if len(found) == 1}


def _enter(begun: Begun, args: dict[str, str]) -> ResponseReturnValue:
    outcome = external_sign_in.enter(
        application(), begun, args, address=request.remote_addr, agent=request.user_agent.string, now=datetime.now(UTC)
    )
    return welcome(outcome, local_path(begun.target)) if outcome.goes_on else (ask(outcome.message), 401)


def _signed_in(begun: Begun, args: dict[str, str]) -> ResponseReturnValue:
    """Finish what somebody began who is signed in, and still is."""
    now, app = datetime.now(UTC), application()
    view = current_user.signed_in if current_user.is_authenticated else None
    if view is None:
        return ask(_("Your session has ended meanwhile. Sign in again.")), 401
    actor = sessions.actor_for(view, request.remote_addr)
    if begun.purpose == LINK:
        external_sign_in.link(app, actor, begun, args, agent=request.user_agent.string, now=now)
        say(_("It is linked. From now on you can sign in with it."))
        return redirect(url_for("me_identities.index"), 303)
    outcome, target = external_sign_in.again(app, actor, begun, args, agent=request.user_agent.string, now=now), local_path(begun.target)
    if not outcome.goes_on or outcome.account_id is None:
        say(_("Somebody else signed in there, so you are not taken further."), "bad")
        return redirect(url_for("login.again", next=target), 303)
    with app.db.write() as writing:
        if outcome.needs_code:
            session[AGAIN_KEPT] = second_step.await_again(writing, outcome.account_id, now=now)
        else:
            sessions.authenticated(writing, view.digest, now)
    return redirect(url_for("again_code.index", next=target) if outcome.needs_code else target, 303)
