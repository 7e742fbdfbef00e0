"""By which services I sign in, and how to link and unlink one (R66, R59b)."""

from datetime import UTC, datetime

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import identities
from rolecall.errors import RolecallError
from rolecall.translation import gettext as _
from rolecall.translation import joined
from rolecall.work import external_sign_in
from rolecall.work.external_sign_in import LINK
from rolecall_webapp.external_login import leave
from rolecall_webapp.frame import application, needs, require_fresh
from rolecall_webapp.login import ways_in
from rolecall_webapp.me import label_of, mine, tabs
from rolecall_webapp.notices import say
from rolecall_webapp.parts import Button, Buttons, Card, Cards, Empty, Note, Part
from rolecall_webapp.wording import moment

pages = Blueprint("me_identities", __name__, url_prefix="/me/identities")


@pages.get("")
@needs(None)
def index() -> ResponseReturnValue:
    """The services by which I sign in."""
    account = mine()
    found = identities.of_account(g.db, account.id)
    ways = ways_in()
    cards = []
    for each in found:
        used = _("Last used {when}.", when=moment(each.last_used_at)) if each.last_used_at else _("Not used yet.")
        where, kept = url_for("me_identities.unlink", number=each.id), identities.why_kept(g.db, account, each)
        off = Button(label=_("Unlink"), href=where, post=True, why_not=kept)
        text = [joined(_("Linked {time}.", time=moment(each.linked_at)), used), _("You are {name} there.", name=each.subject)]
        cards.append(Card(title=ways[each.method].button if each.method in ways else label_of(each.method), text=text, buttons=[off]))
    parts: list[Part] = (
        [Cards(cards=cards)] if cards else [Empty(text=_("No service signs you in."), hint=_("You use your password here."))]
    )
    linked = {each.method for each in found}
    more = [
        Button(label=_("Link {service}", service=way.button), href=url_for("me_identities.link", method=name), post=True)
        for name, way in ways.items()
        if name not in linked
    ]
    if more:
        if not account.is_owner and account.sso_provider is None:
            parts.append(Note(text=_("Once a service is linked, you sign in with it, and your password here counts no more.")))
        parts.append(Buttons(title=_("Link a service"), groups=[("", more)]))
    return render_template("page.html", title=g.actor.label, kicker=_("My account"), tabs_=tabs(), parts=parts)


@pages.post("/<method>/link")
@needs(None)
def link(method: str) -> ResponseReturnValue:
    """Go to a service to show who I am there; asked of me only freshly signed in (F-02)."""
    require_fresh(url_for("me_identities.index"))
    try:
        return leave(method, LINK, request.path)
    except RolecallError as error:
        say(str(error), "bad")
        return redirect(url_for("me_identities.index"), 303)


@pages.post("/<int:number>/unlink")
@needs(None)
def unlink(number: int) -> ResponseReturnValue:
    """Let a service sign me in no more."""
    require_fresh(url_for("me_identities.index"))
    method = external_sign_in.unlink(application(), g.actor, number, now=datetime.now(UTC))
    say(_("{service} signs you in no more.", service=label_of(method)))
    return redirect(url_for("me_identities.index"), 303)
