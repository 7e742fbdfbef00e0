"""The way in and out: signing in, signing out, the forced change of the password, links that work once, and whether the service lives.

Owns what the cookie carries. What is right and what is counted is decided by core.
"""

from datetime import UTC, datetime

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user
from sqlalchemy.exc import SQLAlchemyError

from rolecall.accounts import audit, sessions, settings, sign_in, tokens
from rolecall.accounts.own_password import change_own
from rolecall.errors import Busy, Invalid, Refused
from rolecall.sdk.fields import FormField
from rolecall.store import schema
from rolecall_webapp.frame import Visitor, application, local_path, needs, public
from rolecall_webapp.notices import say
from rolecall_webapp.parts import Form, Note

pages = Blueprint("login", __name__)

_CURRENT = FormField(name="current", label="Present password", kind="password", required=True, secret=True, autocomplete="current-password")
_NEW = FormField(name="password", label="New password", kind="password", required=True, secret=True, autocomplete="new-password")
_REPEAT = FormField(name="confirm", label="New password again", kind="password", required=True, secret=True, autocomplete="new-password")


@pages.get("/login")
@public
def page() -> ResponseReturnValue:
    """Ask for user name and password."""
    return _ask()


@pages.post("/login")
@public
def enter() -> ResponseReturnValue:
    """Sign in, with a new session whatever the browser brought along (S-01)."""
    try:
        outcome = sign_in.sign_in(
            application().db, application().keyring, identifier=_one("username"), password=_one("password"), address=request.remote_addr,
            agent=request.user_agent.string, now=datetime.now(UTC),
        )  # fmt: skip
    except Invalid as error:
        return _ask(str(error)), 422
    if not outcome.ok:
        status = 429 if outcome.result == "throttled" else 401
        return _ask(outcome.message), status, {"Retry-After": str(outcome.retry_after)} if outcome.retry_after else {}
    return _welcome(outcome, local_path(request.args.get("next")))


@pages.post("/logout")
@needs(None, before_password=True)
def out() -> ResponseReturnValue:
    """End the session on the server, so that a copied cookie is worth nothing (S-02)."""
    with application().db.write() as writing:
        sessions.end(writing, g.account.digest)
        audit.append(writing, actor=g.actor, kind="sign-out", payload={}, account_id=g.account.account_id)
    session.clear()
    response = make_response(redirect(url_for("login.page"), 303))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@pages.get("/one-time/<token>")
@public
def one_time(token: str) -> ResponseReturnValue:
    """Show a button: opening a link changes nothing, because mail scanners open links too (T-09)."""
    usable = tokens.is_usable(g.db, token, sign_in.LINK, datetime.now(UTC))
    return render_template("one_time.html", title="Sign in" if usable else "This link no longer works", usable=usable, institution=_name())


@pages.post("/one-time/<token>")
@public
def use_one_time(token: str) -> ResponseReturnValue:
    """Use the link up and sign in."""
    outcome = sign_in.by_link(
        application().db, token=token, address=request.remote_addr, agent=request.user_agent.string, now=datetime.now(UTC)
    )
    return _welcome(outcome, "/") if outcome.ok else (_ask(outcome.message), 401)


@pages.get("/password")
@needs(None, before_password=True)
def password() -> ResponseReturnValue:
    """Ask for a new password of one's own."""
    return _password_page()


@pages.post("/password")
@needs(None, before_password=True)
def change_password() -> ResponseReturnValue:
    """Change one's own password; every other session of the account ends (S-04)."""
    current, new, again = (_one(name) for name in ("current", "password", "confirm"))
    if new != again:
        return _password_page({"confirm": ["The two new passwords differ."]}), 422
    try:
        change_own(
            application().db, application().keyring, actor=g.actor, account_id=g.account.account_id, current=current, new=new,
            session_digest=g.account.digest, now=datetime.now(UTC),
        )  # fmt: skip
    except Busy as error:
        return _password_page({"current": [error.message]}), 429, {"Retry-After": str(error.retry_after)}
    except Invalid as error:
        return _password_page({"password": error.fields.pop("new", []), **error.fields} if error.fields else {"": [str(error)]}), 422
    except Refused as error:
        return _password_page({"": [str(error)]}), 409
    say("Your password is changed. Your other sessions have ended.")
    return redirect("/", 303)


