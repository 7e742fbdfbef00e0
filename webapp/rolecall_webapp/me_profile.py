"""Forms about oneself: the name that one's account shows, its e-mail, the language of messages (R22, R29, R59b)."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from rolecall.accounts import emails, own_profile
from rolecall.errors import Busy, Refused
from rolecall.sdk.fields import FormField
from rolecall.store.tables import Person
from rolecall.translation import gettext as _
from rolecall.work import own_account
from rolecall_webapp import forms, spoken
from rolecall_webapp.frame import application, default_language, needs
from rolecall_webapp.me import label_of, mine
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import Confirm, Facts, Form, Note, Part, cell

pages = Blueprint("me_profile", __name__, url_prefix="/me")

_KICKER = _("My account")
_NAME = (
    FormField(name="first_name", label=_("First name"), kind="text", required=True, autocomplete="given-name"),
    FormField(name="last_name", label=_("Last name"), kind="text", required=True, autocomplete="family-name"),
)
_EMAIL = (
    FormField(name="email", label=_("New e-mail"), kind="email", required=True, autocomplete="email"),
    FormField(name="current", label=_("Present password"), kind="password", required=True, secret=True, autocomplete="current-password"),
)
_MEANS = {
    emails.BLOCK: _(
        "You will be signed out, and nobody can sign in to your account until the new address is verified: by the link that is "
        "sent there, or by the office. Look at the address twice."
    ),
    emails.KEEP: _(
        "Your user name goes on working. The new address signs you in as soon as it is verified; until then the one before does, "
        "if that was verified."
    ),
}


@pages.get("/name")
@needs(None)
def name() -> ResponseReturnValue:
    """Ask for the name that my account shows."""
    return _name_page({each.name: getattr(mine(), each.name) for each in _NAME})


@pages.post("/name")
@needs(None)
def save_name() -> ResponseReturnValue:
    """Change the name that my account shows; the record that the institution keeps stays as it is."""
    sent = forms.echo(request.form, _NAME)
    try:
        changed = own_account.rename(application(), g.actor, sent)
    except Refused as error:
        wrong, status = problems(error)
        return _name_page(sent, wrong), status
    say(_("Your name is changed.") if changed else _("Nothing was changed."), "ok" if changed else "info")
    return redirect(url_for("me.index"), 303)


@pages.get("/language")
@needs(None)
def language() -> ResponseReturnValue:
    """Ask for the language of messages to me."""
    return _language_page(mine().language or "")


@pages.post("/language")
@needs(None)
def save_language() -> ResponseReturnValue:
    """Choose the language of messages to me."""
    sent = request.form.get("language", "")
    try:
        own_account.choose_language(application(), g.actor, sent)
    except Refused as error:
        wrong, status = problems(error)
        return _language_page(sent, wrong), status
    spoken.of_answer(sent or _recorded(), default_language)
    say(_("Your language is saved."))
    response = redirect(url_for("me.index"), 303)
    if chosen := spoken.match(sent):
        spoken.keep(response, chosen)  # for the pages before signing in
    return response


@pages.get("/email")
@needs(None)
def email() -> ResponseReturnValue:
    """Ask for another address, and say what the change means before it is made."""
    return _email_page({})


@pages.post("/email")
@needs(None)
def change_email() -> ResponseReturnValue:
    """Change my address; where nobody may sign in before it is verified, the session ends with it."""
    sent = forms.echo(request.form, _EMAIL)
    if "agreed" not in request.form:
        return _email_page(sent, {"agreed": [_("Tick that you agree, or cancel.")]}), 409
    try:
        mode = own_account.change_email(application(), g.actor, address=sent["email"], password=request.form.get("current", ""))
    except Busy as error:
        return _email_page(sent, {"current": [error.message]}), 429, {"Retry-After": str(error.retry_after)}
    except Refused as error:
        wrong, status = problems(error)
        return _email_page(sent, wrong), status
    if mode != emails.BLOCK:
        say(_("Your e-mail is {address} now. Open the link that is sent there, or ask the office to verify it.", address=sent["email"]))
        return redirect(url_for("me.index"), 303)
    session.clear()
    g.actor = g.account = None
    message = _("Your e-mail is {address} now. Open the link that is sent there; then you can sign in again.", address=sent["email"])
    hint = _("If no message comes, ask the office to verify the address.")
    return render_template("bare.html", title=_("Verify your new e-mail"), message=message, hint=hint, back=url_for("login.page"))


def _name_page(values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    if not own_profile.may_rename(g.db):
        return _closed(_("Change my name"), Note(text=_("Your name is kept by the office."), hint=_("Ask the office to change it.")))
    form = Form(
        action=url_for("me_profile.save_name"),
        fields=_NAME,
        values=values,
        errors=wrong or {},
        button=_("Save"),
        help=_("This is how you are shown here. The record that the institution keeps of you stays as it is."),
        cancel=url_for("me.index"),
    )
    return render_template("page.html", title=_("Change my name"), kicker=_KICKER, parts=[form])


def _language_page(value: str, wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    known = own_profile.languages(g.db)
    recorded = _recorded()
    follows = known.get(recorded, recorded) if recorded else next(iter(known.values()))
    pages_in = ", ".join(each.name for each in spoken.offered())
    asked = FormField(
        name="language", label=_("Language"), kind="choice", options=tuple(known.items()),
        help=_("Of messages to you and of what is printed for you. Without a choice it is {language}.", language=follows),
    )  # fmt: skip
    form = Form(
        action=url_for("me_profile.save_language"), fields=(asked,), values={"language": value}, errors=wrong or {}, button=_("Save"),
        cancel=url_for("me.index"), notes={"language": _("Pages can be read in {languages}.", languages=pages_in)},
    )  # fmt: skip
    return render_template("page.html", title=_("Choose my language"), kicker=_KICKER, parts=[form])


def _recorded() -> str | None:
    tag: str | None = g.db.scalar(select(Person.language).where(Person.id == mine().person_id))
    return tag


def _email_page(values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    account = mine()
    if account.sso_provider is not None:
        note = Note(
            text=_("Your e-mail is your sign-in name at {provider}.", provider=label_of(account.sso_provider)),
            hint=_("Ask the office to change it."),
        )
        return _closed(_("Change my e-mail"), note)
    form = Form(
        action=url_for("me_profile.change_email"),
        fields=_EMAIL,
        values=values,
        errors=wrong or {},
        button=_("Change my e-mail"),
        confirm=Confirm(grade="agree", text=_MEANS[emails.mode_of(g.db, None)]),
        cancel=url_for("me.index"),
    )
    present = Facts(facts=[(_("E-mail now"), cell(account.email or _("none")))])
    return render_template("page.html", title=_("Change my e-mail"), kicker=_KICKER, parts=[present, form])


def _closed(title: str, part: Part) -> str:
    return render_template("page.html", title=title, kicker=_KICKER, parts=[part])
