"""Reads what a provider has, part by part, into an inventory that counts only once it is whole.

Owns the rows of remote accounts and their names. Repeated items are tolerated; what cannot be used ends the reading, and nothing is
concluded from a part.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from rolecall.errors import Transient
from rolecall.sdk.provider import Provider, Remote
from rolecall.store.bulk import among_texts, chunks, insert_into
from rolecall.store.tables import RemoteAccount, RemoteName
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.comparison.hold import Hold
from rolecall.work.sync.comparison.names import keys_of

#: Accounts read and written at once: enough to be fast, few enough to be held in memory.
PART = 500


def read(hold: Hold, provider: Provider, *, known: int, number: int, moment: datetime) -> int:
    """Write everything that the provider lists as the inventory ``number`` and return how many items that were.

    ``known`` is the inventory that holds until then; every other one is what an earlier attempt left, and goes.

    :raises ProviderError: or whatever else the plugin raises.
    """
    hold.write(lambda session: forget(session, hold.provider, known))
    seen = 0
    for part in chunks(provider.accounts(), PART):
        seen += len(part)
        hold.write(partial(add, provider=provider, remotes=part, number=number, moment=moment), seen=seen)
        hold.ensure(0)
    return seen


def update(hold: Hold, provider: Provider, token: str, *, number: int, moment: datetime) -> tuple[int, str | None]:
    """Bring the inventory ``number`` up to date with what changed since ``token``; returns how many accounts, and the next token.

    Begun again after a worker died it does the same once more, because the token is kept only at the end.

    :raises TokenExpired: when the provider cannot tell any more.
    """
    seen, last = 0, None
    for part in provider.changes(token):
        for remotes in chunks(part.accounts, PART) if part.accounts else [[]]:
            seen += len(remotes)
            hold.write(partial(_replace, provider=provider, remotes=remotes, removed=part.removed, number=number, moment=moment), seen=seen)
        seen += len(part.removed)
        last = part.token or last
        hold.ensure(0)
    return seen, last


def token_of(provider: Provider) -> str | None:
    """Ask for a token for what changes from now on; none where the provider has none to give."""
    if not provider.can("changes"):
        return None
    return next((part.token for part in provider.changes(None) if part.token), None)


def _replace(
    session: Session, *, provider: Provider, remotes: Sequence[Remote], removed: Sequence[str], number: int, moment: datetime
) -> None:
    gone = {*removed, *(usable(each.external_id) for each in remotes)}
    take_out(session, provider.id, number, gone)
    add(session, provider=provider, remotes=remotes, number=number, moment=moment)


def add(session: Session, *, provider: Provider, remotes: Iterable[Remote], number: int, moment: datetime) -> None:
    """Write accounts down; one that comes twice is written once."""
    rows: dict[str, dict[str, Any]] = {}
    names: list[dict[str, Any]] = []
    for remote in remotes:
        attributes = sent_state.check(remote.attributes)
        where = {"provider": provider.id, "number": number, "external_id": usable(remote.external_id)}
        if where["external_id"] in rows:
            continue
        rows[remote.external_id] = {
            **where,
            "key": remote.key.strip().lower()[:200] or None if remote.key else None,
            "suspended": bool(remote.suspended),
            "attributes": sent_state.dump_attributes(attributes),
            "drift": None,
            "read_at": moment,
        }
        names += [{**where, "name": name} for name in sorted(keys_of(attributes, provider.matched_by))]
    for table, values in ((RemoteAccount, list(rows.values())), (RemoteName, names)):
        if values:
            session.execute(insert_into(session, table).on_conflict_do_nothing(), values)


def take_out(session: Session, provider: str, number: int, ids: Collection[str]) -> None:
    """Take accounts out of an inventory."""
    for table in (RemoteAccount, RemoteName):
        mine = (table.provider == provider, table.number == number, table.external_id.in_(among_texts(session, ids)))
        session.execute(delete(table).where(*mine))


def forget(session: Session, provider: str, kept: int) -> None:
    """Remove every inventory of a provider but one."""
    for table in (RemoteAccount, RemoteName):
        session.execute(delete(table).where(table.provider == provider, table.number != kept))


def usable(external_id: object) -> str:
    """Return a remote id that can be kept.

    :raises Transient: for anything else: an answer that nobody can use.
    """
    if not isinstance(external_id, str) or not 0 < len(external_id) <= 200 or not external_id.isprintable():
        raise Transient("The provider listed an account without a usable id.", code="bad-response")
    return external_id
