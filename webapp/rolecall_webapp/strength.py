"""Says how strong a new password is while it is typed: for one's own, and for the account of an action's dialog.

Answers a piece of a page and keeps nothing. Without scripts nobody asks, and the rules are told when the form is sent.
"""

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from rolecall.accounts import passwords
from rolecall.accounts.strength import WORDS, strength_of
from rolecall.errors import Unknown
from rolecall.sdk.fields import NewPassword
from rolecall.work.runs.plan import find_action, make_plan
from rolecall.work.runs.selection import of_ids
from rolecall_webapp.frame import needs

pages = Blueprint("strength", __name__)

#: Icons by level.
_LOOKS = ("bad", "wait", "ok", "ok")


@pages.post("/password/check")
@needs(None, before_password=True)
def index() -> ResponseReturnValue:
    """Judge what is typed in the field that the address names, by the rules of the account that it is for (R52)."""
    field = request.args.get("field", "password")
    account_id = _account(request.args.get("action"), field)
    typed = request.form.get(field, "")
    if not typed:
        return ""
    found = strength_of(typed, passwords.rules_for(g.db, [account_id]))
    return render_template("_parts/strength.html", found=found, highest=len(WORDS) - 1, look=_LOOKS[found.level])


def _account(action_id: str | None, field: str) -> int:
    """One's own account, or the one that an action of the visitor is about to give a password.

    What breaks a rule tells something of the account, so nobody asks who could not set a password there.

    :raises Unknown: when the action gives no password, or no account is named that it could be run on.
    """
    if action_id is None:
        own: int = g.account.account_id
        return own
    action = find_action(g.view, g.actor, action_id)
    ids = request.args.getlist("ids", type=int)
    takes_password = len(ids) == 1 and isinstance(action.params().fields.get(field), NewPassword)
    if not takes_password or not make_plan(g.db, g.view, g.actor, action.id, of_ids(ids)).will:
        raise Unknown("There is no password to judge here.")
    return ids[0]
