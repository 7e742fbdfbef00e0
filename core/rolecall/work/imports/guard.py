"""An import has the rights of whoever imports: rows that they may not bring are rejected, with the reason (R58, X-07).

Asked for the preview and again when a batch is applied, because rights may have changed in between.
"""

from collections.abc import Sequence, Set

from sqlalchemy.orm import Session

from rolecall.accounts import escalation
from rolecall.accounts.actors import Actor
from rolecall.store import reach
from rolecall.work.imports.compare import Verdict
from rolecall.work.imports.records import Staged

_HIGHER = "This person's account may do more than you may, so the record is left as it is."
_PERIODS = "Bringing periods needs the permissions “periods:create” and “periods:edit”."
_HIDDEN = "Your role does not reach the account of this person."


def guarded(session: Session, actor: Actor, pairs: Sequence[tuple[Staged, Verdict]]) -> list[Verdict]:
    """Return the verdicts, those that the actor may not carry out turned into rejections."""
    if actor.permissions is None:
        return [verdict for _, verdict in pairs]
    known = [verdict.person_id for _, verdict in pairs if verdict.person_id is not None]
    hidden = escalation.people_out_of_reach(session, actor, known)
    changed = [verdict.person_id for _, verdict in pairs if verdict.verdict == "changed" and verdict.person_id is not None]
    higher = escalation.people_beyond(session, actor, changed)
    return [_rejection(actor, staged, verdict, hidden, higher) or verdict for staged, verdict in pairs]


def barred(actor: Actor, staged: Staged) -> str | None:
    """Say why the actor may not bring such a row, whatever it says; none where they may."""
    if staged.kind == "period":
        return None if actor.may("periods:create") and actor.may("periods:edit") else _PERIODS
    named = [staged.list] if staged.kind != "relation" else [staged.data[name][0] for name in ("person", "child") if name in staged.data]
    outside = next((each for each in named if each and each not in reach.lists(actor.types)), None)
    return None if outside is None else f"Your role does not reach the {outside}."


def _rejection(actor: Actor, staged: Staged, verdict: Verdict, hidden: Set[int], higher: Set[int]) -> Verdict | None:
    why = barred(actor, staged)
    if why is not None:
        # Whether there is such a person is not told; a period that is there already may be in the file.
        return None if staged.kind == "period" and verdict.verdict == "unchanged" else Verdict(verdict="rejected", message=why)
    if verdict.person_id in hidden:
        return Verdict(verdict="rejected", message=_HIDDEN)
    # Who is in a class is no part of the record.
    if staged.kind == "person" and verdict.verdict == "changed" and verdict.person_id in higher:
        return Verdict(verdict="rejected", person_id=verdict.person_id, message=_HIGHER)
    return None
