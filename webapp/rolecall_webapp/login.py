"""The way in and out: signing in, signing out, the forced change of the password, links that work once, and whether the service lives.

Owns what the cookie carries. What is right and what is counted is decided by core.
"""

from datetime import UTC, datetime

from flask import Blueprint, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from rolecall.accounts import audit, identities, sessions, sign_in, tokens
from rolecall.accounts.own_password import change_own
from rolecall.errors import Busy, Invalid, Refused
from rolecall.sdk.fields import FormField
from rolecall.sdk.login import LoginMethod
from rolecall.store import schema
from rolecall.store.tables import Account
from rolecall.translation import gettext as _
from rolecall_webapp import menu, opened_link
from rolecall_webapp.arrival import welcome
from rolecall_webapp.frame import application, institution, local_path, needs, public
from rolecall_webapp.notices import say
from rolecall_webapp.parts import Button, Buttons, Form, Note, Part

pages = Blueprint("login", __name__)

_LINK_PAGE = "login.one_time"
_CURRENT = FormField(
    name="current", label=_("Present password"), kind="password", required=True, secret=True, autocomplete="current-password"
)
_NEW = FormField(
    name="password", label=_("New password"), kind="password", required=True, secret=True, autocomplete="new-password", new_password=True
)  # fmt: skip
#: The code of a second factor, wherever it is asked for together with something else.
CODE = FormField(
    name="code", label=_("Code"), kind="text", required=True, autocomplete="one-time-code", help=_("From your app, or a recovery code.")
)  # fmt: skip
_REPEAT = FormField(name="confirm", label=_("New password again"), kind="password", required=True, secret=True, autocomplete="new-password")


@pages.get("/login")
@public
def page() -> ResponseReturnValue:
    """Ask for user name and password."""
    return ask()


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
        return ask(str(error)), 422
    if not outcome.goes_on:
        status = 429 if outcome.result == "throttled" else 401
        return ask(outcome.message), status, {"Retry-After": str(outcome.retry_after)} if outcome.retry_after else {}
    return welcome(outcome, local_path(request.args.get("next")))


@pages.post("/logout")
@needs(None, before_password=True, while_trying=True)
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
def arrive(token: str) -> ResponseReturnValue:
    """Go on to the button of a link that signs in once."""
    return opened_link.move(_LINK_PAGE, token)


@pages.get("/one-time")
@public
def one_time() -> ResponseReturnValue:
    """Show a button: opening a link changes nothing, because mail scanners open links too (T-09)."""
    token = opened_link.token_for(_LINK_PAGE)
    usable = tokens.is_usable(g.db, token, sign_in.LINK, datetime.now(UTC))
    return render_template(
        "one_time.html",
        title=_("Sign in") if usable else _("This link no longer works"),
        usable=usable,
        token=token,
        institution=institution()[0],
    )


@pages.post("/one-time")
@pages.post("/one-time/<token>")
@public
def use_one_time(token: str = "") -> ResponseReturnValue:
    """Use the link up and sign in."""
    token = token or opened_link.token_for(_LINK_PAGE)
    opened_link.forget(_LINK_PAGE, token)
    outcome = sign_in.by_link(
        application().db, token=token, address=request.remote_addr, agent=request.user_agent.string, now=datetime.now(UTC)
    )
    return welcome(outcome, "/") if outcome.goes_on else (ask(outcome.message), 401)


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
        return _password_page({"confirm": [_("The two new passwords differ.")]}), 422
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
    say(_("Your password is changed. Your other sessions have ended."))
    return redirect("/", 303)


@pages.get("/again")
@needs(None, before_factor=True)
def again() -> ResponseReturnValue:
    """Ask for the password again before something dangerous, and for the code where the account has a second factor."""
    return again_page()


