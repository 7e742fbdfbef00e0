"""Roles and the permissions they hold (R50, R57, R58).

Owns which names, permissions and reach a role may have, and that nobody grants more than they hold. Who has which role when belongs to
``role_periods``; which actions exist, to the registry: their permissions are only checked for shape.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import EllipsisType
from typing import Any

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import escalation, role_menus, scopes
from rolecall.accounts.actors import Actor
from rolecall.accounts.rights import types_of
from rolecall.accounts.role_menus import MenuChange
from rolecall.errors import Forbidden, Invalid, Refused, Stale, Unknown
from rolecall.sdk.words import AREAS, USER_TYPES, VERBS
from rolecall.store.bulk import insert_into
from rolecall.store.folding import canonical
from rolecall.store.tables import Role, RoleMenu, RolePeriod, RolePermission

#: The permissions of areas; those of actions come from the registry.
AREA_PERMISSIONS = tuple(f"{area}:{verb}" for area in AREAS for verb in VERBS)
#: What a role may hold that somebody gets without a person who decides it: to look at people, and to change nothing.
MODEST = frozenset({"accounts:view", "people:view", "periods:view"})
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
    #: The user types that its rights reach; none reaches all of them.
    limited_to: tuple[str, ...] | None
    permissions: tuple[str, ...]
    #: What it hides or renames in the menu.
    menus: tuple[MenuChange, ...]
    accounts: int


def create(
    session: Session,
    *,
    name: str,
    user_type: str,
    actor: Actor,
    permissions: Iterable[str] = (),
    limited_to: Iterable[str] | None = None,
    active: bool = True,
    is_default: bool = False,
    menus: Iterable[Mapping[str, Any]] = (),
) -> Role:
    """Add a role; with ``limited_to`` its rights reach accounts of these user types alone. ``menus`` as :func:`role_menus.read` has it.

    :raises Invalid: with the sentences of each wrong field.
    :raises Forbidden: when a permission is granted that the actor does not hold, or a reach that the actor's rights do not have.
    """
    wrong: dict[str, list[str]] = {}
    if user_type not in USER_TYPES:
        wrong["user_type"] = [f"{user_type!r} is not a user type. The types are {', '.join(USER_TYPES)}."]
    name, key = _checked_name(session, None, name, user_type, wrong)
    granted = _checked_permissions(permissions, wrong)
    types = _checked_types(limited_to, wrong)
    if is_default and not active:
        wrong["active"] = ["The default role must be active."]
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    shown = role_menus.read(menus)
    _require_grantable(granted, types, actor)
    role = Role(name=name, name_key=key, user_type=user_type, active=active, is_default=False, limited_to=types, version=1)
    session.add(role)
    session.flush()
    _grant(session, role.id, granted)
    role_menus.write(session, role.id, shown)
    if is_default:
        _make_default(session, role)
    session.flush()
    return role


def copy(session: Session, role_id: int, *, actor: Actor, name: str | None = None) -> Role:
    """Add a role with the same type, permissions, reach and menu; without a name it is called a copy. It is not the default.

    :raises Invalid: when there is a role of that name already.
    :raises Forbidden: as :func:`create`.
    """
    role = get(session, role_id)
    return create(
        session,
        name=name or f"{role.name[:80]} (copy)",
        user_type=role.user_type,
        actor=actor,
        permissions=held(session, role.id),
        limited_to=role.limited_to,
        active=role.active,
        menus=[{"id": each.item, "hidden": each.hidden, "label": each.label} for each in role_menus.of_role(session, role.id)],
    )


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
    limited_to: Iterable[str] | EllipsisType | None = ...,
    menus: Iterable[Mapping[str, Any]] | None = None,
) -> Role:
    """Change what is given; ``permissions`` and ``menus`` replace all there are, ``add`` and ``remove`` change some permissions;
    ``limited_to`` none limits no more.

    :raises Invalid: as :func:`create`.
    :raises Forbidden: when a permission or a user type is added that the actor does not hold or reach; and when the role is activated or
        becomes the default, which gives it to people, while it holds or reaches more than the actor.
    :raises Refused: when the default role would be closed or there would be none, or when one would take ``roles:edit`` from oneself.
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
    types = role.limited_to if isinstance(limited_to, EllipsisType) else _checked_types(limited_to, wrong)
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    stays_active = role.active if active is None else active
    becomes_default = role.is_default if is_default is None else is_default
    _require_default(role, becomes_default, stays_active)
    given_anew = (becomes_default and not role.is_default) or (stays_active and not role.active)
    if given_anew or _is_wider(types, role.limited_to):
        _require_grantable(after, types, actor)
    elif after - before:
        _require_grantable(after - before, types, actor)
    _spare_oneself(session, role, actor, keeps=stays_active and "roles:edit" in after)
    role.name, role.name_key, role.active, role.limited_to = shown, key, stays_active, types
    session.execute(delete(RolePermission).where(RolePermission.role_id == role.id, RolePermission.permission.in_(before - after)))
    _grant(session, role.id, after - before)
    if menus is not None:
        role_menus.write(session, role.id, role_menus.read(menus))
    if becomes_default and not role.is_default:
        _make_default(session, role)
    role.version += 1
    session.flush()
    return role


