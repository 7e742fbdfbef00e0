"""The page behind a link that verifies an e-mail address: a button first, because mail scanners open links too (R22, T-09)."""

from datetime import UTC, datetime

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from rolecall.accounts import emails
from rolecall.translation import gettext as _
from rolecall.work import email_links
from rolecall_webapp import frame
from rolecall_webapp.frame import application, public

pages = Blueprint("verify", __name__, url_prefix="/verify")


@pages.get("/<token>")
@public
def ask(token: str) -> ResponseReturnValue:
    """Show a button; opening the link changes nothing."""
    return _page("usable" if emails.account_of_link(g.db, token, datetime.now(UTC)) is not None else "gone")


@pages.post("/<token>")
@public
def verify(token: str) -> ResponseReturnValue:
    """Use the link up. It proves the address and nothing else: nobody is signed in by it."""
    return _page("done") if email_links.verify(application(), token, address=request.remote_addr) else (_page("gone"), 410)


_TITLES = {"usable": _("Verify your e-mail address"), "done": _("Your e-mail address is verified"), "gone": _("This link no longer works")}


def _page(state: str) -> str:
    return render_template("verify.html", title=_TITLES[state], state=state, institution=frame.institution()[0])
