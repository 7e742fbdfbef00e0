"""Our side of a comparison: the names that our accounts have or should have there, and what differs from what was sent.

Walks the accounts in parts, so that any number of them can be compared. Asks the plugin for nothing but its pure ``attributes``.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import structlog
from sqlalchemy import Select, Table, and_, bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from rolecall.sdk.provider import Attributes, Provider
from rolecall.sdk.snapshots import AccountSnapshot
from rolecall.store.bulk import insert_into
from rolecall.store.tables import Account, Link, OwnName, Person, RemoteAccount
from rolecall.work import links
from rolecall.work.links import Integration
from rolecall.work.snapshots import account_snapshots
from rolecall.work.sync import rules
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.comparison.drift import drift
from rolecall.work.sync.comparison.hold import Hold
from rolecall.work.sync.comparison.inventory import PART
from rolecall.work.sync.comparison.names import keys, keys_of

log = structlog.get_logger(__name__)

_REMOTE = cast(Table, RemoteAccount.__table__)
_DRIFT = (
    update(_REMOTE)
    .where(
        _REMOTE.c.provider == bindparam("b_provider"),
        _REMOTE.c.number == bindparam("b_number"),
        _REMOTE.c.external_id == bindparam("b_external_id"),
    )
    .values(drift=bindparam("b_drift", type_=_REMOTE.c.drift.type))
)


def ours(integration: Integration) -> Select[int]:
    """Return the ids of the accounts that a comparison is about: linked ones, and those that would get a link by themselves (R3)."""
    missing = and_(Link.id.is_(None), Account.active, Account.deleted_at.is_(None), links.in_scope(integration))
    return (
        select(Account.id)
        .join(Person, Person.id == Account.person_id)
        .outerjoin(Link, and_(Link.account_id == Account.id, Link.provider == integration.provider))
        .where(~Person.no_sync, or_(Link.goal != links.RELEASED, missing))
    )


def write(hold: Hold, provider: Provider, integration: Integration, number: int) -> None:
    """Write down the names of our accounts, and in the inventory what differs from what was sent."""
    hold.write(lambda session: session.execute(delete(OwnName).where(OwnName.provider == provider.id)))
    for rows, accounts in _parts(hold, integration, number):
        names, drifts = [], []
        for row in rows:
            wanted = _wanted(provider, accounts[row.id])
            found = {*keys([accounts[row.id].username, accounts[row.id].email]), *keys_of(wanted, provider.matched_by)}
            names += [{"provider": provider.id, "name": name, "account_id": row.id} for name in sorted(found)]
            if (changed := _drift(provider, row, number, wanted)) is not None:
                drifts.append(changed)

        def part(session: Session, names: list[dict[str, Any]] = names, drifts: list[dict[str, Any]] = drifts) -> None:
            if names:
                session.execute(insert_into(session, OwnName).on_conflict_do_nothing(), names)
            if drifts:
                session.connection().execute(_DRIFT, drifts)

        hold.write(part)
        hold.ensure(0)


def _parts(hold: Hold, integration: Integration, number: int) -> Iterator[tuple[Sequence[Any], dict[int, AccountSnapshot]]]:
    there = and_(
        RemoteAccount.provider == integration.provider, RemoteAccount.number == number, RemoteAccount.external_id == Link.external_id
    )
    columns = (Link.goal, Link.sent, RemoteAccount.external_id, RemoteAccount.attributes, RemoteAccount.suspended, RemoteAccount.drift)
    statement = ours(integration).outerjoin(RemoteAccount, there).add_columns(*columns).order_by(Account.id).limit(PART)
    after = 0
    while True:
        with hold.db.read() as session:
            rows = session.execute(statement.where(Account.id > after)).all()
            accounts = account_snapshots(session, [row.id for row in rows])
        # An account that was purged a moment ago has nothing to compare.
        yield [row for row in rows if row.id in accounts], accounts
        if len(rows) < PART:
            return
        after = rows[-1].id


def _wanted(provider: Provider, account: AccountSnapshot) -> Attributes:
    try:
        return rules.wanted(provider, account)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; the account's own names still count
        log.error("attributes not made", provider=provider.id, account=account.id, error=type(error).__name__)
        return {}


def _drift(provider: Provider, row: Any, number: int, wanted: Attributes) -> dict[str, Any] | None:
    """What differs, as it is to be written; none where that is written already."""
    if row.external_id is None or row.sent is None:
        return None
    sent = sent_state.load(row.sent)
    managed = wanted.keys() - rules.held(provider, wanted, sent)
    found = drift(sent, sent_state.load_attributes(row.attributes), managed, suspended=row.suspended, goal=row.goal)
    if found == row.drift:
        return None
    return {"b_provider": provider.id, "b_number": number, "b_external_id": row.external_id, "b_drift": found}
