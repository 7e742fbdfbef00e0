"""Signing in as somebody else: the page that asks why, and the two buttons that begin and end it (R27).

What is shown meanwhile, and that nothing is changed, is the frame's.
"""

from collections.abc import Mapping, Sequence

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.errors import Invalid
from rolecall.sdk.fields import FormField
from rolecall.store.tables import Account
from rolecall.translation import gettext as _
from rolecall.work import own_acting
from rolecall_webapp.frame import application, carry, needs, require_fresh
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import Cell, Confirm, Facts, Form

pages = Blueprint("acting", __name__)

_REASON = FormField(name="reason", label="Reason", kind="text", required=True, help="It is in the audit.")
_PERMISSION = f"act:{own_acting.ACTION}"


@pages.get("/accounts/<int(max=2147483647):account_id>/sign-in-as")
@needs(_PERMISSION)
def ask(account_id: int) -> ResponseReturnValue:
    """Ask for the reason."""
    own_acting.refuse(application(), g.db, g.actor, account_id)
    require_fresh()
    return _page(account_id)


@pages.post("/accounts/<int(max=2147483647):account_id>/sign-in-as")
@needs(_PERMISSION)
def start(account_id: int) -> ResponseReturnValue:
    """See the pages as this account sees them, for half an hour."""
    require_fresh(url_for("acting.ask", account_id=account_id))
    reason = request.form.get("reason", "")
    if "agreed" not in request.form:
        return _page(account_id, reason, {"agreed": ["Tick that you agree, or cancel."]}), 409
    g.db.rollback()
    try:
        token = own_acting.begin(application(), g.actor, g.account, account_id, reason)
    except Invalid as error:
        wrong, status = problems(error)
        return _page(account_id, reason, wrong), status
    carry(token)
    return redirect("/", 303)


@pages.post("/sign-in-as/stop")
@needs(None, while_trying=True, before_factor=True)
def stop() -> ResponseReturnValue:
    """Be oneself again."""
    if g.account.acting_for is None:
        return redirect("/", 303)
    back = g.account.account_id
    carry(own_acting.stop(application(), g.actor, g.account))
    say(_("You are signed in as yourself again."))
    return redirect(url_for("accounts.overview", account_id=back), 303)


def _page(account_id: int, reason: str = "", wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    action = g.view.actions[own_acting.ACTION]
    account = g.db.get_one(Account, account_id)
    whom = Facts(facts=[("Name", Cell(text=f"{account.first_name} {account.last_name}")), ("User name", Cell(text=account.username))])
    form = Form(
        action=url_for("acting.start", account_id=account_id),
        fields=(_REASON,),
        values={"reason": reason},
        errors=wrong or {},
        confirm=Confirm(grade=action.grade.value, text=action.confirm or ""),
        button=action.label,
        cancel=url_for("accounts.overview", account_id=account_id),
    )
    return render_template("page.html", title=action.label, kicker="Account", parts=[whom, form])
