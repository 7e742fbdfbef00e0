"""Roles and the permissions they hold (R50, R57, R58).

Owns which names and permissions a role may have, and that nobody grants more than they hold. Who has which role when belongs to
``role_periods``; which actions exist, to the registry: their permissions are only checked for shape.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Invalid, Refused, Stale, Unknown
from rolecall.sdk.words import AREAS, USER_TYPES, VERBS
from rolecall.store.bulk import insert_into
from rolecall.store.folding import canonical
from rolecall.store.tables import Role, RolePeriod, RolePermission

#: The permissions of areas; those of actions come from the registry.
AREA_PERMISSIONS = tuple(f"{area}:{verb}" for area in AREAS for verb in VERBS)
#: Words of the filter language, which a role's name would hide (R14).
_RESERVED = frozenset({"none", "all"})
_ACTION = re.compile(r"act:[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRow:
    """A role as lists show it, with the number of accounts that have it in some period."""

    id: int
    name: str
    user_type: str
    active: bool
    is_default: bool
    version: int
    permissions: tuple[str, ...]
    accounts: int


def create(
    session: Session,
    *,
    name: str,
    user_type: str,
    actor: Actor,
    permissions: Iterable[str] = (),
    active: bool = True,
    is_default: bool = False,
) -> Role:
    """Add a role.

    :raises Invalid: with the sentences of each wrong field.
    :raises Forbidden: when a permission is granted that the actor does not hold.
    """
    wrong: dict[str, list[str]] = {}
    if user_type not in USER_TYPES:
        wrong["user_type"] = [f"{user_type!r} is not a user type. The types are {', '.join(USER_TYPES)}."]
    name, key = _checked_name(session, None, name, user_type, wrong)
    granted = _checked_permissions(permissions, wrong)
    if is_default and not active:
        wrong["active"] = ["The default role must be active."]
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    _require_held(granted, actor)
    role = Role(name=name, name_key=key, user_type=user_type, active=active, is_default=False, version=1)
    session.add(role)
    session.flush()
    _grant(session, role.id, granted)
    if is_default:
        _make_default(session, role)
    session.flush()
    return role


def edit(
    session: Session,
    role_id: int,
    *,
    actor: Actor,
    version: int | None = None,
    name: str | None = None,
    active: bool | None = None,
    is_default: bool | None = None,
    permissions: Iterable[str] | None = None,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> Role:
    """Change what is given; ``permissions`` replaces them all, ``add`` and ``remove`` change some.

    :raises Invalid: as :func:`create`.
    :raises Forbidden: when a permission is added that the actor does not hold.
    :raises Refused: when the default role would be closed or there would be none.
    :raises Stale: when somebody else changed the role since ``version``.
    """
    role = get(session, role_id, lock=True)
    if version is not None and version != role.version:
        raise Stale(f"The role {role.name} was changed by somebody else meanwhile.", hint="Reload the page and make your change again.")
    wrong: dict[str, list[str]] = {}
    shown, key = (role.name, role.name_key) if name is None else _checked_name(session, role.id, name, role.user_type, wrong)
    before = held(session, role.id)
    after = before if permissions is None else _checked_permissions(permissions, wrong)
    after = (after | _checked_permissions(add, wrong)) - frozenset(remove)
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    _require_held(after - before, actor)
    stays_active = role.active if active is None else active
    becomes_default = role.is_default if is_default is None else is_default
    _require_default(role, becomes_default, stays_active)
    if becomes_default and not role.is_default:
        _require_held(after, actor)
    role.name, role.name_key, role.active = shown, key, stays_active
    session.execute(delete(RolePermission).where(RolePermission.role_id == role.id, RolePermission.permission.in_(before - after)))
    _grant(session, role.id, after - before)
    if becomes_default and not role.is_default:
        _make_default(session, role)
    role.version += 1
    session.flush()
    return role


def remove(session: Session, role_id: int) -> None:
    """Delete a role that nobody has.

    :raises Refused: while an account has it in some period, or while it is the default.
    """
    role = get(session, role_id)
    users = session.scalar(select(func.count(RolePeriod.account_id.distinct())).where(RolePeriod.role_id == role.id)) or 0
    if users:
        who = "One account has" if users == 1 else f"{users:,} accounts have"
        raise Refused(f"{who} the role {role.name}, in this period or another.", hint="Make it inactive instead.")
    if role.is_default:
        raise Refused(f"{role.name} is the default role.", hint="Make another role of the type the default first.")
    session.execute(delete(RolePermission).where(RolePermission.role_id == role.id))
    session.execute(delete(Role).where(Role.id == role.id))
    session.expunge(role)


def every(session: Session, *, user_type: str | None = None) -> list[RoleRow]:
    """All roles, by type in the order of the types and by name, in three statements."""
    permissions: dict[int, list[str]] = {}
    for role_id, permission in session.execute(
        select(RolePermission.role_id, RolePermission.permission).order_by(RolePermission.permission)
    ):
        permissions.setdefault(role_id, []).append(permission)
    users = dict(
        session.execute(select(RolePeriod.role_id, func.count(RolePeriod.account_id.distinct())).group_by(RolePeriod.role_id)).all()
    )
    statement = select(Role).order_by(Role.name_key)
    found = session.scalars(statement.where(Role.user_type == user_type) if user_type else statement).all()
    order = list(USER_TYPES)
    return [
        RoleRow(
            id=role.id, name=role.name, user_type=role.user_type, active=role.active, is_default=role.is_default, version=role.version,
            permissions=tuple(permissions.get(role.id, ())), accounts=users.get(role.id, 0),
        )
        for role in sorted(found, key=lambda role: order.index(role.user_type))
    ]  # fmt: skip


def get(session: Session, role_id: int, *, lock: bool = False) -> Role:
    """Return a role by id; with ``lock`` as it is once nobody else is changing it, for whoever goes by what it says.

    :raises Unknown: when there is none.
    """
    role = session.get(Role, role_id, with_for_update={"key_share": True} if lock else None)
    if role is None:
        raise Unknown(f"There is no role with the id {role_id}.")
    return role


def by_name(session: Session, user_type: str, name: str) -> Role:
    """Return the role of a user type by its name, in any case.

    :raises Unknown: naming the role that comes nearest.
    """
    key = canonical(name, what="role", words=True)
    role = session.scalar(select(Role).where(Role.user_type == user_type, Role.name_key == key))
    if role is None:
        names = session.scalars(select(Role.name).where(Role.user_type == user_type)).all()
        near = get_close_matches(name, names, 1)
        raise Unknown(f"There is no role {name} of the type {user_type}.", hint=f"Did you mean {near[0]}?" if near else "")
    return role


def default_roles(session: Session) -> dict[str, int]:
    """Ids of the active default role of each user type that has one (R50)."""
    return dict(session.execute(select(Role.user_type, Role.id).where(Role.is_default.is_(True), Role.active.is_(True))).all())


def held(session: Session, role_id: int) -> frozenset[str]:
    """The permissions of a role."""
    return frozenset(session.scalars(select(RolePermission.permission).where(RolePermission.role_id == role_id)))


def require_grantable(session: Session, role_ids: Collection[int], actor: Actor) -> None:
    """Refuse to give anybody these roles unless the actor holds all that they hold (R58).

    :raises Forbidden: naming what is missing.
    """
    permissions = session.scalars(select(RolePermission.permission).where(RolePermission.role_id.in_(role_ids)).distinct())
    _require_held(frozenset(permissions), actor)


def type_has_role(session: Session, user_type: str) -> bool:
    """Tell whether an active role of a user type exists, which a conversion to that type needs (R33)."""
    return bool(session.scalar(select(exists().where(Role.user_type == user_type, Role.active.is_(True)))))


def _checked_name(session: Session, own: int | None, name: str, user_type: str, wrong: dict[str, list[str]]) -> tuple[str, str]:
    name = " ".join(name.split())
    try:
        key = canonical(name, what="name", words=True)
    except Invalid as error:
        wrong["name"] = [str(error)]
        return name, ""
    if key in _RESERVED:
        wrong["name"] = [f"“{name}” is a word of the filters. Choose another name."]
    elif len(name) > 100:
        wrong["name"] = ["The name is too long. Use at most 100 characters."]
    elif session.scalar(select(Role.id).where(Role.user_type == user_type, Role.name_key == key, Role.id != (own or 0))) is not None:
        wrong["name"] = [f"There is a role {name} of this type already."]
    return name, key


def _checked_permissions(permissions: Iterable[str], wrong: dict[str, list[str]]) -> frozenset[str]:
    found = frozenset(permissions)
    unknown = sorted(each for each in found if each not in AREA_PERMISSIONS and not (_ACTION.fullmatch(each) and len(each) <= 120))
    if unknown:
        near = get_close_matches(unknown[0], AREA_PERMISSIONS, 1)
        wrong["permissions"] = [f"{unknown[0]} is not a permission.{f' Did you mean {near[0]}?' if near else ''}"]
    return found


def _require_held(permissions: Collection[str], actor: Actor) -> None:
    missing: Sequence[str] = sorted(each for each in permissions if not actor.may(each))
    if missing:
        raise Forbidden(
            f"Nobody can give rights that they do not have: {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}.",
            hint="Ask an administrator who holds them.",
        )


def _require_default(role: Role, becomes_default: bool, stays_active: bool) -> None:
    if role.is_default and not becomes_default:
        raise Refused(f"{role.name} is the default role.", hint="Make another role of the type the default instead.")
    if becomes_default and not stays_active:
        raise Refused(f"{role.name} is the default role, so it stays active.", hint="Make another role of the type the default first.")


def _grant(session: Session, role_id: int, permissions: Collection[str]) -> None:
    rows = [{"role_id": role_id, "permission": permission} for permission in sorted(permissions)]
    if rows:
        session.connection().execute(insert_into(session, RolePermission).on_conflict_do_nothing(), rows)


def _make_default(session: Session, role: Role) -> None:
    # The old one first: the database allows one default of a type at any moment.
    others = (Role.user_type == role.user_type, Role.is_default.is_(True), Role.id != role.id)
    session.execute(update(Role).where(*others).values(is_default=False, version=Role.version + 1))
    role.is_default = True
