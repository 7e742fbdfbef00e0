"""The audit: append-only, each entry chained to the one before it (R67).

Owns how an entry is hashed and how the chain is checked. Knows nothing of what happened: the payload is the caller's, and never holds
a secret. ``append`` is the last statement before a commit, because from then on every other writer of the audit waits.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from typing import cast as typed

from sqlalchemy import ColumnElement, Table, Text, bindparam, cast, func, insert, or_, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import alerts
from rolecall.accounts.actors import Actor
from rolecall.errors import Unknown
from rolecall.store.engine import is_sqlite, now
from rolecall.store.tables import AuditEntry, AuditHead

#: Rows that a verification holds in memory at once.
_BATCH = 2_000
#: Widths of the columns: what is longer is cut, because an event must not be lost for its label.
_WIDTHS = {"actor": 120, "actor_label": 200, "on_behalf": 120, "address": 60, "kind": 60}
# The tables themselves, because an entry is written once and never an object that a session looks after.
_ENTRIES, _HEAD = typed(Table, AuditEntry.__table__), typed(Table, AuditHead.__table__)
_WRITE = insert(_ENTRIES)
_LAST = select(_HEAD.c.seq, _HEAD.c.chain).where(_HEAD.c.id == 1).with_for_update()
_MOVE = update(_HEAD).where(_HEAD.c.id == 1).values(seq=bindparam("to_seq"), chain=bindparam("to_chain"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check of the chain found. ``seq`` is the first entry that is wrong, none when all ``checked`` are right."""

    ok: bool
    checked: int
    seq: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which entries are wanted; what is none or empty does not filter. ``actor`` is its name or a part of its label."""

    kind: str = ""
    actor: str = ""
    account_id: int | None = None
    run_id: int | None = None
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Entries, newest first, and the cursor of the next page; none when this is the last one."""

    items: Sequence[AuditEntry]
    next: str | None


def append(
    session: Session,
    *,
    actor: Actor,
    kind: str,
    payload: Mapping[str, Any],
    run_id: int | None = None,
    account_id: int | None = None,
    on_behalf: str | None = None,
    at: datetime | None = None,
) -> AuditEntry:
    """Write one entry in the transaction of the change it tells of (L-05), and queue the alert about it, if it is one of those.

    Until that transaction ends, nobody else appends: on PostgreSQL the head of the chain is locked, SQLite has one writer anyway.
    """
    session.flush()
    head = session.execute(_LAST).one()
    facts = {
        "actor": actor.name,
        "actor_label": actor.label,
        "on_behalf": on_behalf or actor.on_behalf,
        "address": actor.address,
        "kind": kind,
    }
    entry = AuditEntry(
        seq=head.seq + 1,
        at=(at or now(session)).astimezone(UTC),
        run_id=run_id,
        account_id=account_id,
        payload=(plain := _plain(payload)),
        salt=secrets.token_hex(16),
        **{name: None if text is None else _clean(text)[: _WIDTHS[name]] for name, text in facts.items()},
    )
    entry.digest = _salted(str(entry.salt), _text(plain))
    entry.chain = _chain(head.chain, entry)
    session.execute(_WRITE, {each.name: getattr(entry, each.name) for each in _ENTRIES.c})
    session.execute(_MOVE, {"to_seq": entry.seq, "to_chain": entry.chain})
    alerts.tell(session, kind, payload, who=str(entry.actor_label), seq=entry.seq, at=entry.at)
    return entry


