"""Trying a role out: the two buttons that begin and end it (R57). What is shown meanwhile is the frame's."""

from flask import Blueprint, g, redirect, url_for
from flask.typing import ResponseReturnValue

from rolecall.translation import gettext as _
from rolecall.work import own_account
from rolecall_webapp.frame import application, carry, needs
from rolecall_webapp.notices import say

pages = Blueprint("trying", __name__, url_prefix="/roles")


@pages.post("/<int(max=2147483647):role_id>/try")
@needs("roles:view")
def start(role_id: int) -> ResponseReturnValue:
    """See menu and pages as somebody with this role does; nothing can be changed until it is stopped."""
    carry(own_account.try_role(application(), g.actor, g.account, role_id))
    return redirect("/", 303)


@pages.post("/stop-trying")
@needs(None, while_trying=True)
def stop() -> ResponseReturnValue:
    """Have one's own rights back."""
    carry(own_account.stop_trying(application(), g.actor, g.account))
    say(_("You have your own rights again."))
    return redirect(url_for("roles.index"), 303)
