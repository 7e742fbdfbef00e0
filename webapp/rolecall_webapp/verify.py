"""The page behind a link that verifies an e-mail address: a button first, because mail scanners open links too (R22, T-09)."""

from datetime import UTC, datetime

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from rolecall.accounts import emails
from rolecall.translation import gettext as _
from rolecall.work import email_links
from rolecall_webapp import frame, opened_link
from rolecall_webapp.frame import application, public

pages = Blueprint("verify", __name__, url_prefix="/verify")


_PAGE = "verify.ask"


@pages.get("/<token>")
@public
def arrive(token: str) -> ResponseReturnValue:
    """Go on to the button; opening the link changes nothing."""
    return opened_link.move(_PAGE, token)


@pages.get("")
@public
def ask() -> ResponseReturnValue:
    """Show a button."""
    token = opened_link.token_for(_PAGE)
    return _page("usable" if emails.account_of_link(g.db, token, datetime.now(UTC)) is not None else "gone", token)


@pages.post("")
@pages.post("/<token>")
@public
def verify(token: str = "") -> ResponseReturnValue:
    """Use the link up. It proves the address and nothing else: nobody is signed in by it."""
    token = token or opened_link.token_for(_PAGE)
    done = email_links.verify(application(), token, address=request.remote_addr)
    opened_link.forget(_PAGE, token)
    return _page("done") if done else (_page("gone"), 410)


_TITLES = {"usable": _("Verify your e-mail address"), "done": _("Your e-mail address is verified"), "gone": _("This link no longer works")}


def _page(state: str, token: str = "") -> str:
    return render_template("verify.html", title=_TITLES[state], state=state, token=token, institution=frame.institution()[0])