@pages.post("/again")
@needs(None, before_factor=True)
def confirm_again() -> ResponseReturnValue:
    """Check the password again and go on where it was asked for."""
    now, app = datetime.now(UTC), application()
    try:
        right = sign_in.confirm(
            app.db, app.keyring, account_id=g.account.account_id, password=_one("password"), address=request.remote_addr, now=now,
            code=_one("code") if g.account.has_factor else None,
        )  # fmt: skip
    except Busy as error:
        return again_page(error.message), 429, {"Retry-After": str(error.retry_after)}
    except Invalid as error:
        return again_page(error.message), 422
    if not right:
        wrong = _("The password or the code is not right.") if g.account.has_factor else _("This is not your password.")
        return again_page(wrong), 401
    with application().db.write() as writing:
        sessions.authenticated(writing, g.account.digest, now)
    return redirect(local_path(request.args.get("next")), 303)


@pages.get("/")
@needs(None)
def first() -> ResponseReturnValue:
    """Lead to the first page of the menu: the accounts, or what else the role may open, or one's own account."""
    return redirect(menu.entries()[0].href, 303)


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


def _one(name: str) -> str:
    """A field that stands in the form exactly once; doubled ones are no input (A-14)."""
    values = request.form.getlist(name)
    return values[0] if len(values) == 1 else ""


def ask(problem: str = "") -> str:
    """The sign-in page, with what went wrong."""
    given = _one("username") if request.method == "POST" and request.endpoint == "login.enter" else ""
    target = request.args.get("next")
    action = url_for("login.enter", next=local_path(target)) if target else url_for("login.enter")
    ways = [(each.button, url_for("external_login.start", method=name, next=request.args.get("next"))) for name, each in ways_in().items()]
    # What was posted here, or came back here once, cannot be opened again in another language.
    stay = url_for("login.page", next=local_path(target)) if target else url_for("login.page")
    return render_template(
        "login.html", title=_("Sign in"), institution=institution()[0], problem=problem, username=given, action=action, ways=ways, stay=stay
    )


def ways_in() -> dict[str, LoginMethod]:
    """The services by which one can sign in now."""
    return application().login_methods.available(g.db, application().plugins.view(g.db))


def _password_page(errors: dict[str, list[str]] | None = None) -> str:
    forced = g.account.must_change_password
    provider = None if forced else g.db.scalar(select(Account.sso_provider).where(Account.id == g.account.account_id))
    if provider is not None:
        known = g.view.providers.get(provider) or g.view.login_methods.get(provider)
        label = known.label if known else provider
        kept = Note(text=_("Your password is kept by {provider}.", provider=label), hint=_("Change it there."))
        return render_template("page.html", title=_("Change my password"), parts=[kept])
    form = Form(
        action=url_for("login.change_password"),
        fields=(_CURRENT, _NEW, _REPEAT),
        button=_("Change password"),
        help=_("The one you were given is for the first time only.") if forced else _("Your other sessions end with the change."),
        errors=errors or {},
        cancel=None if forced else "/",
        strength=url_for("strength.index"),
    )
    return render_template("page.html", title=_("Choose a password") if forced else _("Change my password"), parts=[form])


def again_page(problem: str = "") -> str:
    """Ask who somebody is once more, in the way that their account is signed in."""
    asked = FormField(name="password", label=_("Password"), kind="password", required=True, secret=True, autocomplete="current-password")
    target = local_path(request.args.get("next"))
    account = g.db.get_one(Account, g.account.account_id)
    theirs = {each.method for each in identities.of_account(g.db, account.id)} | {account.sso_provider}
    ways = [
        Button(
            label=_("Sign in with {service}", service=each.button),
            href=url_for("external_login.again", method=name, next=target),
            post=True,
            look="main",
        )
        for name, each in ways_in().items()
        if name in theirs
    ]
    elsewhere: list[Part] = [Buttons(groups=[("", ways)])] if ways else []
    if account.sso_provider is not None and ways:
        note = Note(text=_("You signed in more than 15 minutes ago, and what comes next needs a fresh proof of who you are."), hint=problem)
        return render_template("page.html", title=_("Sign in again"), parts=[note, *elsewhere])
    form = Form(
        action=url_for("login.confirm_again", next=target),
        fields=(asked, CODE) if g.account.has_factor else (asked,),
        button=_("Go on"),
        cancel="/",
        help=_("You gave it more than 15 minutes ago, and what comes next needs a fresh one."),
        errors={"password": [problem]} if problem else {},
    )
    return render_template("page.html", title=_("Give your password again"), parts=[form, *elsewhere])
