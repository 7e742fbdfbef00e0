"""A link that works once, as it is opened: its token leaves the address at once (T-10).

An address stays in the history of the browser, and is what people copy from it. So opening a link only puts the token into the cookie and
goes on to a page whose address says nothing. The form of that page carries the token from there, so that of two links opened side by
side each does its own.
"""

from flask import redirect, request, session, url_for
from flask.typing import ResponseReturnValue

#: Characters. Ours are shorter; what is longer is no token and would not fit into the cookie.
_LONGEST = 200


def move(page: str, token: str) -> ResponseReturnValue:
    """Lead from a link to its page, an endpoint, which finds the token by :func:`token_for`; nothing is changed by it (T-09)."""
    session[_key(page)] = token[:_LONGEST]
    response = redirect(url_for(page), 303)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def token_for(page: str) -> str:
    """The token that the form of a page brings, or of the link that was opened last; empty where there is none."""
    return request.form.get("token") or str(session.get(_key(page), ""))


def forget(page: str, token: str) -> None:
    """Take a token out of the cookie, because it was used up; that of another link opened since stays."""
    if session.get(_key(page)) == token:
        session.pop(_key(page))


def _key(page: str) -> str:
    return f"link:{page}"
