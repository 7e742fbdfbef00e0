"""Opens the session of whoever has just proved who they are, with a new cookie whatever the browser brought along (S-01)."""

from datetime import UTC, datetime

from flask import Response, make_response, redirect, request, session, url_for
from flask_login import current_user

from rolecall.accounts import sessions
from rolecall.accounts.admission import Outcome
from rolecall.errors import Refused
from rolecall.translation import gettext as _
from rolecall_webapp.frame import application, carry

#: What in the cookie names the half session of whoever still has to give a code.
WAITING = "waiting"


def welcome(outcome: Outcome, target: str, *, second_factor: bool = False) -> Response:
    """Open a session and go on at ``target``, or half a session where a code is asked for next.

    ``second_factor`` tells that a code was given, besides what a service vouches for.
    """
    now = datetime.now(UTC)
    account_id = outcome.account_id
    if account_id is None:
        raise Refused(_("Nobody was signed in."))
    address, agent = request.remote_addr, request.user_agent.string
    with application().db.write() as writing:
        if current_user.is_authenticated:
            sessions.end(writing, current_user.signed_in.digest)
        if outcome.needs_code:
            token = sessions.await_code(writing, account_id, address=address, agent=agent, now=now)
        else:
            factor = second_factor or outcome.second_factor
            token = sessions.create(writing, account_id, address=address, agent=agent, now=now, second_factor=factor)
    session.clear()
    if outcome.needs_code:
        session[WAITING] = token
        return make_response(redirect(url_for("login_code.index", next=target), 303))
    carry(token)
    return make_response(redirect(url_for("login.password") if outcome.must_change_password else target, 303))
