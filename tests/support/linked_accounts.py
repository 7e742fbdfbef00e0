"""Accounts and their links at one provider, in tests of what puts them behind."""

from typing import Any

from sqlalchemy import select, update

from rolecall.store.engine import Database
from rolecall.store.tables import Account, Link
from rolecall.testing.factories import make_account
from rolecall.work import links

PROVIDER = "moodle"


def account_of(db: Database, **values: Any) -> int:
    with db.write() as session:
        return make_account(session, **values).id


def fall_behind(db: Database, *ids: int, run_id: int | None = None) -> int:
    with db.write() as session:
        return links.behind(session, ids, run_id=run_id)


def link_of(db: Database, account_id: int, provider: str = PROVIDER) -> Link | None:
    with db.read() as session:
        return session.scalar(select(Link).where(Link.account_id == account_id, Link.provider == provider))


def the_link(db: Database, account_id: int) -> Link:
    link = link_of(db, account_id)
    assert link is not None
    return link


def change(db: Database, account_id: int, **values: Any) -> None:
    with db.write() as session:
        session.execute(update(Account).where(Account.id == account_id).values(**values))
        links.behind(session, [account_id])


def set_link(db: Database, account_id: int, **values: Any) -> None:
    with db.write() as session:
        session.execute(update(Link).where(Link.account_id == account_id).values(**values))