def digest(salt: str, value: Any) -> str:
    """Return the salted SHA-256 of a value in canonical JSON; also used for the items of a batch."""
    return _salted(salt, canonical(value))


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, ASCII, whole numbers without a fraction.

    What comes back from either database has the same text as what went in.

    :raises TypeError: for what JSON cannot say and :func:`append` does not translate either.
    """
    return _text(_plain(value))


def verify(session: Session) -> Verdict:
    """Walk the whole chain and name the first entry that was edited, removed, added or moved (L-03).

    Entries whose payload was erased count as right: their digest still is part of the chain.
    """
    head = session.execute(select(AuditHead.seq, AuditHead.chain).where(AuditHead.id == 1)).one_or_none()
    if head is None:
        return Verdict(ok=False, checked=0, seq=None, message="The head of the audit's chain is missing.")
    checked, chain, at_head = 0, "", "" if head.seq == 0 else None
    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.seq).execution_options(yield_per=_BATCH))
    for partition in rows.partitions():
        for entry in partition:
            if wrong := _wrong(checked + 1, chain, entry):
                return Verdict(ok=False, checked=checked, seq=min(entry.seq, checked + 1), message=wrong)
            checked, chain = entry.seq, entry.chain
            if entry.seq == head.seq:
                at_head = chain
    if at_head != head.chain:
        message = f"Entry {checked + 1} is missing: the audit ends before its last entry, {head.seq}."
        if at_head is not None:
            message = f"Entry {head.seq} is not the one that was written last."
        return Verdict(ok=False, checked=checked, seq=checked + 1 if at_head is None else head.seq, message=message)
    return Verdict(ok=True, checked=checked, seq=None, message=f"All {checked} entries are as they were written.")


def entries(session: Session, filters: Filters, *, cursor: str | None = None, limit: int = 50) -> Page:
    """Return one page of entries, newest first. A cursor that is none of ours begins at the newest."""
    statement = select(AuditEntry).where(*_conditions(session, filters)).order_by(AuditEntry.seq.desc()).limit(limit + 1)
    # Nine digits: what is longer is no number of ours and would not fit the column.
    if cursor and cursor.isascii() and cursor.isdigit() and len(cursor) < 10:
        statement = statement.where(AuditEntry.seq < int(cursor))
    found = session.scalars(statement).all()
    return Page(items=found[:limit], next=str(found[limit - 1].seq) if len(found) > limit else None)


def get(session: Session, seq: int) -> AuditEntry:
    """Return one entry by its number.

    :raises Unknown: when there is none.
    """
    entry = session.get(AuditEntry, seq)
    if entry is None:
        raise Unknown(f"There is no entry {seq} in the audit.")
    return entry


def kinds(session: Session) -> Sequence[str]:
    """Every kind of entry that there is, in alphabetical order; each is one look into the index."""
    first = select(func.min(AuditEntry.kind).label("kind")).cte("kinds", recursive=True)
    following = select(func.min(AuditEntry.kind)).where(AuditEntry.kind > first.c.kind).scalar_subquery()
    found = first.union_all(select(following).where(first.c.kind.is_not(None)))
    return [kind for kind in session.scalars(select(found.c.kind)) if kind is not None]


def count(session: Session, filters: Filters) -> int:
    """Return how many entries the filters match."""
    return session.scalar(select(func.count()).select_from(AuditEntry).where(*_conditions(session, filters))) or 0


def _text(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _salted(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def _wrong(expected: int, chain: str, entry: AuditEntry) -> str | None:
    if entry.seq > expected:
        return f"Entry {expected} is missing."
    if entry.seq < expected:
        return f"Entry {entry.seq} has a number that no entry can have."
    if (entry.payload is None) != (entry.salt is None):
        return f"Entry {entry.seq} was half erased."
    if entry.salt is not None and digest(entry.salt, entry.payload) != entry.digest:
        return f"Entry {entry.seq} was changed: its content is not what was written."
    if _chain(chain, entry) != entry.chain:
        return f"Entry {entry.seq} was changed, or is not in its place."
    return None


def _chain(previous: str, entry: AuditEntry) -> str:
    header = [
        entry.seq,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.actor_label,
        entry.on_behalf,
        entry.address,
        entry.kind,
        entry.run_id,
        entry.account_id,
    ]
    return hashlib.sha256(canonical([previous, header, entry.digest]).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Reduce a value to what both databases give back unchanged (jsonb has no NUL, no lone surrogates and turns 1e22 into digits)."""
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {_clean(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(each) for each in value), key=canonical)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"The audit cannot hold a {type(value).__name__}.")


def _clean(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _conditions(session: Session, filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.kind:
        found.append(AuditEntry.kind == filters.kind)
    if filters.actor:
        found.append(or_(AuditEntry.actor == filters.actor, AuditEntry.actor_label.icontains(_clean(filters.actor), autoescape=True)))
    if filters.account_id is not None:
        found.append(AuditEntry.account_id == filters.account_id)
    if filters.run_id is not None:
        found.append(AuditEntry.run_id == filters.run_id)
    if filters.since is not None:
        found.append(AuditEntry.at >= filters.since)
    if filters.until is not None:
        found.append(AuditEntry.at < filters.until)
    if filters.text:
        text = _clean(filters.text)
        # SQLite keeps JSON as it was written, with \uXXXX for everything beyond ASCII; jsonb shows the characters themselves.
        inside = json.dumps(text)[1:-1] if is_sqlite(session) else text
        found.append(
            or_(
                AuditEntry.actor_label.icontains(text, autoescape=True),
                AuditEntry.kind.icontains(text, autoescape=True),
                cast(AuditEntry.payload, Text).icontains(inside, autoescape=True),
            )
        )
    return found
