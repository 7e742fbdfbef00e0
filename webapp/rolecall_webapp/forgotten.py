"""The page for a forgotten password: it asks who somebody is and answers everybody alike (R59b, A-07).

Owns what is asked and said. Whether a message goes out is decided by core; the page behind its link is that of invitations.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from rolecall.accounts import forgotten, messages
from rolecall.accounts.core_settings import core_settings
from rolecall.errors import Invalid
from rolecall.translation import gettext as _
from rolecall.work.delivery.channels import serving
from rolecall_webapp import frame
from rolecall_webapp.frame import application, public

pages = Blueprint("forgotten", __name__, url_prefix="/forgot")

_TITLES = {"ask": _("Forgotten password"), "done": _("Look into your mailbox"), "none": _("Forgotten password")}


@pages.get("")
@public
def index() -> ResponseReturnValue:
    """Ask for user name or e-mail."""
    return _page("ask")


@pages.post("")
@public
def ask() -> ResponseReturnValue:
    """Have the message queued if there is somebody to send it to, and say the same in every case."""
    by = ways()
    if not by:
        return _page("ask")
    identifier, address = request.form.get("identifier", ""), request.remote_addr
    g.db.rollback()  # no transaction stays open while another one writes
    try:
        application().db.attempt(lambda session: forgotten.ask(session, identifier, address=address, now=datetime.now(UTC), ways=by))
    except Invalid as error:
        return _page("ask", wrong=[each for sentences in error.fields.values() for each in sentences]), 422
    return _page("done")


def ways() -> frozenset[str]:
    """The kinds of addresses that a link may go to: those that anything sends to, and phones only where the institution wants that."""
    served = frozenset(serving(application().plugins.view(g.db)))
    return served if core_settings(g.db)["forgotten_by_phone"] else served - {messages.PHONE}


def _page(state: str, wrong: Sequence[str] = ()) -> str:
    by = ways()
    state = state if by else "none"
    title = _("Look at your messages") if state == "done" and messages.PHONE in by else _TITLES[state]
    return render_template(
        "forgotten.html", title=title, state=state, by_email=messages.EMAIL in by, by_phone=messages.PHONE in by, wrong=wrong,
        institution=frame.institution()[0],
    )  # fmt: skip
