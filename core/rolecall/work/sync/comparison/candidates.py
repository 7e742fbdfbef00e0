"""Recognises accounts at a provider by user name and e-mail, where no key tells whose they are (R64).

Owns when a name is enough: exactly one account there and one here that nothing else claims. Everything else is a conflict for a person.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Exists, Select, and_, case, exists, func, literal, or_, select

from rolecall.store.tables import Account, Match, OwnName, RemoteAccount, RemoteName
from rolecall.work.sync.comparison.lines import apart, left, line, of


def named(provider: str, number: int, account_id: Any) -> Exists:
    """Whether some remote account has one of an account's names."""
    return exists().where(
        OwnName.provider == provider,
        OwnName.account_id == account_id,
        RemoteName.provider == provider,
        RemoteName.number == number,
        RemoteName.name == OwnName.name,
    )


def by_name(provider: str, number: int, moment: datetime) -> Select[Any]:
    """Return the lines of remote accounts that have a name of ours and were taken by no rule before."""
    pairs = _pairs(provider, number)
    # Whoever has an account there already is a candidate only where nobody else is.
    free = case((pairs.c.taken == 0, pairs.c.account_id))
    of_remote = (
        select(
            pairs.c.external_id,
            func.count(free).label("free"),
            func.coalesce(func.min(free), func.min(pairs.c.account_id)).label("account_id"),
        )
        .group_by(pairs.c.external_id)
        .cte("of_remote")
    )
    rivals = (
        select(pairs.c.account_id, func.count().label("number"))
        .where(pairs.c.taken == 0, pairs.c.foreign_key == 0)
        .group_by(pairs.c.account_id)
        .cte("rivals")
    )
    who = literal("It has the user name or e-mail of ").concat(Account.username)
    foreign, taken = RemoteAccount.key.is_not(None), of_remote.c.free == 0
    several, rival = of_remote.c.free > 1, func.coalesce(rivals.c.number, 0) > 1
    reason = case(
        (foreign, who.concat(literal(", but carries the key of somebody else (")).concat(RemoteAccount.key).concat(literal(")."))),
        (taken, who.concat(literal(", who has another account there."))),
        (several, who.concat(literal(", and of somebody else here."))),
        (rival, who.concat(literal(", and so has another account there."))),
        else_=who.concat(literal(".")),
    )
    verdict = case((or_(foreign, taken, several, rival), "conflict"), else_="adoptable")
    return (
        select(*line(moment, Account.id, verdict, reason))
        .select_from(RemoteAccount)
        .join(of_remote, of_remote.c.external_id == RemoteAccount.external_id)
        .join(Account, Account.id == of_remote.c.account_id)
        .outerjoin(rivals, rivals.c.account_id == of_remote.c.account_id)
        .where(*of(provider, number))
    )


def _pairs(provider: str, number: int) -> CTE:
    """Remote accounts that are left, with each account of ours that has one of their names and was not told apart from them."""
    taken = exists().where(Match.provider == provider, Match.account_id == OwnName.account_id, Match.external_id.is_not(None))
    same = and_(RemoteAccount.external_id == RemoteName.external_id, *of(provider, number))
    return (
        select(
            RemoteName.external_id,
            OwnName.account_id,
            case((taken, 1), else_=0).label("taken"),
            case((RemoteAccount.key.is_not(None), 1), else_=0).label("foreign_key"),
        )
        .distinct()
        .join(OwnName, and_(OwnName.provider == provider, OwnName.name == RemoteName.name))
        .join(RemoteAccount, same)
        .where(
            RemoteName.provider == provider,
            RemoteName.number == number,
            left(provider, RemoteName.external_id),
            ~apart(provider, RemoteName.external_id, OwnName.account_id),
        )
        .cte("pairs")
    )
