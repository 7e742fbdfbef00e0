"""One's own account, for everybody who is signed in and made for a phone: who I am, what I can reach, what I can change (R59b).

Owns the first page of it, the download and the switch of periods. Nothing here names an account: it is always one's own.
"""

import json
from datetime import UTC, datetime

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from rolecall.accounts import emails, own_profile
from rolecall.errors import Invalid
from rolecall.store.engine import now
from rolecall.store.tables import Account, Delivery, Link, Person, PluginState
from rolecall.translation import gettext as _
from rolecall.work import own_account
from rolecall.work.own_data import own_data
from rolecall_webapp import own_words
from rolecall_webapp.frame import application, carry, needs
from rolecall_webapp.parts import Button, Buttons, Cell, Facts, Part, Tab, cell

pages = Blueprint("me", __name__, url_prefix="/me")

_TABS = {
    "me.index": _("My account"),
    "me_identities.index": _("Ways to sign in"),
    "me_sessions.index": _("Devices"),
    "me_sessions.sign_ins": _("Sign-ins"),
}


@pages.get("")
@needs(None)
def index() -> ResponseReturnValue:
    """Who I am, what I can reach, and what I can change."""
    account = mine()
    return render_template(
        "page.html", title=g.actor.label, kicker=_("My account"), tabs_=tabs(), parts=[_who(account), *_access(account), *_changes(account)]
    )


@pages.get("/password")
@needs(None, before_password=True)
def password() -> ResponseReturnValue:
    """The password is changed on one page, wherever one comes from."""
    return redirect(url_for("login.password"), 303)


@pages.get("/data.json")
@needs(None, private=True)
def data() -> ResponseReturnValue:
    """Everything that is stored about me, to take along."""
    text = json.dumps(own_data(g.db, g.account.account_id), ensure_ascii=False, indent=2)
    response = Response(text, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="my-account-{datetime.now(UTC):%Y-%m-%d}.json"'
    return response


@pages.post("/period")
@needs(None)
def work_in() -> ResponseReturnValue:
    """Work in another period in which one has a role, with the rights of the role there (R59)."""
    chosen = request.form.get("period", "")
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 10):
        raise Invalid(_("Choose one of the periods."))
    carry(own_account.switch_period(application(), g.actor, g.account, int(chosen)))
    # The page that was open may be one that the role there does not show.
    return redirect("/", 303)


def mine() -> Account:
    """The account of whoever is signed in."""
    account: Account = g.db.get_one(Account, g.account.account_id)
    return account


def tabs() -> list[Tab]:
    """The pages about oneself."""
    shown = {endpoint: label for endpoint, label in _TABS.items() if endpoint != "me_identities.index" or g.view.login_methods}
    return [Tab(label=label, href=url_for(endpoint), current=request.endpoint == endpoint) for endpoint, label in shown.items()]


def label_of(provider: str) -> str:
    """What a provider is called here."""
    known = g.view.providers.get(provider) or g.view.login_methods.get(provider)
    return known.label if known else provider


def _who(account: Account) -> Facts:
    sent = g.db.scalar(
        select(Delivery)
        .where(Delivery.account_id == account.id, Delivery.kind == emails.VERIFICATION)
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    states, note = own_words.address(account, sent)
    role = g.account.role or (_("Global Owner") if account.is_owner else _("none"))
    return Facts(
        title=_("Who I am"),
        facts=[
            (_("Name"), cell(g.account.name)),
            (_("User name"), Cell(text=account.username, whole=True)),
            (_("E-mail"), Cell(text=account.email or "", states=states, note=note)),
            (_("Role"), Cell(text=role, note=_("in {period}", period=g.account.period) if g.account.period else "")),
            (_("Language of messages"), cell(_language(account))),
        ],
    )


def _language(account: Account) -> str:
    known = own_profile.languages(g.db)
    tag = account.language or g.db.scalar(select(Person.language).where(Person.id == account.person_id))
    return known.get(tag, tag) if tag else next(iter(known.values()))


def _access(account: Account) -> list[Part]:
    moment = now(g.db)
    found = [each for each in g.db.scalars(select(Link).where(Link.account_id == account.id).order_by(Link.provider)) if _shown(each)]
    working = set(g.db.scalars(select(PluginState.plugin).where(PluginState.state == "ok")))
    facts = []
    if account.sso_provider is not None:
        label = label_of(account.sso_provider)
        facts.append((_("Signing in"), Cell(text=_("You sign in with {provider}, which keeps your password.", provider=label), plain=True)))
    for link in found:
        state, sentence = own_words.access(link, label_of(link.provider), now=moment, works=link.provider in working)
        facts.append((label_of(link.provider), Cell(states=[state], note=sentence)))
    return [Facts(title=_("What I can reach"), facts=facts)] if facts else []


def _shown(link: Link) -> bool:
    """Whether somebody is told of a link: not of what was let go, and not of providers that are not in use."""
    return link.provider in g.view.providers and link.goal not in ("released", "deleted")


def _changes(account: Account) -> list[Part]:
    kept = (
        _("Your password is kept by {provider}: change it there.", provider=label_of(account.sso_provider))
        if account.sso_provider
        else None
    )
    signs_in = _("It is your sign-in name, so the office changes it.") if account.sso_provider else None
    name = None if own_profile.may_rename(g.db) else _("Your name is kept by the office: ask there.")
    change = [
        Button(label=_("Change my password"), href=url_for("login.password"), why_not=kept),
        Button(label=_("My second factor"), href=url_for("me_second_factor.index")),
        Button(label=_("Change my e-mail"), href=url_for("me_profile.email"), why_not=signs_in),
        Button(label=_("Change my name"), href=url_for("me_profile.name"), why_not=name),
        Button(label=_("Choose my language"), href=url_for("me_profile.language")),
    ]
    stored = [
        Button(label=_("Download it"), href=url_for("me.data"), help=_("Your account and record, your sign-ins and messages, as a file."))
    ]
    return [
        Buttons(title=_("What I can change"), groups=[("", change)]),
        Buttons(title=_("What is stored about me"), groups=[("", stored)]),
    ]
