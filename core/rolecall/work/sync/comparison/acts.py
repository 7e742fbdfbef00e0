"""What each decision about lines of a comparison does: to links, by `work.adoption` alone, and to what is remembered (R64, R65).

Each takes lines that were locked, and returns the ids of those whose facts are still as they were compared; the others are left alone.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.errors import Refused
from rolecall.store import listing
from rolecall.store.bulk import among
from rolecall.store.engine import now
from rolecall.store.tables import Comparison, Link, Match, MatchDecision
from rolecall.work import adoption, class_links, links
from rolecall.work.sync.comparison.drift import as_there
from rolecall.work.sync.comparison.reading import keyed_otherwise


def adopt(session: Session, actor: Actor, lines: Sequence[Match], overwrite: bool) -> list[int]:
    provider = lines[0].provider if lines else ""
    links.lock_accounts(session, [line.account_id for line in lines if line.account_id is not None])
    mine = {
        row.account_id: row
        for row in session.execute(
            select(Link.account_id, Link.external_id).where(
                Link.provider == provider, Link.goal != links.RELEASED,
                Link.account_id.in_(among(session, [line.account_id for line in lines if line.account_id is not None])),
            )
        )
    }  # fmt: skip
    held = set(
        session.scalars(
            select(Link.external_id).where(
                Link.provider == provider, Link.goal != links.RELEASED, Link.external_id.in_([line.external_id for line in lines])
            )
        )
    )
    gone = _gone(session, provider, [row.external_id for row in mine.values() if row.external_id is not None])
    foreign = keyed_otherwise(session, [line.id for line in lines])
    found: dict[int, tuple[str, Mapping[str, object]]] = {}
    for line in lines:
        if line.account_id is None or line.external_id is None or line.account_id in found:
            continue
        known = mine.get(line.account_id)
        elsewhere = known is not None and known.external_id is not None and known.external_id not in gone
        if line.external_id not in held and line.id not in foreign and not elsewhere:
            found[line.account_id] = (line.external_id, {"attributes": line.remote, "suspended": line.suspended})
    linked = set(adoption.adopt(session, found, provider, behind=overwrite))
    taken = [line for line in lines if line.account_id in linked and found[line.account_id][0] == line.external_id]
    for line in taken:
        line.verdict, line.reason, line.drift = "matched", "", None
    listing.refresh(session, sorted(linked))
    class_links.behind_of_accounts(session, sorted(linked), providers=[provider])
    session.execute(
        delete(Match).where(Match.provider == provider, Match.external_id.is_(None), Match.account_id.in_(among(session, linked)))
    )
    return [line.id for line in taken]


def _gone(session: Session, provider: str, external_ids: Sequence[str]) -> set[str]:
    """Of these remote accounts, those that the comparison did not find."""
    found = session.scalars(select(Match.external_id).where(Match.provider == provider, Match.external_id.in_(external_ids)))
    return set(external_ids) - set(found)


def ignore(session: Session, actor: Actor, lines: Sequence[Match], _overwrite: bool) -> list[int]:
    _remember(session, actor, lines, "ignore")
    return [line.id for line in lines]


def separate(session: Session, actor: Actor, lines: Sequence[Match], _overwrite: bool) -> list[int]:
    separated = [line for line in lines if line.account_id is not None and line.external_id is not None]
    _remember(session, actor, separated, "separate")
    return [line.id for line in separated]


def reopen(session: Session, _actor: Actor, lines: Sequence[Match], _overwrite: bool) -> list[int]:
    for line in lines:
        same = MatchDecision.external_id == line.external_id
        if line.external_id is None:
            same = MatchDecision.external_id.is_(None) & (MatchDecision.account_id == line.account_id)
        session.execute(delete(MatchDecision).where(MatchDecision.provider == line.provider, same))
    return [line.id for line in lines]


def _remember(session: Session, actor: Actor, lines: Sequence[Match], word: str) -> None:
    moment = now(session)
    session.add_all(
        MatchDecision(
            provider=line.provider, external_id=line.external_id, account_id=line.account_id, decision=word,
            decided_by=actor.label[:200], decided_at=moment,
        )
        for line in lines
    )  # fmt: skip
    session.flush()


def repair(session: Session, _actor: Actor, lines: Sequence[Match], _overwrite: bool) -> list[int]:
    return _amend(session, lines, behind=True)


def accept(session: Session, _actor: Actor, lines: Sequence[Match], _overwrite: bool) -> list[int]:
    return _amend(session, lines, behind=False)


def _amend(session: Session, lines: Sequence[Match], *, behind: bool) -> list[int]:
    if not lines:
        return []
    provider, found_at = lines[0].provider, {line.account_id: line.found_at for line in lines}
    links.lock_accounts(session, [each for each in found_at if each is not None])
    rows = session.execute(
        select(Link.account_id, Link.external_id, Link.sent, Link.settled_at).where(
            Link.provider == provider, Link.goal != links.RELEASED, Link.account_id.in_(among(session, [*filter(None, found_at)]))
        )
    )
    # What was sent since the comparison is newer than what it saw.
    known = {row.account_id: row for row in rows if row.settled_at is None or row.settled_at < found_at[row.account_id]}
    sent: dict[int, Mapping[str, object]] = {}
    for line in lines:
        row = known.get(line.account_id) if line.account_id is not None else None
        if row is not None and row.external_id == line.external_id and row.sent is not None:
            sent[row.account_id] = as_there(row.sent, line.drift or {})
    adoption.correct(session, sent, provider, behind=behind)
    return [line.id for line in lines if line.account_id in sent]


def create_again(session: Session, _actor: Actor, lines: Sequence[Match], _overwrite: bool) -> list[int]:
    provider = lines[0].provider if lines else ""
    if session.scalar(select(Comparison.warning).where(Comparison.provider == provider)) is not None:
        raise Refused("The list of the provider cannot be believed, so no account counts as gone.", hint="Compare again, then decide.")
    ids = [line.account_id for line in lines if line.account_id is not None]
    rows = session.execute(
        select(Link.account_id, Link.settled_at).where(Link.provider == provider, Link.account_id.in_(ids), Link.external_id.is_not(None))
    )
    found_at = {line.account_id: line.found_at for line in lines}
    lost = [row.account_id for row in rows if row.settled_at is None or row.settled_at < found_at[row.account_id]]
    adoption.forget(session, lost, provider)
    listing.refresh(session, lost)
    return [line.id for line in lines if line.account_id in lost]
