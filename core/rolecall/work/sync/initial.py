"""Initial passwords at providers: made once per link, sealed to it and committed before the provider hears of them (R23).

A worker that dies after the provider took the password leaves it in the link, so the one that goes on sends the same.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import Table, bindparam, update
from sqlalchemy.orm import Session

from rolecall.accounts.sealing import Keyring, SealBroken, place
from rolecall.errors import Permanent
from rolecall.sdk.provider import Secret
from rolecall.store.tables import Link
from rolecall.work.sync.call import Planned
from rolecall.work.sync.outcome import Outcome

_TABLE = cast(Table, Link.__table__)
_STATEMENT = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("b_id"), _TABLE.c.fence == bindparam("b_fence"))
    .values(sealed_password=bindparam("b_sealed", type_=_TABLE.c.sealed_password.type))
)

#: No vowels (no words), no look-alikes.
_LETTERS = "bcdfghjkmnpqrtvwxy"
_DIGITS = "346789"


def generate() -> str:
    """Return a random password of 83 bits with all kinds of characters, which is what providers insist on: ``Kqm4tv-9xbhwd-c3rpjk``."""
    first = [secrets.choice(_LETTERS.upper()), secrets.choice(_DIGITS), secrets.choice(_LETTERS)]
    groups = [each + "".join(secrets.choice(_LETTERS + _DIGITS) for _ in range(5)) for each in first]
    return "-".join(groups)


def with_passwords(session: Session, keyring: Keyring, plan: Sequence[Planned]) -> tuple[list[Planned], list[Outcome]]:
    """Return the plan with a password in each creation, and the outcomes of those whose password does not open any more.

    New ones are written to their links, if these are still ours; the caller commits before anybody is called.
    """
    ready: list[Planned] = []
    broken: list[Outcome] = []
    rows = []
    for planned in plan:
        link = planned.link
        where = place("link", link.id, "sealed_password")
        sealed = link.sealed_password
        try:
            password = generate() if sealed is None else keyring.open(sealed, where)
        except SealBroken as error:
            broken.append(Outcome(link=link, error=Permanent(error.message, hint=error.hint)))
            continue
        if sealed is None:
            sealed = keyring.seal(password, where)
            rows.append({"b_id": link.id, "b_fence": link.fence, "b_sealed": sealed})
        change = replace(planned.change, password=Secret(password))
        is_new = link.sealed_password is None
        ready.append(replace(planned, change=change, link=replace(link, sealed_password=sealed), is_password_new=is_new))
    if rows:
        session.connection().execute(_STATEMENT, rows)
    return ready, broken
