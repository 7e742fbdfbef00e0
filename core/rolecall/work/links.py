"""Says that accounts are behind at their providers, in the transaction of the change itself (R61).

Owns ``goal`` and ``wanted`` of a link: nobody else writes them. A change is never an instruction to a provider, only "this account is
behind"; the sync compares and decides. Knows nothing of workers, except that what they hold is left to them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, and_, case, exists, false, func, literal, or_, select, true, update
from sqlalchemy.orm import Session

from rolecall.sdk.integration import DELETE_AFTER, IntegrationSettings
from rolecall.store.bulk import among, chunks, insert_into
from rolecall.store.engine import is_sqlite, now
from rolecall.store.tables import Account, ClassLink, Link, Period, Person, PluginState, RolePeriod, Setting, StudentStatus
from rolecall.work import brakes

Ids = Sequence[int] | Select[Any]

PRESENT, SUSPENDED, DELETED, RELEASED = "present", "suspended", "deleted", "released"

#: The columns of a link in whose way nothing stands.
UNFAILED: Mapping[str, Any] = {"attempts": 0, "blocked": False, "error": None, "error_class": None}

_SETTINGS = ("user_types", "roles", "statuses", "on_deactivation", "on_deletion", "delete_after", "converts")
_OPTIONS = {"synchronize_session": False, "preserve_rowcount": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """An enabled provider with what its settings say about scope and closing (R54). No ``roles`` or ``statuses``: all of them."""

    provider: str
    user_types: tuple[str, ...]
    roles: tuple[int, ...] = ()
    statuses: tuple[int, ...] = ()
    on_deactivation: str
    on_deletion: str
    delete_after: int = DELETE_AFTER
    #: Whether accounts that get a link by themselves take their mailbox and sign-in from there (R3, R23).
    converts: bool = False

    @classmethod
    def of(cls, provider: str, settings: Mapping[str, Any]) -> "Integration":
        """Make one of settings as they are stored; what is absent has its default."""
        facts = {**IntegrationSettings().load({}), **settings}
        return cls(
            provider=provider,
            user_types=tuple(facts["user_types"]),
            roles=tuple(int(each) for each in facts["roles"]),
            statuses=tuple(int(each) for each in facts["statuses"]),
            on_deactivation=facts["on_deactivation"],
            on_deletion=facts["on_deletion"],
            delete_after=int(facts["delete_after"]),
            converts=bool(facts.get("converts")),
        )


def integrations(session: Session, providers: Collection[str] | None = None) -> list[Integration]:
    """Return the enabled providers, all or those named. One whose plugin cannot be loaded now counts: nothing may be missed."""
    enabled = select(PluginState.plugin).where(PluginState.enabled, PluginState.is_provider).order_by(PluginState.plugin)
    if providers is not None:
        enabled = enabled.where(PluginState.plugin.in_(providers))
    names = list(session.scalars(enabled))
    if not names:
        return []
    rows = session.execute(select(Setting.plugin, Setting.key, Setting.value).where(Setting.plugin.in_(names), Setting.key.in_(_SETTINGS)))
    stored: dict[str, dict[str, Any]] = {name: {} for name in names}
    for row in rows:
        if row.value is not None:
            stored[row.plugin][row.key] = row.value["value"]
    return [Integration.of(name, stored[name]) for name in names]


def behind(session: Session, ids: Ids, *, run_id: int | None = None, providers: Collection[str] | None = None, asked: bool = False) -> int:
    """Put the accounts behind at every enabled provider (or those named) and return how many links that were.

    ``asked``: somebody asked to close this one account, by itself (R62).


    Links that are missing are made for active accounts in the integration's scope. Released links and people who are kept out of sync
    are left alone, and so is what a closed account has at a provider that is to leave it as it is.
    """
    count = 0
    concerned = integrations(session, providers)
    if not concerned:
        return 0
    for part in parts(session, ids):
        lock_accounts(session, part)
        moment = now(session)
        for integration in concerned:
            count += _put_behind(session, part, integration, moment, run_id, asked=asked)
            count += _insert_missing(session, part, integration, moment, run_id)
    return count


def recheck(session: Session, provider: str) -> int:
    """Put every account that is linked to a provider behind there: its settings changed, or it was disabled while accounts changed."""
    linked = select(Link.account_id).where(Link.provider == provider, Link.goal != RELEASED)
    return behind(session, linked, providers=[provider])


def link(session: Session, ids: Ids, provider: str, *, run_id: int | None = None, converts: bool = False) -> int:
    """Link the accounts to a provider whatever its scope says, released ones too, and put them behind (R23, R39).

    ``converts``: once an account is there, it takes its mailbox and its way to sign in from there, where the provider has such.

    People who are kept out of sync and deleted accounts are left alone; an inactive one is made when it is activated. Returns how many
    links that were.
    """
    count = 0
    for part in parts(session, ids):
        lock_accounts(session, part)
        moment = now(session)
        closed = Integration.of(provider, {})
        for integration in integrations(session, [provider]) or [closed]:
            count += _upsert(session, _linkable(part), replace(integration, converts=converts), moment, run_id, relink=True)
    return count


def release(session: Session, ids: Ids, providers: Collection[str] | None = None, *, now: datetime | None = None) -> int:
    """Let accounts go at these providers, or at all: the link is ours no longer and nobody is called (R39).

    What a worker still brings back for them is dropped. Returns how many links were released.
    """
    count = 0
    for part in parts(session, ids):
        statement = update(Link).where(Link.account_id.in_(part), Link.goal != RELEASED)
        if providers is not None:
            statement = statement.where(Link.provider.in_(providers))
        values = {
            "goal": RELEASED,
            "goal_since": None,
            "synced": Link.wanted,
            "external_id": None,
            "sent": None,
            "sealed_password": None,
            "password_since": None,
            "sign_in_name": None,
            "converts": False,
            "brake": None,
            "held_at": None,
            "leased_until": None,
            "fence": Link.fence + 1,
            **UNFAILED,
        }
        count += _run(session, statement.values(**values, **({"changed_at": now} if now else {})))
    return count


def retry(session: Session, ids: Ids | None = None, providers: Collection[str] | None = None) -> int:
    """Try again now what is blocked or waits for its next attempt; returns how many links that were."""
    moment = now(session)
    count = 0
    for part in [None] if ids is None else parts(session, ids):
        statement = update(Link).where(Link.synced < Link.wanted, or_(Link.blocked, Link.attempts > 0))
        if part is not None:
            statement = statement.where(Link.account_id.in_(part))
        if providers is not None:
            statement = statement.where(Link.provider.in_(providers))
        count += _run(session, statement.values(blocked=False, attempts=0, not_before=moment, changed_at=moment))
    return count


def let_close(session: Session, which: ColumnElement[bool], *, deleting: bool = True) -> int:
    """Let links that the safety limits hold go on; not ``deleting``, who was to be deleted is suspended and its days begin anew (R62)."""
    moment = now(session)
    brake = case((Link.brake == brakes.GUARDED, brakes.ALONE), else_=brakes.APPROVED)
    values: dict[str, Any] = {"brake": brake, "held_at": None, "not_before": moment}
    if not deleting:
        values["goal"] = SUSPENDED
        values["goal_since"] = case((Link.goal == DELETED, literal(moment, Link.goal_since.type)), else_=Link.goal_since)
    return _run(session, update(Link).where(which).values(**values))


def leave_open(session: Session, which: ColumnElement[bool]) -> int:
    """Give up closing accounts at their providers: each stays there as it is, and is not behind any more, until it changes here (R62).

    The days after which one of them may be deleted begin anew.
    """
    moment = now(session)
    was_closed = Link.sent["suspended"].as_boolean()
    values = {
        "goal": case((was_closed, SUSPENDED), else_=PRESENT),
        "goal_since": case((was_closed, literal(moment, Link.goal_since.type)), else_=None),
        "synced": Link.wanted,
        "brake": None,
        "held_at": None,
        "not_before": moment,
        **UNFAILED,
    }
    return _run(session, update(Link).where(which).values(**values))


def state(moment: datetime, table: type[Link] | type[ClassLink] = Link) -> ColumnElement[str]:
    """The sync state of a link, of an account or a class, as SQL: queued, running, retrying, blocked or done."""
    return case(
        (table.synced >= table.wanted, "done"),
        (table.blocked, "blocked"),
        (table.leased_until > moment, "running"),
        (table.attempts > 0, "retrying"),
        else_="queued",
    )


def pending(account_id: ColumnElement[int] | Any) -> ColumnElement[bool]:
    """Whether an account is pending: some link of it is not done, blocked ones included (R13)."""
    return exists(select(Link.id).where(Link.account_id == account_id, Link.synced < Link.wanted))


def goal(integration: Integration, moment: datetime, *, linked: bool = True) -> ColumnElement[str]:
    """What an account should be at a provider now, as SQL over account and person and, if ``linked``, its link (R54)."""
    return case(
        (Account.deleted_at.is_not(None), _closed(integration.on_deletion, integration, moment, linked, Account.deleted_at)),
        (~Account.active, _closed(integration.on_deactivation, integration, moment, linked)),
        (Person.status_id.in_(_statuses("suspend")), SUSPENDED),
        else_=PRESENT,
    )


def is_closed() -> ColumnElement[bool]:
    """Whether an account is deactivated or deleted, as SQL over account."""
    return or_(Account.deleted_at.is_not(None), ~Account.active)


def _closed(what: str, integration: Integration, moment: datetime, linked: bool, *since: Any) -> ColumnElement[str] | str:
    if what != "delete":
        return SUSPENDED
    # The right to everything is not lost by a setting: who may do everything here, or is protected, is deleted there by a person or not
    # at all.
    ripe = ~brakes.is_guarded()
    if integration.delete_after:
        days_ago = moment - timedelta(days=integration.delete_after)
        ripe = and_(ripe, *(each <= days_ago for each in ((Link.goal_since, *since) if linked else ())), true() if linked else false())
    return case((ripe, DELETED), else_=SUSPENDED)


def in_scope(integration: Integration) -> ColumnElement[bool]:
    """Whether an account without a link gets one by itself, as SQL over account and person (R3, R54).

    The statuses of the scope narrow what the provider action of a status allows, and never widen it; they say nothing of staff.
    """
    conditions = [
        Account.type.in_(integration.user_types),
        or_(Person.status_id.is_(None), Person.status_id.in_(_statuses("create"))),
    ]
    if integration.roles:
        held = (
            select(RolePeriod.account_id)
            .join(Period, Period.id == RolePeriod.period_id)
            .where(Period.is_current, RolePeriod.enabled, RolePeriod.role_id.in_(integration.roles))
        )
        conditions.append(Account.id.in_(held))
    if integration.statuses:
        conditions.append(or_(Person.list != "students", Person.status_id.in_(integration.statuses)))
    return and_(*conditions)


def _statuses(action: str) -> Select[Any]:
    return select(StudentStatus.id).where(StudentStatus.provider_action == action)


def parts(session: Session, ids: Ids) -> Iterator[Select[Any]]:
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


def fallen(moment: datetime, table: type[Link] | type[ClassLink] = Link) -> dict[str, Any]:
    """What changes in a link, of an account or a class, that falls behind: whatever stood in the way before may no longer do so.

    After an unclear outcome the wait stays, because what was just made may not be found before it is over.
    """
    unclear = and_(table.error_class == "ambiguous", ~table.blocked, table.not_before > moment)
    return {
        **UNFAILED,
        "wanted": table.wanted + 1,
        "error_class": case((table.error_class == "ambiguous", "ambiguous")),
        "not_before": case((unclear, table.not_before), else_=moment),
        "changed_at": moment,
    }


def _fallen(moment: datetime, run_id: int | None) -> dict[str, Any]:
    return {**fallen(moment), **({"run_id": run_id} if run_id is not None else {})}


def _put_behind(session: Session, ids: Ids, integration: Integration, moment: datetime, run_id: int | None, *, asked: bool) -> int:
    statement = update(Link).where(
        Link.provider == integration.provider,
        Link.account_id.in_(ids),
        Link.goal != RELEASED,
        Account.id == Link.account_id,
        Person.id == Account.person_id,
        ~Person.no_sync,
        ~left_alone(integration),
    )
    # How long it has been closed decides when it is deleted there; who comes back begins anew.
    since = case((is_closed(), func.coalesce(Link.goal_since, literal(moment, Link.goal_since.type))), else_=None)
    following = goal(integration, moment)
    brake = brakes.fallen(following, asked=asked)
    return _run(session, statement.values(goal=following, goal_since=since, **brake, **_fallen(moment, run_id)))


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
            goal(integration, moment, linked=False),
            case((is_closed(), literal(moment, Link.goal_since.type)), else_=None),
            *(literal(number) for number in (1, 0, 0, 0)),
            literal(moment, Link.not_before.type),
            false(),
            true() if integration.converts else false(),
            literal(run_id, Link.run_id.type),
            literal(moment, Link.changed_at.type),
        )
        .join(Person, Person.id == Account.person_id)
        .where(which)
        .order_by(Account.id)
    )
    names = [
        "account_id", "provider", "goal", "goal_since", "wanted", "synced", "attempts", "fence", "not_before", "blocked", "converts",
        "run_id", "changed_at",
    ]  # fmt: skip
    # Somebody may insert the same link at the same moment: then this change puts that one behind, lest it be missed.
    inserted = insert_into(session, Link).from_select(names, rows)
    statement = inserted.on_conflict_do_update(
        index_elements=["account_id", "provider"],
        set_={
            **_fallen(moment, run_id),
            **brakes.fallen(inserted.excluded.goal, asked=False),
            "goal": inserted.excluded.goal,
            "goal_since": case((inserted.excluded.goal_since.is_not(None), func.coalesce(Link.goal_since, inserted.excluded.goal_since))),
            "converts": or_(Link.converts, inserted.excluded.converts),
        },
        where=true() if relink else Link.goal != RELEASED,
    )
    return _run(session, statement)


def _run(session: Session, statement: Any) -> int:
    session.flush()
    return cast(CursorResult[Any], session.execute(statement, execution_options=_OPTIONS)).rowcount
