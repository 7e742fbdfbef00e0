"""Writes down what is about to be tried, and commits it before the provider hears of it.

A worker that dies in the middle of a call, or whose answer is lost, leaves in the link everything that may be at the provider now: the
values of the change, and the initial password of a new account (R23), which whoever goes on sends again.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import Table, bindparam, update
from sqlalchemy.orm import Session

from rolecall.accounts.provider_passwords import sealed_place
from rolecall.accounts.sealing import Keyring, SealBroken
from rolecall.errors import Permanent
from rolecall.sdk.provider import Secret, Verb
from rolecall.store.tables import Link
from rolecall.work import links
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.call import Planned
from rolecall.work.sync.outcome import Outcome

_TABLE = cast(Table, Link.__table__)
_STATEMENT = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("b_id"), _TABLE.c.fence == bindparam("b_fence"))
    .values(sealed_password=bindparam("b_sealed", type_=_TABLE.c.sealed_password.type), sent=bindparam("b_sent", type_=_TABLE.c.sent.type))
)

#: No vowels (no words), no look-alikes.
_LETTERS = "bcdfghjkmnpqrtvwxy"
_DIGITS = "346789"


def generate() -> str:
    """Return a random password of 83 bits with all kinds of characters, which is what providers insist on: ``Kqm4tv-9xbhwd-c3rpjk``."""
    first = [secrets.choice(_LETTERS.upper()), secrets.choice(_DIGITS), secrets.choice(_LETTERS)]
    groups = [each + "".join(secrets.choice(_LETTERS + _DIGITS) for _ in range(5)) for each in first]
    return "-".join(groups)


def commit_to(session: Session, keyring: Keyring, plan: Sequence[Planned]) -> tuple[list[Planned], list[Outcome]]:
    """Write what the plan will try to those links that are still ours, and return the plan with a password in each creation.

    Also returns the outcomes of those whose password does not open any more. The caller commits before anybody is called.
    """
    ready: list[Planned] = []
    broken: list[Outcome] = []
    for planned in plan:
        try:
            ready.append(_creation(keyring, planned) if planned.change.verb is Verb.CREATE else _change(planned))
        except SealBroken as error:
            broken.append(Outcome(link=planned.link, error=Permanent(error.message, hint=error.hint)))
    rows = [
        {"b_id": link.id, "b_fence": link.fence, "b_sealed": link.sealed_password, "b_sent": link.sent}
        for link in (each.link for each in ready)
    ]
    if rows:
        links.lock_accounts(session, [each.link.account_id for each in ready])
        session.connection().execute(_STATEMENT, rows)
    return ready, broken


def _creation(keyring: Keyring, planned: Planned) -> Planned:
    link = planned.link
    where = sealed_place(link.id)
    is_new = link.sealed_password is None
    password = generate() if link.sealed_password is None else keyring.open(link.sealed_password, where)
    sealed = keyring.seal(password, where) if link.sealed_password is None else link.sealed_password
    change = replace(planned.change, password=Secret(password))
    return replace(planned, change=change, link=replace(link, sealed_password=sealed), is_password_new=is_new)


def _change(planned: Planned) -> Planned:
    link = planned.link
    if link.external_id is None:
        return planned  # it is looked up first, and closed only if it is found
    trying = sent_state.load(link.sent).trying(planned.change)
    return replace(planned, link=replace(link, sent=sent_state.dump(trying)))
