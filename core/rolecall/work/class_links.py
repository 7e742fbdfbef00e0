"""Says that classes are behind at their providers, in the transaction of the change itself (R60a, R61).

Owns ``goal`` and ``wanted`` of a class link: nobody else writes them. As with accounts, a change is never an instruction to a provider.
Who of a class is wanted at a provider is found out when the class is planned, so whatever may change that only says *behind* here.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, and_, case, delete, exists, false, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from rolecall.errors import Refused
from rolecall.sdk.integration import ClassSettings
from rolecall.store.bulk import among, chunks, insert_into
from rolecall.store.engine import is_sqlite, now
from rolecall.store.sync_states import sync_state
from rolecall.store.tables import Account, ClassLink, ClassMember, Period, PluginState, SchoolClass, Setting
from rolecall.work import links

Ids = Sequence[int] | Select[Any]

PRESENT, ARCHIVED, RELEASED = "present", "archived", "released"

_OPTIONS = {"synchronize_session": False, "preserve_rowcount": True}
_SETTINGS = ("classes", "class_periods", "on_class_end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """An enabled provider that keeps classes in step, with what its settings say about which and how they end."""

    provider: str
    class_periods: str
    on_class_end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassState:
    """How a class stands at one provider. ``state`` is one of the sync states; ``next_at`` is when it is tried again."""

    provider: str
    external_id: str | None
    goal: str
    state: str
    attempts: int
    next_at: datetime | None
    error_class: str | None
    error: str | None
    since: datetime


def integrations(session: Session, providers: Collection[str] | None = None) -> list[Integration]:
    """Return the enabled providers that keep classes in step, all or those named."""
    enabled = select(PluginState.plugin).where(PluginState.enabled, PluginState.is_provider).order_by(PluginState.plugin)
    if providers is not None:
        enabled = enabled.where(PluginState.plugin.in_(providers))
    rows = session.execute(
        select(Setting.plugin, Setting.key, Setting.value).where(Setting.plugin.in_(enabled), Setting.key.in_(_SETTINGS))
    )
    stored = {(row.plugin, row.key): row.value["value"] for row in rows if row.value is not None}
    defaults = ClassSettings().load({})
    return [
        Integration(
            provider=name,
            class_periods=stored.get((name, "class_periods"), defaults["class_periods"]),
            on_class_end=stored.get((name, "on_class_end"), defaults["on_class_end"]),
        )
        for name in session.scalars(enabled)
        if stored.get((name, "classes"), defaults["classes"])
    ]


def behind(session: Session, class_ids: Ids, *, providers: Collection[str] | None = None) -> int:
    """Put classes behind at every provider that keeps classes in step (or those named) and return how many links that were.

    Links that are missing are made for classes that are taught in the periods of the integration's scope.
    """
    concerned = integrations(session, providers)
    if not concerned:
        return 0
    count = 0
    for part in _parts(session, class_ids):
        _lock(session, part)
        moment = now(session)
        for integration in concerned:
            count += _put_behind(session, SchoolClass.id.in_(part), integration, moment)
            count += _insert_missing(session, SchoolClass.id.in_(part), integration, moment)
    return count


def behind_of_accounts(session: Session, account_ids: Ids, *, providers: Collection[str] | None = None) -> int:
    """Put the classes of these accounts' people behind: they just got, changed or lost what they have at a provider."""
    if (not isinstance(account_ids, Select) and not account_ids) or not integrations(session, providers):
        return 0
    count = 0
    for part in _parts(session, account_ids):
        theirs = select(ClassMember.class_id).join(Account, Account.person_id == ClassMember.person_id).where(Account.id.in_(part))
        count += behind(session, theirs.distinct(), providers=providers)
    return count


def align(session: Session) -> int:
    """Put those classes behind whose goal is no longer what their period, or the class itself, says; and make links that are missing.

    Cheap when nothing has changed, so whoever changes periods, or time itself, need not know which classes that concerns.
    """
    count = 0
    for integration in integrations(session):
        moment = now(session)
        differs = ClassLink.goal != goal(integration)
        _lock(session, _held(integration).where(differs))
        count += _put_behind(session, differs, integration, moment)
        count += _insert_missing(session, SchoolClass.id.is_not(None), integration, moment)
    return count


def recheck(session: Session, provider: str) -> int:
    """Follow the settings of a provider: every class of its scope is behind, or all are let go where classes are not kept in step."""
    if integrations(session, [provider]):
        return behind(session, select(SchoolClass.id), providers=[provider])
    return release(session, provider)


def release(session: Session, provider: str) -> int:
    """Let the classes at a provider go: nobody is called for them until classes are kept in step again.

    What the provider holds of them is remembered, so that going on later makes nothing twice.
    """
    values = {"goal": RELEASED, "synced": ClassLink.wanted, "leased_until": None, "fence": ClassLink.fence + 1, **links.UNFAILED}
    held = update(ClassLink).where(ClassLink.provider == provider, ClassLink.goal != RELEASED)
    return _run(session, held.values(**values, changed_at=now(session)))


def retry(session: Session, *, class_ids: Ids | None = None, providers: Collection[str] | None = None) -> int:
    """Try again now what is blocked or waits for its next attempt; returns how many links that were."""
    moment = now(session)
    count = 0
    for part in [None] if class_ids is None else _parts(session, class_ids):
        statement = update(ClassLink).where(ClassLink.synced < ClassLink.wanted, or_(ClassLink.blocked, ClassLink.attempts > 0))
        if part is not None:
            statement = statement.where(ClassLink.class_id.in_(part))
        if providers is not None:
            statement = statement.where(ClassLink.provider.in_(providers))
        count += _run(session, statement.values(blocked=False, attempts=0, not_before=moment, changed_at=moment))
    return count


