"""Writes down what came of a group of claimed links: one transaction, guarded by each link's fence.

``synced`` becomes the ``wanted`` that was seen at the claim, so a change that was made meanwhile stays pending. A link whose fence has
moved belongs to a newer worker, and what we have for it is dropped. Knows nothing of how the outcomes came about.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Row, Table, bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import WORKER
from rolecall.errors import Conflict
from rolecall.sdk.provider import Verb
from rolecall.store import listing
from rolecall.store.engine import now
from rolecall.store.tables import Link
from rolecall.work import links
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.circuit import THRESHOLD, Admission, learn, sentence
from rolecall.work.sync.outcome import Outcome, experience, judge

Known = Row[*tuple[Any, ...]]

_TABLE = cast(Table, Link.__table__)
_WRITTEN = (
    "external_id", "synced", "sent", "sealed_password", "attempts", "not_before", "error_class", "error", "blocked", "settled_at",
)  # fmt: skip
#: What a change that was made meanwhile may have reset.
_KEPT = ("synced", "attempts", "not_before", "error_class", "error", "settled_at")
_STATEMENT = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("b_id"), _TABLE.c.fence == bindparam("b_fence"))
    .values(leased_until=None, **{name: bindparam(name, type_=_TABLE.c[name].type) for name in _WRITTEN})
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all outcomes of a claim have in common: the provider, how it was admitted, when, and its settling time."""

    provider: str
    admission: Admission
    begun: datetime
    settling: timedelta


def settle(session: Session, frame: Frame, outcomes: Sequence[Outcome]) -> int:
    """Write the outcomes down and return how many links were brought up to date or blocked."""
    moment = now(session)
    learned = experience(outcomes)
    down = not learned.succeeded and (frame.admission.probe or frame.admission.failures + learned.failures >= THRESHOLD)
    links.lock_accounts(session, [outcome.link.account_id for outcome in outcomes])
    known = _lock(session, [outcome.link.id for outcome in outcomes])
    ours = [outcome for outcome in outcomes if outcome.link.id in known and known[outcome.link.id].fence == outcome.link.fence]
    rows = {outcome.link.id: _row(outcome, known[outcome.link.id], moment, frame, down=down) for outcome in ours}
    final = _write(session, ours, rows, known, moment, frame)
    moved = [each.link.account_id for each in final if (rows[each.link.id]["external_id"] is None) != (each.link.external_id is None)]
    if moved:
        listing.refresh(session, moved)
    learn(session, frame.provider, learned, moment, begun=frame.begun)
    _record(session, frame.provider, [each for each in final if each.change is not None or each.error is not None], rows)
    return sum(1 for each in final if not each.left and (each.error is None or rows[each.link.id]["blocked"]))


def _lock(session: Session, ids: Iterable[int]) -> dict[int, Known]:
    columns = (_TABLE.c.id, _TABLE.c.fence, _TABLE.c.wanted, *(_TABLE.c[name] for name in _KEPT))
    rows = session.connection().execute(select(*columns).where(_TABLE.c.id.in_(list(ids))).order_by(_TABLE.c.id).with_for_update())
    return {row.id: row for row in rows}


def _row(outcome: Outcome, known: Known, moment: datetime, frame: Frame, *, down: bool) -> dict[str, Any]:
    link = outcome.link
    row = {
        "b_id": link.id,
        "b_fence": link.fence,
        "external_id": link.external_id,
        "sent": link.sent,
        "sealed_password": link.sealed_password,
        "blocked": False,
        **{name: getattr(known, name) for name in _KEPT},
    }
    if outcome.left:
        return row
    if outcome.error is None:
        return row | {"synced": link.wanted, "attempts": 0, "error_class": None, "error": None, "settled_at": moment} | _remote(outcome)
    return row | _failure(outcome, known, moment, frame, down=down)


def _remote(outcome: Outcome) -> dict[str, Any]:
    """What the link knows of the remote account after a success."""
    change, link = outcome.change, outcome.link
    if change is None:
        return {}
    if change.verb is Verb.DELETE:
        return {"external_id": None, "sent": None, "sealed_password": None}
    sent = sent_state.load(link.sent).after(change)
    # An account that was there before us has a password of its own; ours was never set.
    forget = outcome.adopted and outcome.is_password_new
    return {"external_id": outcome.external_id, "sent": sent_state.dump(sent), **({"sealed_password": None} if forget else {})}


def _failure(outcome: Outcome, known: Known, moment: datetime, frame: Frame, *, down: bool) -> dict[str, Any]:
    link = outcome.link
    verdict = judge(outcome, moment, settling=frame.settling, probe=frame.admission.probe, down=down)
    row: dict[str, Any] = {"error_class": outcome.error_class, "error": sentence(outcome.error) if outcome.error else None}
    if verdict.forget_remote:
        row |= {"external_id": None, "sent": None}
    if known.wanted == link.wanted:
        return row | {"attempts": verdict.attempts, "not_before": verdict.not_before, "blocked": verdict.blocked}
    # A change made meanwhile may be the very cure: it is tried at once, except where nothing could be found yet.
    if outcome.error_class == "ambiguous":
        return row | {"not_before": max(known.not_before or moment, moment + frame.settling)}
    return row


def _write(
    session: Session,
    outcomes: Sequence[Outcome],
    rows: dict[int, dict[str, Any]],
    known: Mapping[int, Known],
    moment: datetime,
    frame: Frame,
) -> list[Outcome]:
    """Write the rows, and block those whose remote account belongs to another of our accounts; ``rows`` has what was written."""
    if not rows:
        return []
    try:
        with session.begin_nested():
            session.connection().execute(_STATEMENT, list(rows.values()))
        return list(outcomes)
    except IntegrityError:
        return [_write_one(session, outcome, rows, known[outcome.link.id], moment, frame) for outcome in outcomes]


def _write_one(
    session: Session, outcome: Outcome, rows: dict[int, dict[str, Any]], known: Known, moment: datetime, frame: Frame
) -> Outcome:
    try:
        with session.begin_nested():
            session.connection().execute(_STATEMENT, [rows[outcome.link.id]])
        return outcome
    except IntegrityError:
        error = Conflict(
            "The account found at the provider belongs to another account here.",
            hint="Look for two accounts of one person, or for two with the same user name or e-mail there.",
        )
        doubtful = replace(outcome, error=error, external_id=None)
        rows[outcome.link.id] = _row(doubtful, known, moment, frame, down=False)
        session.connection().execute(_STATEMENT, [rows[outcome.link.id]])
        return doubtful


def _record(session: Session, provider: str, outcomes: Sequence[Outcome], rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Write one entry of the audit for what was done at the provider and what was given up; names of attributes, never their values."""
    told = [_line(each) for each in outcomes if not each.left and (each.error is None or rows[each.link.id]["blocked"])]
    if told:
        account_id = told[0]["account"] if len(told) == 1 else None
        audit.append(session, actor=WORKER, kind="sync", payload={"provider": provider, "accounts": told}, account_id=account_id)


def _line(outcome: Outcome) -> dict[str, Any]:
    line: dict[str, Any] = {"account": outcome.link.account_id, "verb": str(outcome.change.verb) if outcome.change else "plan"}
    if outcome.change is not None and outcome.change.after:
        line["attributes"] = sorted(outcome.change.after)
    if outcome.error is not None:
        return line | {"blocked": sentence(outcome.error)}
    facts = {"external_id": outcome.external_id, "adopted": outcome.adopted or None}
    return line | {name: value for name, value in facts.items() if value is not None}
