"""The second page of signing in: the code of the second factor, or a recovery code (R53, A-22).

Owns no secret: the cookie names half a session, with which nobody is signed in, and core decides what is right.
"""

from datetime import UTC, datetime

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import second_step, sessions
from rolecall.errors import Invalid
from rolecall.translation import gettext as _
from rolecall_webapp.arrival import WAITING, welcome
from rolecall_webapp.frame import application, institution, local_path, public

pages = Blueprint("login_code", __name__)


@pages.get("/login/code")
@public
def index() -> ResponseReturnValue:
    """Ask for the code, of whoever has just given the right password in this browser."""
    if sessions.awaiting(g.db, str(session.get(WAITING, "")), datetime.now(UTC)) is None:
        return redirect(url_for("login.page"), 303)
    return _page()


@pages.post("/login/code")
@public
def enter() -> ResponseReturnValue:
    """Take the code and sign in."""
    given = request.form.getlist("code")
    try:
        outcome = second_step.take_code(
            application().db, application().keyring, token=str(session.get(WAITING, "")), code=given[0] if len(given) == 1 else "",
            address=request.remote_addr, agent=request.user_agent.string, now=datetime.now(UTC),
        )  # fmt: skip
    except Invalid as error:
        return _page(error.message), 422
    if outcome.ok:
        return welcome(outcome, local_path(request.args.get("next")), second_factor=True)
    if outcome.result == "throttled":
        return _page(outcome.message), 429, {"Retry-After": str(outcome.retry_after)}
    if outcome.result == "wrong":
        return _page(outcome.message), 401
    session.pop(WAITING, None)
    return _over(outcome.message), 401


def _page(problem: str = "") -> str:
    action = url_for("login_code.enter", next=local_path(request.args.get("next")))
    return render_template("login_code.html", title=_("Enter your code"), institution=institution()[0], problem=problem, action=action)


def _over(message: str) -> str:
    return render_template(
        "bare.html", title=_("You are not signed in"), institution=institution()[0], message=message, back=url_for("login.page")
    )
