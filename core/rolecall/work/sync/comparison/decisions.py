"""What a person decides about the lines of a comparison: adopt, ignore, separate; and of what was changed there: repair, accept (R64, R65).

Owns what each decision does to links, and that it is in the audit. Nothing here calls a provider: what is to be sent falls behind, and the
sync sends it. Decisions are remembered apart from the lines, so the next comparison keeps to them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.errors import Refused, Unknown
from rolecall.store import reach
from rolecall.store.bulk import among, chunks
from rolecall.store.tables import Account, Match
from rolecall.work.sync.comparison import acts
from rolecall.work.sync.comparison.reading import keyed_otherwise

if TYPE_CHECKING:
    from rolecall.work.application import Application

#: Lines decided in one transaction.
PART = 500
#: What changes links needs the right to sync accounts besides the one to edit integrations.
SYNC = "act:external.sync"

_CHANGED = "Something has changed since the comparison."
_AGAIN = "Compare again, then decide."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One kind of decision: about which verdicts, and what it does to lines; ``bulk`` decides all lines that it is about at once."""

    word: str
    label: str
    verdicts: tuple[str, ...]
    act: Callable[[Session, Actor, Sequence[Match], bool], list[int]]
    permissions: tuple[str, ...] = ()
    bulk: bool = False
    #: Only of lines on which something was changed at the provider.
    drifted: bool = False


def decide(
    app: "Application",
    actor: Actor,
    provider: str,
    match_id: int,
    word: str,
    *,
    overwrite: bool = False,
    account_id: int | None = None,
) -> None:
    """Decide about one line. ``overwrite`` of an adoption sends at once what differs; ``account_id`` adopts for another account.

    :raises Unknown: when there is no such line, or the actor's rights do not reach it.
    :raises Refused: when the decision does not apply to it, or things have changed since.
    :raises Forbidden: without the permissions.
    """
    decision = of(word)
    _require(actor, decision)

    def unit(session: Session) -> None:
        line = session.scalar(select(Match).where(Match.id == match_id, Match.provider == provider, *_reached(actor)).with_for_update())
        if line is None:
            raise Unknown("There is no such line.", hint="The comparison may have been repeated meanwhile.")
        applies = line.verdict in decision.verdicts and (not decision.drifted or line.drift is not None)
        if not applies:
            raise Refused(f"“{decision.label}” does not apply to this line.", hint="Look at it again: it may have been decided meanwhile.")
        if word == "adopt" and account_id is not None:
            reached = select(Account.id).where(Account.id == account_id, *reach.accounts(actor.types))
            if session.scalar(reached) is None:
                raise Unknown("There is no such account.")
            line.account_id = account_id
            session.flush()
        if word == "adopt" and keyed_otherwise(session, [line.id]):
            raise Refused("The account there carries the key of somebody else.", hint="Clear the key there, compare again, then decide.")
        if not decision.act(session, actor, [line], overwrite):
            raise Refused(_CHANGED, hint=_AGAIN)
        _record(session, actor, provider, decision, [line], overwrite)

    app.db.attempt(unit)
    app.nudge("drain", provider, 0)


def decide_all(app: "Application", actor: Actor, provider: str, word: str, *, overwrite: bool = False) -> int:
    """Decide about all undecided lines that a decision is about, as far as the actor's rights reach; returns how many that were.

    In parts, each a transaction with its audit entry; a line whose facts have changed since the comparison is passed over.

    :raises Refused: for a decision that is made about single lines only.
    :raises Forbidden: without the permissions.
    """
    decision = of(word)
    _require(actor, decision)
    if not decision.bulk:
        raise Refused(f"“{decision.label}” is decided about each line by itself.")
    wanted: list[ColumnElement[bool]] = [Match.provider == provider, Match.verdict.in_(decision.verdicts[:1]), *_reached(actor)]
    wanted.append(Match.drift.is_not(None) if decision.drifted else Match.decision.is_(None))
    with app.db.read() as session:
        ids = session.scalars(select(Match.id).where(*wanted).order_by(Match.id)).all()
    done = 0
    for part in chunks(ids, PART):

        def unit(session: Session, part: list[int] = part) -> int:
            again = select(Match).where(Match.id.in_(among(session, part)), *wanted).order_by(Match.id).with_for_update()
            lines = session.scalars(again).all()
            acted = set(decision.act(session, actor, lines, overwrite))
            lines = [line for line in lines if line.id in acted]
            if lines:
                _record(session, actor, provider, decision, lines, overwrite)
            return len(lines)

        done += app.db.attempt(unit)
    app.nudge("drain", provider, 0)
    return done


def of(word: str) -> Decision:
    """Return the decision of this name.

    :raises Refused: when there is none.
    """
    if word not in DECISIONS:
        raise Refused(f"{word!r} is no decision.", hint=f"There are: {', '.join(DECISIONS)}.")
    return DECISIONS[word]


def _require(actor: Actor, decision: Decision) -> None:
    for permission in ("integrations:edit", *decision.permissions):
        actor.require(permission)


def _reached(actor: Actor) -> list[ColumnElement[bool]]:
    """What exists at the provider alone may be anybody: whoever is limited decides about their own accounts only."""
    return [] if actor.types is None else [exists().where(Account.id == Match.account_id, *reach.accounts(actor.types))]


def _record(session: Session, actor: Actor, provider: str, decision: Decision, lines: Sequence[Match], overwrite: bool) -> None:
    told: list[dict[str, Any]] = [{"account": line.account_id, "external_id": line.external_id} for line in lines]
    if decision.drifted:
        told = [{**each, "attributes": sorted(line.drift or {})} for each, line in zip(told, lines, strict=True)]
    for line in lines:
        if decision.drifted:
            line.drift = None
        line.decision, line.decided_by = (None, None) if decision.word == "reopen" else (decision.word, actor.label[:200])
    payload = {"provider": provider, "accounts": told, **({"overwrite": True} if overwrite and decision.word == "adopt" else {})}
    account_id = lines[0].account_id if len(lines) == 1 else None
    audit.append(session, actor=actor, kind=f"match.{decision.word}", payload=payload, account_id=account_id)


_OPEN = ("adoptable", "conflict", "there", "here")
DECISIONS: Mapping[str, Decision] = {
    each.word: each
    for each in (
        Decision(
            word="adopt", label="Adopt", verdicts=("adoptable", "conflict", "there"), act=acts.adopt, permissions=(SYNC,), bulk=True,
        ),
        Decision(word="ignore", label="Ignore", verdicts=_OPEN, act=acts.ignore),
        Decision(word="separate", label="Not this person's", verdicts=("adoptable", "conflict"), act=acts.separate),
        Decision(word="reopen", label="Decide again", verdicts=_OPEN, act=acts.reopen),
        Decision(
            word="repair", label="Repair", verdicts=("matched",), act=acts.repair, permissions=(SYNC,), bulk=True, drifted=True,
        ),
        Decision(word="accept", label="Accept", verdicts=("matched",), act=acts.accept, bulk=True, drifted=True),
        Decision(word="create", label="Make it again", verdicts=("here",), act=acts.create_again, permissions=(SYNC,)),
    )
}  # fmt: skip
