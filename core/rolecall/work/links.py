"""Says that accounts are behind at their providers, in the transaction of the change itself (R61).

Owns ``goal`` and ``wanted`` of a link: nobody else writes them. A change is never an instruction to a provider, only "this account is
behind"; the sync compares and decides. Knows nothing of workers, except that what they hold is left to them.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, and_, case, exists, false, func, literal, or_, select, true, update
from sqlalchemy.orm import Session

from rolecall.sdk.integration import IntegrationSettings
from rolecall.store.bulk import among, chunks, insert_into
from rolecall.store.engine import is_sqlite, now
from rolecall.store.tables import Account, Link, Person, PluginState, Setting, StudentStatus

Ids = Sequence[int] | Select[Any]

PRESENT, SUSPENDED, DELETED, RELEASED = "present", "suspended", "deleted", "released"

_SETTINGS = ("user_types", "on_deactivation", "on_deletion")
_OPTIONS = {"synchronize_session": False, "preserve_rowcount": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """An enabled provider with what its settings say about scope and closing (R54)."""

    provider: str
    user_types: tuple[str, ...]
    on_deactivation: str
    on_deletion: str


def integrations(session: Session, providers: Collection[str] | None = None) -> list[Integration]:
    """Return the enabled providers, all or those named. One whose plugin cannot be loaded now counts: nothing may be missed."""
    enabled = select(PluginState.plugin).where(PluginState.enabled, PluginState.is_provider).order_by(PluginState.plugin)
    if providers is not None:
        enabled = enabled.where(PluginState.plugin.in_(providers))
    names = list(session.scalars(enabled))
    if not names:
        return []
    rows = session.execute(select(Setting.plugin, Setting.key, Setting.value).where(Setting.plugin.in_(names), Setting.key.in_(_SETTINGS)))
    stored = {(row.plugin, row.key): row.value["value"] for row in rows if row.value is not None}
    defaults = IntegrationSettings().load({})
    return [
        Integration(
            provider=name,
            user_types=tuple(stored.get((name, "user_types"), defaults["user_types"])),
            on_deactivation=stored.get((name, "on_deactivation"), defaults["on_deactivation"]),
            on_deletion=stored.get((name, "on_deletion"), defaults["on_deletion"]),
        )
        for name in names
    ]


def behind(session: Session, ids: Ids, *, run_id: int | None = None, providers: Collection[str] | None = None) -> int:
    """Put the accounts behind at every enabled provider (or those named) and return how many links that were.

    Links that are missing are made for active accounts in the integration's scope. Released links and people who are kept out of sync
    are left alone, and so is what a closed account has at a provider that is to leave it as it is.
    """
    count = 0
    concerned = integrations(session, providers)
    if not concerned:
        return 0
    for part in _parts(session, ids):
        lock_accounts(session, part)
        moment = now(session)
        for integration in concerned:
            count += _put_behind(session, part, integration, moment, run_id)
            count += _insert_missing(session, part, integration, moment, run_id)
    return count


def recheck(session: Session, provider: str) -> int:
    """Put every account that is linked to a provider behind there: its settings changed, or it was disabled while accounts changed."""
    linked = select(Link.account_id).where(Link.provider == provider, Link.goal != RELEASED)
    return behind(session, linked, providers=[provider])


def link(session: Session, ids: Ids, provider: str, *, run_id: int | None = None) -> int:
    """Link the accounts to a provider whatever its scope says, released ones too, and put them behind (R23, R39).

    People who are kept out of sync and deleted accounts are left alone; an inactive one is made when it is activated. Returns how many
    links that were.
    """
    count = 0
    for part in _parts(session, ids):
        lock_accounts(session, part)
        moment = now(session)
        closed = Integration(provider=provider, user_types=(), on_deactivation="suspend", on_deletion="suspend")
        for integration in integrations(session, [provider]) or [closed]:
            count += _upsert(session, _linkable(part), integration, moment, run_id, relink=True)
    return count


def release(session: Session, ids: Ids, providers: Collection[str] | None = None, *, now: datetime | None = None) -> int:
    """Let accounts go at these providers, or at all: the link is ours no longer and nobody is called (R39).

    What a worker still brings back for them is dropped. Returns how many links were released.
    """
    count = 0
    for part in _parts(session, ids):
        statement = update(Link).where(Link.account_id.in_(part), Link.goal != RELEASED)
        if providers is not None:
            statement = statement.where(Link.provider.in_(providers))
        values = {
            "goal": RELEASED,
            "synced": Link.wanted,
            "external_id": None,
            "sent": None,
            "sealed_password": None,
            "leased_until": None,
            "fence": Link.fence + 1,
            **_unfailed(),
        }
        count += _run(session, statement.values(**values, **({"changed_at": now} if now else {})))
    return count


def retry(session: Session, ids: Ids | None = None, providers: Collection[str] | None = None) -> int:
    """Try again now what is blocked or waits for its next attempt; returns how many links that were."""
    moment = now(session)
    count = 0
    for part in [None] if ids is None else _parts(session, ids):
        statement = update(Link).where(Link.synced < Link.wanted, or_(Link.blocked, Link.attempts > 0))
        if part is not None:
            statement = statement.where(Link.account_id.in_(part))
        if providers is not None:
            statement = statement.where(Link.provider.in_(providers))
        count += _run(session, statement.values(blocked=False, attempts=0, not_before=moment, changed_at=moment))
    return count


def state(moment: datetime) -> ColumnElement[str]:
    """The sync state of a link as SQL: queued, running, retrying, blocked or done."""
    return case(
        (Link.synced >= Link.wanted, "done"),
        (Link.blocked, "blocked"),
        (Link.leased_until > moment, "running"),
        (Link.attempts > 0, "retrying"),
        else_="queued",
    )


def pending(account_id: ColumnElement[int] | Any) -> ColumnElement[bool]:
    """Whether an account is pending: some link of it is not done, blocked ones included (R13)."""
    return exists(select(Link.id).where(Link.account_id == account_id, Link.synced < Link.wanted))


def goal(integration: Integration) -> ColumnElement[str]:
    """What an account should be at a provider now, as SQL over account and person."""
    on_deletion = DELETED if integration.on_deletion == "delete" else SUSPENDED
    return case(
        (Account.deleted_at.is_not(None), on_deletion),
        (~Account.active, SUSPENDED),
        (Person.status_id.in_(_statuses("suspend")), SUSPENDED),
        else_=PRESENT,
    )


def in_scope(integration: Integration) -> ColumnElement[bool]:
    """Whether an account without a link gets one by itself, as SQL over account and person (R3, R54)."""
    return and_(
        Account.type.in_(integration.user_types),
        or_(Person.status_id.is_(None), Person.status_id.in_(_statuses("create"))),
    )


def _statuses(action: str) -> Select[Any]:
    return select(StudentStatus.id).where(StudentStatus.provider_action == action)


def _parts(session: Session, ids: Ids) -> Iterator[Select[Any]]:
    if isinstance(ids, Select):
        yield ids
    else:
        yield from (among(session, part) for part in chunks(ids))


def lock_accounts(session: Session, ids: Ids) -> None:
    """Wait for whoever else is changing these accounts: what is decided by what they are about to change would be wrong.

    Whoever writes links or list rows of several accounts does this before, so that no two of them wait for each other.
    """
    if not is_sqlite(session):
        rows = select(Account.id).where(Account.id.in_(ids)).order_by(Account.id).with_for_update(key_share=True)
        session.execute(select(func.count()).select_from(rows.subquery()))


def left_alone(integration: Integration) -> ColumnElement[bool]:
    """Whether an account is closed and the provider's settings leave it as it is, as SQL over account."""
    deleted = Account.deleted_at.is_not(None)
    return or_(
        deleted if integration.on_deletion == "leave" else false(),
        and_(~deleted, ~Account.active) if integration.on_deactivation == "leave" else false(),
    )


