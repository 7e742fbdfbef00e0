"""Removes deleted accounts for good once their retention has passed (R31).

Owns what leaves with an account. Its user names stay taken, its person stays in the roster, and of its lines in runs and the audit only
digests stay, so the chain still verifies. An account whose provider has not been told yet waits.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.accounts.core_settings import core_settings
from rolecall.store.engine import now
from rolecall.store.tables import (
    Account,
    ApiToken,
    AuditEntry,
    Delivery,
    LetGo,
    Link,
    LinkedIdentity,
    Listing,
    LoginAttempt,
    Match,
    MatchDecision,
    MessagePart,
    OneTimeToken,
    OwnName,
    PluginData,
    RecoveryCode,
    RolePeriod,
    Run,
    RunItem,
    SavedView,
    SecondFactor,
    SignIn,
    UsernameClaim,
    WebSession,
)  # fmt: skip
from rolecall.work import links
from rolecall.work.application import Application

#: Accounts per transaction.
BATCH = 500
#: What belongs to one account alone.
_OWN = (
    # Parts before the messages that they are parts of.
    ApiToken, MessagePart, Delivery, LetGo, Link, LinkedIdentity, Listing, LoginAttempt, Match, MatchDecision, OneTimeToken, OwnName,
    PluginData, RecoveryCode, RolePeriod, SavedView, SecondFactor, SignIn, WebSession,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What a purge would do: accounts deleted before ``before`` that would go, and those that wait for their provider."""

    before: datetime
    due: int
    waiting: int


def foresee(session: Session, older_than: timedelta | None = None) -> Foreseen:
    """Count what :func:`purge` would remove now. Changes nothing."""
    before = now(session) - (older_than if older_than is not None else retention(session))
    old = Account.deleted_at <= before
    every = session.scalar(select(func.count()).select_from(Account).where(old)) or 0
    due = session.scalar(select(func.count()).select_from(Account).where(_due(before))) or 0
    return Foreseen(before=before, due=due, waiting=every - due)


def retention(session: Session) -> timedelta:
    """How long a deleted account is kept."""
    return timedelta(days=core_settings(session)["retention_days_deleted"])


def purge(app: Application, actor: Actor, before: datetime) -> int:
    """Remove every account that was deleted before this moment, and return how many; each batch is one transaction and one audit entry.

    :raises Forbidden: without the permission to delete accounts.
    """
    actor.require("accounts:delete")
    removed = 0
    while count := app.db.attempt(lambda session: _batch(session, actor, before)):
        removed += count
    return removed


def _due(before: datetime) -> ColumnElement[bool]:
    return and_(Account.deleted_at <= before, ~Account.is_owner, ~links.pending(Account.id))


def _batch(session: Session, actor: Actor, before: datetime) -> int:
    ids = list(session.scalars(select(Account.id).where(_due(before)).order_by(Account.id).limit(BATCH).with_for_update()))
    if not ids:
        return 0
    _erase_history(session, ids)
    for table in _OWN:
        session.execute(delete(table).where(table.account_id.in_(ids)))
    session.execute(update(UsernameClaim).where(UsernameClaim.account_id.in_(ids)).values(account_id=None))
    session.execute(delete(Account).where(Account.id.in_(ids)))
    audit.append(session, actor=actor, kind="account.purge", payload={"accounts": ids})
    return len(ids)


def _erase_history(session: Session, ids: list[int]) -> None:
    theirs = RunItem.account_id.in_(ids)
    # The parameters of a run over one account are about that account: a name, for instance.
    others = exists().where(RunItem.run_id == Run.id, RunItem.account_id.is_distinct_from(None), RunItem.account_id.not_in(ids))
    alone = and_(Run.id.in_(select(RunItem.run_id).where(theirs)), ~others.correlate(Run))
    session.execute(update(Run).where(alone).values(params={}, sealed_params=None), execution_options={"synchronize_session": False})
    session.execute(update(Run).where(Run.actor_account_id.in_(ids)).values(actor_account_id=None))
    erased = {"before": None, "after": None, "message": None, "salt": None, "sealed_secret": None, "account_id": None, "person_id": None}
    session.execute(update(RunItem).where(theirs).values(erased), execution_options={"synchronize_session": False})
    entries = and_(AuditEntry.account_id.in_(ids), AuditEntry.payload.is_not(None))
    session.execute(update(AuditEntry).where(entries).values(payload=None, salt=None), execution_options={"synchronize_session": False})