@pages.get("/again")
@needs(None)
def again() -> ResponseReturnValue:
    """Ask for the password again before something dangerous."""
    return _again_page()


@pages.post("/again")
@needs(None)
def confirm_again() -> ResponseReturnValue:
    """Check the password again and go on where it was asked for."""
    now, app = datetime.now(UTC), application()
    try:
        right = sign_in.confirm(
            app.db, app.keyring, account_id=g.account.account_id, password=_one("password"), address=request.remote_addr, now=now
        )
    except Busy as error:
        return _again_page(error.message), 429, {"Retry-After": str(error.retry_after)}
    except Invalid as error:
        return _again_page(error.message), 422
    if not right:
        return _again_page("This is not your password."), 401
    with application().db.write() as writing:
        sessions.authenticated(writing, g.account.digest, now)
    return redirect(local_path(request.args.get("next")), 303)


@pages.get("/")
@needs(None)
def first() -> ResponseReturnValue:
    """Lead to the accounts, or say what whoever has no right to them may do."""
    if g.actor.may("accounts:view"):
        return redirect(url_for("accounts.index"), 303)
    text = "You are signed in." if g.account.role else "You are signed in, but you have no role in this period."
    hint = "The menu shows what your role may open; above you can change your password."
    return render_template("page.html", title=f"Welcome, {g.actor.label}", parts=[Note(text=text, hint=hint)])


@pages.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """Say that the process answers; asks nothing else."""
    return {"status": "ok"}


@pages.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    """Say whether requests can be served: the database answers and has today's schema. Keys were checked at the start."""
    try:
        current = schema.is_current(application().db)
    except SQLAlchemyError:
        return {"status": "unavailable", "detail": "The database cannot be reached."}, 503
    if not current:
        return {"status": "unavailable", "detail": "The schema is not the one of this version; rolecall migrate brings it up to date."}, 503
    return {"status": "ok"}


def _welcome(outcome: sign_in.Outcome, target: str) -> Response:
    now = datetime.now(UTC)
    account_id = outcome.account_id
    if account_id is None:
        raise Refused("Nobody was signed in.")
    with application().db.write() as writing:
        if current_user.is_authenticated:
            sessions.end(writing, current_user.signed_in.digest)
        token = sessions.create(writing, account_id, address=request.remote_addr, agent=request.user_agent.string, now=now)
        view = sessions.load(writing, token, now)
    session.clear()
    if view is not None:
        login_user(Visitor(token, view))
    return make_response(redirect(url_for("login.password") if outcome.must_change_password else target, 303))


def _one(name: str) -> str:
    """A field that stands in the form exactly once; doubled ones are no input (A-14)."""
    values = request.form.getlist(name)
    return values[0] if len(values) == 1 else ""


def _name() -> str:
    return str(settings.value(g.db, "core", "institution_name", "") or "Rolecall")


def _ask(problem: str = "") -> str:
    given = _one("username") if request.method == "POST" and request.endpoint == "login.enter" else ""
    target = request.args.get("next")
    action = url_for("login.enter", next=local_path(target)) if target else url_for("login.enter")
    return render_template("login.html", title="Sign in", institution=_name(), problem=problem, username=given, action=action)


def _password_page(errors: dict[str, list[str]] | None = None) -> str:
    forced = g.account.must_change_password
    form = Form(
        action=url_for("login.change_password"),
        fields=(_CURRENT, _NEW, _REPEAT),
        button="Change password",
        help="The one you were given is for the first time only." if forced else "Your other sessions end with the change.",
        errors=errors or {},
        cancel=None if forced else "/",
    )
    return render_template("page.html", title="Choose a password" if forced else "Change my password", parts=[form])


def _again_page(problem: str = "") -> str:
    asked = FormField(name="password", label="Password", kind="password", required=True, secret=True, autocomplete="current-password")
    target = local_path(request.args.get("next"))
    form = Form(
        action=url_for("login.confirm_again", next=target),
        fields=(asked,),
        button="Go on",
        cancel="/",
        help="You gave it more than 15 minutes ago, and what comes next needs a fresh one.",
        errors={"password": [problem]} if problem else {},
    )
    return render_template("page.html", title="Give your password again", parts=[form])