def _unfailed() -> dict[str, Any]:
    return {"attempts": 0, "blocked": False, "error": None, "error_class": None}


def _fallen(moment: datetime, run_id: int | None) -> dict[str, Any]:
    """What changes in a link that falls behind: whatever stood in the way before may no longer do so.

    After an unclear outcome the wait stays, because a fresh account may not be found before it is over.
    """
    unclear = and_(Link.error_class == "ambiguous", ~Link.blocked, Link.not_before > moment)
    return {
        **_unfailed(),
        "wanted": Link.wanted + 1,
        "error_class": case((Link.error_class == "ambiguous", "ambiguous")),
        "not_before": case((unclear, Link.not_before), else_=moment),
        "changed_at": moment,
        **({"run_id": run_id} if run_id is not None else {}),
    }


def _put_behind(session: Session, ids: Ids, integration: Integration, moment: datetime, run_id: int | None) -> int:
    statement = update(Link).where(
        Link.provider == integration.provider,
        Link.account_id.in_(ids),
        Link.goal != RELEASED,
        Account.id == Link.account_id,
        Person.id == Account.person_id,
        ~Person.no_sync,
        ~left_alone(integration),
    )
    return _run(session, statement.values(goal=goal(integration), **_fallen(moment, run_id)))


def _linkable(ids: Ids) -> ColumnElement[bool]:
    return and_(Account.id.in_(ids), Account.deleted_at.is_(None), ~Person.no_sync)


def _insert_missing(session: Session, ids: Ids, integration: Integration, moment: datetime, run_id: int | None) -> int:
    known = exists(select(Link.id).where(Link.account_id == Account.id, Link.provider == integration.provider))
    return _upsert(session, and_(_linkable(ids), Account.active, in_scope(integration), ~known), integration, moment, run_id, relink=False)


def _upsert(
    session: Session, which: ColumnElement[bool], integration: Integration, moment: datetime, run_id: int | None, *, relink: bool
) -> int:
    rows = (
        select(
            Account.id,
            literal(integration.provider),
            goal(integration),
            *(literal(number) for number in (1, 0, 0, 0)),
            literal(moment, Link.not_before.type),
            false(),
            literal(run_id, Link.run_id.type),
            literal(moment, Link.changed_at.type),
        )
        .join(Person, Person.id == Account.person_id)
        .where(which)
        .order_by(Account.id)
    )
    names = ["account_id", "provider", "goal", "wanted", "synced", "attempts", "fence", "not_before", "blocked", "run_id", "changed_at"]
    # Somebody may insert the same link at the same moment: then this change puts that one behind, lest it be missed.
    inserted = insert_into(session, Link).from_select(names, rows)
    statement = inserted.on_conflict_do_update(
        index_elements=["account_id", "provider"],
        set_={**_fallen(moment, run_id), "goal": inserted.excluded.goal},
        where=true() if relink else Link.goal != RELEASED,
    )
    return _run(session, statement)


def _run(session: Session, statement: Any) -> int:
    session.flush()
    return cast(CursorResult[Any], session.execute(statement, execution_options=_OPTIONS)).rowcount
