"""Finds who comes with a bearer token. Cookies count for nothing here, so no other site can use somebody's browser (P-03)."""

import re
from datetime import UTC, datetime

from flask import g, request

from rolecall.accounts import tokens
from rolecall.accounts.actors import Actor
from rolecall_webapp.frame import application

_HEADER = re.compile(r"(?i:bearer) +(" + re.escape(tokens.PREFIX) + r"[A-Za-z0-9_-]{20,100})")


def authenticate() -> Actor | None:
    """Return the actor of the one bearer token in the header, with the rights that its account has now (P-02, S-03)."""
    match = _HEADER.fullmatch(request.headers.get("Authorization", "").strip(" "))
    if match is None:
        return None
    now = datetime.now(UTC)
    bearer = tokens.authenticate(g.db, match[1], now, address=request.remote_addr)
    if bearer is None:
        return None
    if bearer.is_due:
        with application().db.write() as session:
            tokens.touch(session, bearer.token_id, now)
    return bearer.actor
