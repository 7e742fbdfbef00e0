"""Roles carried from one period into another, for many accounts at once: as they are, or by a map as at the turn of a year (R59a).

Owns what an account gets in the new period, and why another gets nothing; a plan and a run ask the same function. How a map is written
belongs to ``role_maps``, the actions to ``builtin``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select, true
from sqlalchemy.orm import Session, aliased

from rolecall.accounts import escalation, periods
from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid, Refused
from rolecall.sdk.words import USER_TYPES
from rolecall.store.bulk import among, insert_into
from rolecall.store.folding import natural
from rolecall.store.tables import Account, Period, Role, RolePeriod


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """From where to where, and how: ``roles`` says what a role becomes (none: no role); one that it does not name stays what it is.

    Without ``replace`` only accounts that have no role in the target are given one.
    """

    source: Period
    target: Period
    roles: Mapping[int, int | None] = field(default_factory=dict)
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about an account: its type, and its roles in the two periods with whether they are enabled."""

    type: str
    role: int | None
    enabled: bool
    has: int | None
    has_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The role that an account gets, or none with the reason."""

    role: int | None = None
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many accounts with this role in the source that get that one, or nothing for this reason."""

    role: str
    becomes: str
    verdict: Verdict
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What carrying would do: its lines, those who get a role first; how many end without one; and whom that locks out."""

    lines: Sequence[Line]
    given: int
    #: Accounts that have no enabled role in the target afterwards.
    without: int
    #: Of these, the active ones that can sign in now and could not if the target were the current period.
    locked_out: int


def between(
    session: Session, source: str, target: str, *, roles: Mapping[int, int | None] | None = None, replace: bool = False
) -> Carrying:
    """Name two periods by their codes.

    :raises Unknown: when there is no such period.
    :raises Invalid: when both are the same.
    :raises Refused: when nobody can be given a role in the target.
    """
    old, new = periods.by_code(session, source), periods.by_code(session, target)
    if old.id == new.id:
        raise Invalid("Both periods are the same.", fields={"period": ["Choose another period than the one that roles come from."]})
    if not new.is_open:
        raise Refused(f"The period {new.code} is closed.", hint="Open it again, or choose an open period.")
    return Carrying(source=old, target=new, roles=roles or {}, replace=replace)


def carry(session: Session, ids: Sequence[int], carrying: Carrying, *, actor: Actor, now: datetime) -> dict[int, Verdict]:
    """Give accounts their roles in the target; return those that are left as they are, each with the reason.

    Set-based: a handful of statements however many ids there are. Nobody gives a role that holds more than they do.
    """
    session.flush()
    rows = session.execute(_standings(carrying).where(Account.id.in_(among(session, ids)))).all()
    judge = _Judge(session, carrying, actor)
    left: dict[int, Verdict] = {}
    given: dict[int, int] = {}
    becomes: dict[int, int] = {}
    for account_id, *facts in rows:
        standing = _standing(facts)
        verdict = judge(standing)
        if verdict.role is None:
            left[account_id] = verdict
        elif standing.role is not None:
            given[account_id] = verdict.role
            becomes[standing.role] = verdict.role
    _insert(session, carrying, given, becomes, now)
    session.expire_all()
    return left


def foresee(session: Session, accounts: "Select[Any]", carrying: Carrying, *, actor: Actor) -> Forecast:
    """Say what carrying would do to these accounts (a select of their ids). Changes nothing; one statement counts them all."""
    signs_in = and_(Account.active, ~Account.is_owner, periods.enabled_in(select(Period.id).where(Period.is_current).scalar_subquery()))
    states = _standings(carrying).where(Account.id.in_(accounts)).add_columns(signs_in.label("signs_in")).subquery()
    columns = [column for column in states.c if column.name != "id"]
    judge = _Judge(session, carrying, actor)
    found: dict[tuple[str, str, Verdict], int] = {}
    given = without = locked_out = 0
    for *facts, can_sign_in, number in session.execute(select(*columns, func.count()).group_by(*columns)):
        standing = _standing(facts)
        verdict = judge(standing)
        key = (judge.name(standing.role), judge.name(verdict.role), verdict)
        found[key] = found.get(key, 0) + number
        if verdict.role is not None:
            given += number
        elif not (standing.has is not None and standing.has_enabled):
            without += number
            locked_out += number if can_sign_in else 0
    lines = [Line(role=role, becomes=becomes, verdict=verdict, count=number) for (role, becomes, verdict), number in found.items()]
    lines.sort(key=lambda line: (line.verdict.role is None, line.verdict.code, natural(line.role), natural(line.becomes)))
    return Forecast(lines=lines, given=given, without=without, locked_out=locked_out)


def roles_held(session: Session, period_id: int) -> list[tuple[Role, int]]:
    """The roles that accounts which are not deleted hold in a period, enabled, with the number of accounts; by type and name."""
    number = func.count()
    rows = session.execute(
        select(Role, number)
        .join(RolePeriod, RolePeriod.role_id == Role.id)
        .join(Account, Account.id == RolePeriod.account_id)
        .where(RolePeriod.period_id == period_id, RolePeriod.enabled, Account.deleted_at.is_(None))
        .group_by(Role.id)
    ).all()
    order = list(USER_TYPES)
    return sorted(((role, count) for role, count in rows), key=lambda row: (order.index(row[0].user_type), natural(row[0].name)))


def without_role(session: Session, period_id: int, accounts: "Select[Any]") -> int:
    """How many of these accounts, deleted ones aside, have no enabled role in a period."""
    enabled = select(RolePeriod.id).where(RolePeriod.account_id == Account.id, RolePeriod.period_id == period_id, RolePeriod.enabled)
    clauses: list[ColumnElement[bool]] = [Account.id.in_(accounts), Account.deleted_at.is_(None), ~enabled.exists()]
    return session.scalar(select(func.count()).select_from(Account).where(*clauses)) or 0


class _Judge:
    """Decides about accounts by their standing, each different standing once."""

    def __init__(self, session: Session, carrying: Carrying, actor: Actor) -> None:
        self._carrying = carrying
        self._roles = {role.id: role for role in session.scalars(select(Role))}
        wanted = {carrying.roles.get(role_id, role_id) for role_id in self._roles}
        self._beyond = escalation.roles_beyond(session, actor, {each for each in wanted if each is not None})
        self._known: dict[Standing, Verdict] = {}

    def __call__(self, standing: Standing) -> Verdict:
        """Say what accounts that stand like this get."""
        if standing not in self._known:
            self._known[standing] = self._decide(standing)
        return self._known[standing]

    def name(self, role_id: int | None) -> str:
        """The name of a role; nothing for none."""
        return "" if role_id is None else self._roles[role_id].name

    def _decide(self, standing: Standing) -> Verdict:
        source, target = self._carrying.source.code, self._carrying.target.code
        if standing.role is None:
            return Verdict(code="no-role", message=f"Has no role in {source}.")
        if not standing.enabled:
            return Verdict(code="role-disabled", message=f"The role {self.name(standing.role)} in {source} is disabled.")
        if standing.has is not None and not self._carrying.replace:
            return Verdict(code="has-role", message=f"Has the role {self.name(standing.has)} in {target} already.")
        wanted = self._carrying.roles.get(standing.role, standing.role)
        if wanted is None:
            return Verdict(code="goes-without", message=f"Whoever was {self.name(standing.role)} gets no role in {target}.")
        return self._fitting(standing, self._roles[wanted], target)

    def _fitting(self, standing: Standing, role: Role, target: str) -> Verdict:
        if role.user_type != standing.type:
            return Verdict(code="other-type", message=f"The role {role.name} is for {USER_TYPES[role.user_type].lower()} only.")
        if not role.active:
            return Verdict(code="role-inactive", message=f"The role {role.name} is not active.")
        if standing.has == role.id and standing.has_enabled:
            return Verdict(code="has-role", message=f"Has the role {role.name} in {target} already.")
        if role.id in self._beyond:
            return Verdict(code="forbidden", message=f"The role {role.name} holds more than you may give.")
        return Verdict(role=role.id)


def _standing(facts: Sequence[Any]) -> Standing:
    return Standing(*facts)


def _standings(carrying: Carrying) -> "Select[int, str, int | None, bool, int | None, bool]":
    old, new = aliased(RolePeriod), aliased(RolePeriod)
    enabled, has_enabled = func.coalesce(old.enabled, False), func.coalesce(new.enabled, False)
    return (
        select(
            Account.id, Account.type, old.role_id.label("role"), enabled.label("enabled"), new.role_id.label("has"),
            has_enabled.label("has_enabled"),
        )
        .outerjoin(old, and_(old.account_id == Account.id, old.period_id == carrying.source.id))
        .outerjoin(new, and_(new.account_id == Account.id, new.period_id == carrying.target.id))
    )  # fmt: skip


def _insert(session: Session, carrying: Carrying, given: Collection[int], becomes: Mapping[int, int], now: datetime) -> None:
    if not given:
        return
    role = case(becomes, value=RolePeriod.role_id)
    rows = (
        select(RolePeriod.account_id, literal(carrying.target.id), role, true(), literal(now, RolePeriod.created_at.type))
        .where(RolePeriod.period_id == carrying.source.id, RolePeriod.account_id.in_(among(session, given)))
        .order_by(RolePeriod.account_id)
    )
    insert = insert_into(session, RolePeriod).from_select(["account_id", "period_id", "role_id", "enabled", "created_at"], rows)
    keep = {column: insert.excluded[column] for column in ("role_id", "enabled")}
    session.connection().execute(insert.on_conflict_do_update(index_elements=["account_id", "period_id"], set_=keep))