def remove(session: Session, role_id: int) -> None:
    """Delete a role that nobody has.

    :raises Refused: while an account has it in some period, while it is the default, or an integration's settings name it.
    """
    role = get(session, role_id, lock=True)
    users = session.scalar(select(func.count(RolePeriod.account_id.distinct())).where(RolePeriod.role_id == role.id)) or 0
    if users:
        who = "One account has" if users == 1 else f"{users:,} accounts have"
        raise Refused(f"{who} the role {role.name}, in this period or another.", hint="Make it inactive instead.")
    if role.is_default:
        raise Refused(f"{role.name} is the default role.", hint="Make another role of the type the default first.")
    if plugins := scopes.naming(session, scopes.ROLES, role.id):
        raise Refused(f"The settings of {', '.join(plugins)} name the role {role.name}.", hint="Take it out there first.")
    session.execute(delete(RolePermission).where(RolePermission.role_id == role.id))
    session.execute(delete(RoleMenu).where(RoleMenu.role_id == role.id))
    session.execute(delete(Role).where(Role.id == role.id))
    session.expunge(role)


def every(session: Session, *, user_type: str | None = None) -> list[RoleRow]:
    """All roles, by type in the order of the types and by name, in four statements."""
    permissions: dict[int, list[str]] = {}
    for role_id, permission in session.execute(
        select(RolePermission.role_id, RolePermission.permission).order_by(RolePermission.permission)
    ):
        permissions.setdefault(role_id, []).append(permission)
    users = dict(
        session.execute(select(RolePeriod.role_id, func.count(RolePeriod.account_id.distinct())).group_by(RolePeriod.role_id)).all()
    )
    menus = role_menus.of_roles(session)
    statement = select(Role).order_by(Role.name_key)
    found = session.scalars(statement.where(Role.user_type == user_type) if user_type else statement).all()
    order = list(USER_TYPES)
    return [
        RoleRow(
            id=role.id, name=role.name, user_type=role.user_type, active=role.active, is_default=role.is_default, version=role.version,
            limited_to=None if role.limited_to is None else tuple(role.limited_to), permissions=tuple(permissions.get(role.id, ())),
            menus=menus.get(role.id, ()), accounts=users.get(role.id, 0),
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


def modest(session: Session) -> Sequence[Role]:
    """The active roles that change nothing, by user type and name: what somebody may get by a rule and not by a person."""
    more = exists().where(RolePermission.role_id == Role.id, RolePermission.permission.not_in(MODEST))
    fit = (Role.active, Role.user_type != "administrator", ~more)
    return session.scalars(select(Role).where(*fit).order_by(Role.user_type, Role.name_key)).all()


def held(session: Session, role_id: int) -> frozenset[str]:
    """The permissions of a role."""
    return frozenset(session.scalars(select(RolePermission.permission).where(RolePermission.role_id == role_id)))


def granted(session: Session) -> frozenset[str]:
    """The permissions that some role holds; the others are new and nobody's but the Global Owner's."""
    return frozenset(session.scalars(select(RolePermission.permission).distinct()))


def require_grantable(session: Session, role_ids: Collection[int], actor: Actor) -> None:
    """Refuse to give anybody these roles unless the actor holds all that they hold, and reaches whom they reach (R58).

    :raises Forbidden: naming a role that holds more.
    """
    beyond = escalation.roles_beyond(session, actor, role_ids)
    if beyond:
        name = session.scalar(select(Role.name).where(Role.id.in_(beyond)).order_by(Role.name).limit(1))
        more = f" and {len(beyond) - 1:,} others hold" if len(beyond) > 1 else " holds"
        message = f"Nobody can give rights that they do not have: the role {name}{more} more than you do."
        raise Forbidden(message, hint="Ask an administrator who holds these rights.")


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
    elif key.partition("/")[0] in USER_TYPES and "/" in key:
        # Where two types share a name, the one that is meant is written so.
        wrong["name"] = [f"“{key.partition('/')[0]}/” before a name stands for the user type. Choose another name."]
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


def _checked_types(limited_to: Iterable[str] | None, wrong: dict[str, list[str]]) -> list[str] | None:
    """User types in their usual order. All of them is no limit; none of them is a mistake."""
    if limited_to is None:
        return None
    chosen = frozenset(limited_to)
    unknown = sorted(chosen - set(USER_TYPES))
    if unknown:
        wrong["limited_to"] = [f"{unknown[0]!r} is not a user type. The types are {', '.join(USER_TYPES)}."]
    elif not chosen:
        wrong["limited_to"] = ["Choose at least one user type, or do not limit the role."]
    return None if chosen == frozenset(USER_TYPES) else [each for each in USER_TYPES if each in chosen]


def _is_wider(after: Iterable[str] | None, before: Iterable[str] | None) -> bool:
    return before is not None and (after is None or not set(after) <= set(before))


def _require_grantable(permissions: Collection[str], limited_to: Iterable[str] | None, actor: Actor) -> None:
    escalation.require_held(permissions, actor)
    if permissions:
        escalation.require_reach(types_of(limited_to), actor)


def _spare_oneself(session: Session, role: Role, actor: Actor, *, keeps: bool) -> None:
    """Nobody locks themselves out of the roles by an edit of their own (Z-11); the Global Owner needs no role."""
    if keeps or actor.permissions is None or actor.account_id is None:
        return
    mine = select(RolePeriod.id).where(RolePeriod.account_id == actor.account_id, RolePeriod.role_id == role.id, RolePeriod.enabled)
    if "roles:edit" in held(session, role.id) and role.active and session.scalar(mine.limit(1)) is not None:
        message = f"{role.name} is your own role, and you could not edit roles any more."
        raise Refused(message, hint="Ask another administrator to change it.", code="own-role")


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
