"""What is shown of a comparison: how far it is, the figures, the lines page by page. Reads only.

Sessions that are limited see no lines but of whom they reach: the tables themselves are narrowed.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from rolecall.store.bulk import among
from rolecall.store.folding import fold
from rolecall.store.tables import Account, Comparison, Link, Listing, Match, MatchDecision, OwnName, RemoteAccount, RemoteName

#: What a line may say, in the order in which people look at them.
VERDICTS = {
    "conflict": "Doubtful",
    "adoptable": "To be adopted",
    "matched": "Linked",
    "here": "Only here",
    "there": "Only there",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many lines there are by verdict; ``undecided`` of those, and ``drifted``: linked accounts that were changed there."""

    by_verdict: dict[str, int]
    undecided: dict[str, int]
    drifted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line with our side of it, where there is one."""

    match: Match
    username: str | None
    name: str | None
    email: str | None
    type: str | None
    #: Whether the remote account carries the key of somebody else: then no decision makes it this one's.
    is_foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines are wanted; what is none or empty does not filter. ``text`` is in a name, user name or e-mail of either side."""

    verdict: str | None = None
    drifted: bool = False
    decided: bool | None = None
    text: str = ""


def comparison(session: Session, provider: str) -> Comparison | None:
    """Return how the comparison with a provider is; none when there never was one."""
    return session.get(Comparison, provider, populate_existing=True)


def figures(session: Session, provider: str) -> Figures:
    """Count the lines."""
    decided = Match.decision.is_not(None)
    drifted = Match.drift.is_not(None)
    number = func.count()
    rows = session.execute(
        select(Match.verdict, decided.label("decided"), drifted.label("drifted"), number.label("number"))
        .where(Match.provider == provider)
        .group_by(Match.verdict, decided, drifted)
    ).all()
    return Figures(
        by_verdict={word: sum(row.number for row in rows if row.verdict == word) for word in VERDICTS},
        undecided={word: sum(row.number for row in rows if row.verdict == word and not row.decided) for word in VERDICTS},
        drifted=sum(row.number for row in rows if row.drifted),
    )


def lines(session: Session, provider: str, wanted: Wanted, *, after: int = 0, offset: int = 0, limit: int = 50) -> tuple[list[Line], int]:
    """Return lines in the order of their ids, and the number of all that are wanted."""
    conditions = _conditions(provider, wanted)
    joined = select(func.count()).select_from(Match).outerjoin(Account, Account.id == Match.account_id)
    total = session.scalar(joined.where(*conditions)) or 0
    statement = select(Match, Account).outerjoin(Account, Account.id == Match.account_id).where(*conditions, Match.id > after)
    rows = session.execute(statement.order_by(Match.id).offset(offset).limit(limit))
    return [_line(match, account) for match, account in rows], total


def find(session: Session, provider: str, match_id: int) -> Line | None:
    """Return one line."""
    statement = select(Match, Account).outerjoin(Account, Account.id == Match.account_id)
    row = session.execute(statement.where(Match.id == match_id, Match.provider == provider)).one_or_none()
    if row is None:
        return None
    return replace(_line(row[0], row[1]), is_foreign=bool(keyed_otherwise(session, [match_id])))


def keyed_otherwise(session: Session, match_ids: Sequence[int]) -> set[int]:
    """Return the lines whose remote account carries another key than that of the account: no decision makes it this one's."""
    there = and_(
        RemoteAccount.provider == Match.provider,
        RemoteAccount.number == Comparison.number,
        RemoteAccount.external_id == Match.external_id,
    )
    rows = session.scalars(
        select(Match.id)
        .join(Comparison, Comparison.provider == Match.provider)
        .join(RemoteAccount, there)
        .join(Account, Account.id == Match.account_id)
        .where(Match.id.in_(among(session, match_ids)), RemoteAccount.key.is_not(None), RemoteAccount.key != Account.key)
    )
    return set(rows)


def gone(session: Session, provider: str, account_ids: Sequence[int]) -> set[int]:
    """Of accounts that are only here, those that are linked to something that is not there any more."""
    linked = (Link.provider == provider, Link.goal != "released", Link.external_id.is_not(None))
    return set(session.scalars(select(Link.account_id).where(*linked, Link.account_id.in_(among(session, account_ids)))))


def told_apart(session: Session, provider: str, account_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Return the remote accounts that somebody decided are not these accounts' (R64)."""
    if not account_ids:
        return {}
    rows = session.execute(
        select(MatchDecision.account_id, MatchDecision.external_id).where(
            MatchDecision.provider == provider,
            MatchDecision.decision == "separate",
            MatchDecision.account_id.in_(among(session, account_ids)),
        )
    )
    found: dict[int, set[str]] = defaultdict(set)
    for account_id, external_id in rows:
        if account_id is not None and external_id is not None:
            found[account_id].add(external_id)
    return {account_id: frozenset(ids) for account_id, ids in found.items()}


def _conditions(provider: str, wanted: Wanted) -> list[ColumnElement[bool] | Any]:
    conditions: list[Any] = [Match.provider == provider]
    if wanted.verdict:
        conditions.append(Match.verdict == wanted.verdict)
    if wanted.drifted:
        conditions.append(Match.drift.is_not(None))
    if wanted.decided is not None:
        conditions.append(Match.decision.is_not(None) if wanted.decided else Match.decision.is_(None))
    if text := fold(wanted.text):
        part = f"%{text.replace('~', '~~').replace('%', '~%').replace('_', '~_')}%"
        # Each is asked once and for itself: a subquery per line would take minutes.
        theirs = select(RemoteName.external_id).where(RemoteName.provider == provider, RemoteName.name.like(part, escape="~"))
        names = select(OwnName.account_id).where(OwnName.provider == provider, OwnName.name.like(part, escape="~"))
        listed = select(Listing.account_id).where(Listing.search.like(part, escape="~"))
        conditions.append(or_(Match.external_id.in_(theirs), Match.account_id.in_(names), Match.account_id.in_(listed)))
    return conditions


def _line(match: Match, account: Account | None) -> Line:
    if account is None:
        return Line(match=match, username=None, name=None, email=None, type=None)
    name = f"{account.first_name} {account.last_name}".strip()
    return Line(match=match, username=account.username, name=name, email=account.email, type=account.type)
