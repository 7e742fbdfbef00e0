"""The page for a forgotten password: it asks who somebody is and answers everybody alike (R59b, A-07).

Owns what is asked and said. Whether a message goes out is decided by core; the page behind its link is that of invitations.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from rolecall.accounts import forgotten, messages
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
    return _page("ask" if can_be_sent() else "none")


@pages.post("")
@public
def ask() -> ResponseReturnValue:
    """Have the message queued if there is somebody to send it to, and say the same in every case."""
    if not can_be_sent():
        return _page("none")
    identifier, address = request.form.get("identifier", ""), request.remote_addr
    g.db.rollback()  # no transaction stays open while another one writes
    try:
        application().db.attempt(lambda session: forgotten.ask(session, identifier, address=address, now=datetime.now(UTC)))
    except Invalid as error:
        return _page("ask", wrong=[each for sentences in error.fields.values() for each in sentences]), 422
    return _page("done")


def can_be_sent() -> bool:
    """Whether there is anything that sends e-mail."""
    return messages.EMAIL in serving(application().plugins.view(g.db))


def _page(state: str, wrong: Sequence[str] = ()) -> str:
    return render_template("forgotten.html", title=_TITLES[state], state=state, wrong=wrong, institution=frame.institution()[0])
