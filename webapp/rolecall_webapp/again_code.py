"""The code of the second factor, after somebody has proved again at a service who they are, before what is dangerous (S-08, R53).

Owns no secret: the cookie names a proof that counts five minutes and once, and core decides what is right.
"""

from datetime import UTC, datetime

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import second_step, sessions, tokens
from rolecall.errors import Invalid
from rolecall.translation import gettext as _
from rolecall_webapp.frame import application, local_path, needs
from rolecall_webapp.login import CODE
from rolecall_webapp.notices import say
from rolecall_webapp.parts import Form

pages = Blueprint("again_code", __name__)

#: What in the cookie names the proof at the service.
AGAIN = "again"


@pages.get("/again-code")
@needs(None)
def index() -> ResponseReturnValue:
    """Ask for the code of whoever has just proved at a service who they are."""
    if tokens.holder(g.db, str(session.get(AGAIN, "")), second_step.AGAIN, datetime.now(UTC)) != g.account.account_id:
        return redirect(url_for("login.again", next=local_path(request.args.get("next"))), 303)
    return _page()


@pages.post("/again-code")
@needs(None)
def enter() -> ResponseReturnValue:
    """Take the code, and go on where the proof was asked for."""
    now, app, target = datetime.now(UTC), application(), local_path(request.args.get("next"))
    given = request.form.getlist("code")
    try:
        outcome = second_step.take_code_again(
            app.db, app.keyring, token=str(session.get(AGAIN, "")), account_id=g.account.account_id,
            code=given[0] if len(given) == 1 else "", address=request.remote_addr, now=now,
        )  # fmt: skip
    except Invalid as error:
        return _page(error.message), 422
    if outcome.result == "throttled":
        return _page(outcome.message), 429, {"Retry-After": str(outcome.retry_after)}
    if outcome.result == "wrong":
        return _page(outcome.message), 401
    session.pop(AGAIN, None)
    if not outcome.ok:
        say(outcome.message, "bad")
        return redirect(url_for("login.again", next=target), 303)
    with app.db.write() as writing:
        sessions.authenticated(writing, g.account.digest, now)
    return redirect(target, 303)


def _page(problem: str = "") -> str:
    form = Form(
        action=url_for("again_code.enter", next=local_path(request.args.get("next"))),
        fields=(CODE,),
        button=_("Go on"),
        cancel="/",
        help=_("The service knows you. What comes next needs the code of your second factor too."),
        errors={"code": [problem]} if problem else {},
    )
    return render_template("page.html", title=_("Enter your code"), parts=[form])
