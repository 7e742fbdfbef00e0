"""Writes into links what is at a provider without our having sent it: accounts that were there before us, and what was changed (R64, R65).

Owns ``external_id`` and ``sent`` where no call was made. That accounts fall behind is `links`' to say. What a worker still brings back for
such a link is dropped: its fence moves.
"""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Table, bindparam, null, select, update
from sqlalchemy.orm import Session

from rolecall.store.bulk import among
from rolecall.store.engine import now
from rolecall.store.tables import Account, Link, Person
from rolecall.work import links

_TABLE = cast(Table, Link.__table__)
_MINE = (_TABLE.c.provider == bindparam("b_provider"), _TABLE.c.account_id == bindparam("b_account"), _TABLE.c.goal != links.RELEASED)
_LET_GO: Mapping[str, Any] = {"leased_until": null(), "fence": _TABLE.c.fence + 1}


def adopt(session: Session, found: Mapping[int, tuple[str, Mapping[str, Any]]], provider: str, *, behind: bool) -> list[int]:
    """Link accounts to remote accounts that were there before us: ``{account: (external id, sent)}`` (R64).

    ``sent`` is what the remote account holds, so that the next plan of it shows exactly what differs. With ``behind`` that is sent now;
    else nothing is, until the account changes here. People who are kept out of sync and deleted accounts are left alone; the accounts
    that were linked are returned.
    """
    links.link(session, list(found), provider)
    which = (Account.id.in_(among(session, found)), Account.deleted_at.is_(None), ~Person.no_sync)
    linked = list(session.scalars(select(Account.id).join(Person, Person.id == Account.person_id).where(*which).order_by(Account.id)))
    values = {
        "external_id": bindparam("b_external_id"),
        "sent": bindparam("b_sent", type_=_TABLE.c.sent.type),
        "sealed_password": null(),
        "settled_at": now(session),
        **links.UNFAILED,
        **_LET_GO,
        **({} if behind else {"synced": _TABLE.c.wanted}),
    }
    rows = [{"b_provider": provider, "b_account": each, "b_external_id": found[each][0], "b_sent": dict(found[each][1])} for each in linked]
    if rows:
        session.connection().execute(update(_TABLE).where(*_MINE).values(values), rows)
    return linked


def correct(session: Session, sent: Mapping[int, Mapping[str, Any]], provider: str, *, behind: bool) -> None:
    """Correct what is remembered as sent to accounts, to what is there (R65); with ``behind`` the sync sends what differs."""
    links.lock_accounts(session, list(sent))
    rows = [{"b_provider": provider, "b_account": each, "b_sent": dict(known)} for each, known in sent.items()]
    if rows:
        values = {"sent": bindparam("b_sent", type_=_TABLE.c.sent.type), **_LET_GO}
        session.connection().execute(update(_TABLE).where(*_MINE).values(values), rows)
    if behind:
        links.behind(session, list(sent), providers=[provider])


def forget(session: Session, account_ids: list[int], provider: str) -> None:
    """Forget remote accounts that are gone, and put these accounts behind: the sync makes them again."""
    links.lock_accounts(session, account_ids)
    mine = (Link.provider == provider, Link.account_id.in_(among(session, account_ids)), Link.goal != links.RELEASED)
    gone = {"sent": None, "external_id": None, "sealed_password": None, "leased_until": None, "fence": Link.fence + 1}
    session.execute(update(Link).where(*mine).values(**gone), execution_options={"synchronize_session": False})
    links.behind(session, account_ids, providers=[provider])
