"""Where I am signed in, with a way to sign out there, and every attempt to sign in to my account (R32, R59b, S-07)."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from rolecall.accounts import sessions
from rolecall.store.engine import now
from rolecall.store.tables import SignIn, WebSession
from rolecall.translation import gettext as _
from rolecall.work import own_account
from rolecall_webapp import devices, own_words
from rolecall_webapp.frame import application, needs
from rolecall_webapp.me import tabs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import beside, page_number
from rolecall_webapp.parts import Button, Buttons, Card, Cards, Cell, Head, Part, Row, State, Table, cell
from rolecall_webapp.wording import moment

pages = Blueprint("me_sessions", __name__, url_prefix="/me")

_PAGE = 20


@pages.get("/sessions")
@needs(None)
def index() -> ResponseReturnValue:
    """Where I am signed in now."""
    found = sessions.of_account(g.db, g.account.account_id, now(g.db))
    found.sort(key=lambda each: each.digest != g.account.digest)
    parts: list[Part] = [Cards(cards=[_card(each) for each in found])]
    if len(found) > 1:
        everywhere = Button(label=_("Sign out everywhere else"), href=url_for("me_sessions.end_others"), post=True, look="main")
        parts.append(Buttons(groups=[("", [everywhere])]))
    note = _("Here you are signed in. If you do not know one of these, sign out there and change your password.")
    return render_template("page.html", title=g.actor.label, kicker=_("My account"), note=note, tabs_=tabs(), parts=parts)


@pages.post("/sessions/<handle>/end")
@needs(None)
def end(handle: str) -> ResponseReturnValue:
    """Sign out where I am signed in somewhere else."""
    ended = own_account.end_session(application(), g.actor, handle)
    say(_("You are signed out there.") if ended else _("That session had ended already."), "ok" if ended else "info")
    return redirect(url_for("me_sessions.index"), 303)


@pages.post("/sessions/end-others")
@needs(None)
def end_others() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    count = own_account.end_other_sessions(application(), g.actor, g.account.digest)
    say(_("You are signed out everywhere else.") if count else _("You were signed in nowhere else."), "ok" if count else "info")
    return redirect(url_for("me_sessions.index"), 303)


@pages.get("/sign-ins")
@needs(None)
def sign_ins() -> ResponseReturnValue:
    """Every attempt to sign in to my account, the latest first."""
    page = page_number(request.args)
    statement = select(SignIn).where(SignIn.account_id == g.account.account_id).order_by(SignIn.at.desc(), SignIn.id.desc())
    found = g.db.scalars(statement.limit(_PAGE + 1).offset((page - 1) * _PAGE)).all()
    labels = {each.id: each.label for each in (*g.view.providers.values(), *g.view.login_methods.values())}
    rows = [
        Row(
            cells=[
                Cell(at=each.at),
                Cell(states=[own_words.attempt(each)], note=own_words.method(each, labels)),
                cell(devices.spoken(each.agent) if each.agent else "", plain=True),
                cell(each.address),
            ]
        )
        for each in found[:_PAGE]
    ]
    heads = [Head(label=each) for each in (_("When"), _("What"), _("Device"), _("Address"))]
    previous = url_for("me_sessions.sign_ins", page=page - 1) if page > 1 else None
    following = url_for("me_sessions.sign_ins", page=page + 1) if len(found) > _PAGE else None
    pager = beside(previous, following)
    note = _("If one of these was not you, change your password.")
    table = Table(caption=_("My sign-ins"), heads=heads, rows=rows, pager=pager)
    return render_template("page.html", title=g.actor.label, kicker=_("My account"), note=note, tabs_=tabs(), parts=[table])


def _card(row: WebSession) -> Card:
    here = row.digest == g.account.digest
    text = [_("Last used {when}. Signed in {time}.", when=moment(row.last_seen_at), time=moment(row.created_at))]
    if row.address:
        text.append(_("From {address}", address=row.address))
    end_it = Button(label=_("Sign out there"), href=url_for("me_sessions.end", handle=sessions.handle_of(row.digest)), post=True)
    return Card(
        title=devices.spoken(row.agent),
        states=[State(word=_("This one"), look="ok")] if here else (),
        text=text,
        buttons=() if here else (end_it,),
    )
