"""Checks that the items of runs still are what the audit vouches for: each batch's entry holds their salted digests (R67).

Knows how to look, not how the chain itself is checked; ``verify_all`` does both. Items that were erased with their person count as right.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import alerts, audit
from rolecall.accounts.actors import Actor
from rolecall.accounts.audit import Verdict
from rolecall.store.bulk import among, chunks
from rolecall.store.engine import now
from rolecall.store.tables import AuditEntry, Run, RunItem
from rolecall.work.application import Application
from rolecall.work.runs.outcomes import item_digest

#: The audit's kinds that list items.
KINDS = ("run.action", "run.undo", "run.open", "run.import", "run.status")


def verify_all(session: Session) -> Verdict:
    """Check the audit's chain, then every item that it vouches for; the message tells of both."""
    chain = audit.verify(session)
    if not chain.ok:
        return chain
    items = verify_items(session)
    if not items.ok:
        return Verdict(ok=False, checked=chain.checked, seq=items.seq, message=items.message)
    return Verdict(ok=True, checked=chain.checked, seq=None, message=f"{chain.message} {items.message}")


def alarm(app: Application, actor: Actor, verdict: Verdict) -> None:
    """Tell the alert addresses of a check that found something, whoever asked for it (L-06)."""
    if not verdict.ok:
        found = {"seq": verdict.seq, "message": verdict.message}
        app.db.attempt(lambda session: alerts.tell(session, alerts.BROKEN, found, who=actor.label, at=now(session)))


def verify_items(session: Session) -> Verdict:
    """Compare every item with its digest in the audit and name the first that differs.

    ``checked`` counts items. An item that was tried again is compared with the entry of its last time.
    """
    checked = 0
    last = 0
    while entry := session.execute(_next(last)).first():
        last, run_id, payload = entry
        listed: list[Any] = payload.get("items") or [] if payload else []
        for part in chunks(listed):
            digests = {int(n): str(digest) for n, digest in part}
            wrong = _wrong(session, run_id, last, digests)
            if wrong:
                return Verdict(ok=False, checked=checked, seq=last, message=wrong)
            checked += len(digests)
    return Verdict(ok=True, checked=checked, seq=None, message=f"All {checked} lines of runs are as they were written.")


def _next(after: int) -> Any:
    statement = select(AuditEntry.seq, AuditEntry.run_id, AuditEntry.payload).where(AuditEntry.seq > after, AuditEntry.kind.in_(KINDS))
    return statement.order_by(AuditEntry.seq).limit(1)


def _wrong(session: Session, run_id: int, seq: int, digests: Mapping[int, str]) -> str | None:
    rows = session.scalars(select(RunItem).where(RunItem.run_id == run_id, RunItem.n.in_(among(session, digests))))
    items = {item.n: item for item in rows}
    differing = [n for n, digest in digests.items() if n not in items or not _is_right(items[n], digest)]
    session.expunge_all()
    if not differing:
        return None
    later = _told_later(session, run_id, seq, differing)
    for n in differing:
        if n not in later:
            what = "was changed: it is not what was written" if n in items else "is missing"
            return f"Line {n} of run {run_id} {what}, as entry {seq} of the audit shows."
    return None


def _is_right(item: RunItem, digest: str) -> bool:
    if item.salt is None:
        return item.before is None and item.after is None
    return item_digest(item.salt, item) == digest


def _told_later(session: Session, run_id: int, seq: int, numbers: Sequence[int]) -> set[int]:
    """Which of these items were tried again after this entry, or wait to be."""
    later = select(AuditEntry.kind, AuditEntry.payload).where(AuditEntry.run_id == run_id, AuditEntry.seq > seq)
    told: set[int] = set()
    resumed = False
    for kind, payload in session.execute(later):
        resumed = resumed or kind == "run.resume"
        told.update(int(n) for n, _ in (payload or {}).get("items") or [])
    under_way = session.scalar(select(Run.id).where(Run.id == run_id, Run.state != "done"))
    if resumed and under_way is not None:
        waiting = (RunItem.run_id == run_id, RunItem.outcome == "waiting", RunItem.n.in_(among(session, numbers)))
        told.update(session.scalars(select(RunItem.n).where(*waiting)))
    return told