def states(session: Session, class_id: int) -> list[ClassState]:
    """Return how a class stands at each provider that has a link for it, in the order of the providers."""
    moment = now(session)
    held = select(ClassLink).where(ClassLink.class_id == class_id, ClassLink.goal != RELEASED).order_by(ClassLink.provider)
    found = []
    for link in session.scalars(held):
        word = sync_state(link, moment)
        found.append(
            ClassState(
                provider=link.provider, external_id=link.external_id, goal=link.goal, state=word, attempts=link.attempts,
                next_at=link.not_before if word in ("queued", "retrying") else None,
                error_class=link.error_class, error=link.error, since=link.changed_at,
            )
        )  # fmt: skip
    return found


def forget(session: Session, class_ids: Ids) -> None:
    """Take the links away of classes that are about to be removed.

    :raises Refused: when a provider holds one of them or may hold it: such a class is not removed but ended, which archives it there.
    """
    for part in _parts(session, class_ids):
        there = or_(ClassLink.external_id.is_not(None), ClassLink.sent.is_not(None), ClassLink.leased_until > now(session))
        held = session.execute(
            select(SchoolClass.code, ClassLink.provider)
            .join(SchoolClass, SchoolClass.id == ClassLink.class_id)
            .where(ClassLink.class_id.in_(part), there)
            .order_by(SchoolClass.code, ClassLink.provider)
            .limit(1)
        ).first()
        if held is not None:
            raise Refused(
                f"The class {held.code} is at {held.provider}, with what people made in it.",
                hint="Make it inactive instead: it is then archived there.",
            )
        session.execute(delete(ClassLink).where(ClassLink.class_id.in_(part)), execution_options=_OPTIONS)


def state(moment: datetime) -> ColumnElement[str]:
    """The sync state of a class link as SQL: queued, running, retrying, blocked or done."""
    return links.state(moment, ClassLink)


def _held(integration: Integration) -> Select[Any]:
    """The classes that have a link at a provider."""
    linked = and_(ClassLink.class_id == SchoolClass.id, ClassLink.provider == integration.provider)
    return select(SchoolClass.id).join(Period, Period.id == SchoolClass.period_id).join(ClassLink, linked)


def goal(integration: Integration) -> ColumnElement[str]:
    """What a class should be at a provider now, as SQL over class and period; one that is to be left keeps the goal it has."""
    return case((is_taught(integration), PRESENT), else_=ARCHIVED)


def is_taught(integration: Integration) -> ColumnElement[bool]:
    """Whether the class is taught in a period of the integration's scope, as SQL over class and period."""
    in_period: ColumnElement[bool] = or_(Period.is_current)
    if integration.class_periods == "open":
        current = aliased(Period)
        in_period = or_(in_period, Period.starts_on > select(current.starts_on).where(current.is_current).scalar_subquery())
    return and_(SchoolClass.active, Period.is_open, in_period)


def _put_behind(session: Session, which: ColumnElement[bool], integration: Integration, moment: datetime) -> int:
    statement = update(ClassLink).where(
        ClassLink.provider == integration.provider, SchoolClass.id == ClassLink.class_id, Period.id == SchoolClass.period_id, which
    )
    if integration.on_class_end == "leave":
        statement = statement.where(is_taught(integration))
    return _run(session, statement.values(goal=goal(integration), **links.fallen(moment, ClassLink)))


def _insert_missing(session: Session, which: ColumnElement[bool], integration: Integration, moment: datetime) -> int:
    known = exists(select(ClassLink.id).where(ClassLink.class_id == SchoolClass.id, ClassLink.provider == integration.provider))
    rows = (
        select(
            SchoolClass.id,
            literal(integration.provider),
            literal(PRESENT),
            *(literal(number) for number in (1, 0, 0, 0)),
            literal(moment, ClassLink.not_before.type),
            false(),
            literal(moment, ClassLink.changed_at.type),
        )
        .join(Period, Period.id == SchoolClass.period_id)
        .where(which, is_taught(integration), ~known)
        .order_by(SchoolClass.id)
    )
    names = ["class_id", "provider", "goal", "wanted", "synced", "attempts", "fence", "not_before", "blocked", "changed_at"]
    # Somebody may insert the same link at the same moment: then this change puts that one behind, lest it be missed.
    new = insert_into(session, ClassLink).from_select(names, rows)
    values = {**links.fallen(moment, ClassLink), "goal": new.excluded.goal}
    return _run(session, new.on_conflict_do_update(index_elements=["class_id", "provider"], set_=values))


def _parts(session: Session, ids: Ids) -> Iterator[Select[Any]]:
    if isinstance(ids, Select):
        yield ids
    else:
        yield from (among(session, part) for part in chunks(ids))


def _lock(session: Session, ids: Select[Any]) -> None:
    """Wait for whoever else is changing these classes, in the order of their ids, so that no two wait for each other."""
    if not is_sqlite(session):
        rows = select(SchoolClass.id).where(SchoolClass.id.in_(ids)).order_by(SchoolClass.id).with_for_update(key_share=True)
        session.execute(select(func.count()).select_from(rows.subquery()))


def _run(session: Session, statement: Any) -> int:
    session.flush()
    return cast(CursorResult[Any], session.execute(statement, execution_options=_OPTIONS)).rowcount
