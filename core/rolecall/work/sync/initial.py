"""Initial passwords at providers: made once per link, sealed to it and committed before the provider hears of them (R23).

A worker that dies after the provider took the password leaves it in the link, so the one that goes on sends the same.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import CursorResult, Table, bindparam, update
from sqlalchemy.orm import Session

from rolecall.accounts.sealing import Keyring, place
from rolecall.sdk.provider import Secret, Verb
from rolecall.store.tables import Link
from rolecall.work.sync.call import Planned

#: No vowels (no words), no look-alikes.
_LETTERS = "bcdfghjkmnpqrtvwxy"
_DIGITS = "346789"


def generate() -> str:
    """Return a random password of 83 bits with all kinds of characters, which is what providers insist on: ``Kqm4tv-9xbhwd-c3rpjk``."""
    first = [secrets.choice(_LETTERS.upper()), secrets.choice(_DIGITS), secrets.choice(_LETTERS)]
    groups = [each + "".join(secrets.choice(_LETTERS + _DIGITS) for _ in range(5)) for each in first]
    return "-".join(groups)


def with_passwords(session: Session, keyring: Keyring, plan: Sequence[Planned]) -> list[Planned]:
    """Return the plan with a password in each creation; new ones are written to their links, if these are still ours.

    :raises SealBroken: when a password that was made before does not open.
    """
    ready, rows = [], []
    for planned in plan:
        if planned.change.verb is not Verb.CREATE:
            ready.append(planned)
            continue
        where = place("link", planned.link.id, "sealed_password")
        sealed, link = planned.link.sealed_password, planned.link
        if sealed is None:
            password = generate()
            sealed = keyring.seal(password, where)
            rows.append({"b_id": link.id, "b_fence": link.fence, "b_sealed": sealed})
        else:
            password = keyring.open(sealed, where)
        change = replace(planned.change, password=Secret(password))
        ready.append(
            replace(planned, change=change, link=replace(link, sealed_password=sealed), is_password_new=link.sealed_password is None)
        )
    if rows:
        table = cast(Table, Link.__table__)
        statement = (
            update(table)
            .where(table.c.id == bindparam("b_id"), table.c.fence == bindparam("b_fence"))
            .values(sealed_password=bindparam("b_sealed"))
        )
        session.connection().execute(statement, rows)
    return ready
