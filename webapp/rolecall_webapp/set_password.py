"""The page behind the link of an invitation or for a forgotten password: a form first, because mail scanners open links too (T-09)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from rolecall.accounts import passwords
from rolecall.errors import Invalid
from rolecall.store.tables import Account
from rolecall.translation import gettext as _
from rolecall.work import invitation_links
from rolecall_webapp import frame, opened_link
from rolecall_webapp.frame import application, public

pages = Blueprint("set_password", __name__, url_prefix="/set-password")

_TITLES = {"usable": _("Choose your password"), "done": _("Your password is set"), "gone": _("This link no longer works")}


_PAGE = "set_password.ask"


@pages.get("/<token>")
@public
def arrive(token: str) -> ResponseReturnValue:
    """Go on to the form; opening the link changes nothing."""
    return opened_link.move(_PAGE, token)


@pages.get("")
@public
def ask() -> ResponseReturnValue:
    """Show the form."""
    return _page(opened_link.token_for(_PAGE))


@pages.post("")
@pages.post("/<token>")
@public
def save(token: str = "") -> ResponseReturnValue:
    """Use the link up and set the password. Nobody is signed in by it."""
    token = token or opened_link.token_for(_PAGE)
    password, confirm = request.form.get("password", ""), request.form.get("confirm", "")
    g.db.rollback()  # no transaction stays open while the password is hashed
    try:
        done = invitation_links.accept(application(), token, password=password, confirm=confirm, address=request.remote_addr)
    except Invalid as error:
        return _page(token, wrong=[each for sentences in error.fields.values() for each in sentences]), 422
    opened_link.forget(_PAGE, token)
    return _page(token, state="done") if done else (_page(token, state="gone"), 410)


def _page(token: str, *, state: str = "", wrong: Sequence[str] = ()) -> str:
    account_id = invitation_links.account_of_link(g.db, token, datetime.now(UTC)) if not state else None
    state = state or ("usable" if account_id is not None else "gone")
    username = g.db.get_one(Account, account_id).username if account_id is not None else ""
    minimum = passwords.rules_for(g.db, [account_id]).minimum if account_id is not None else 0
    return render_template(
        "set_password.html", title=_TITLES[state], state=state, username=username, minimum=minimum, wrong=wrong, token=token,
        institution=frame.institution()[0],
    )  # fmt: skip
