"""Nobody grants more than they hold, and nobody acts on somebody who may do more (R58; Z-04, Z-05).

Owns what "more" is: a permission that one lacks, or a user type that one does not reach. Asked before a run, again in each of its
batches, and wherever a role is given or changed. Costs nothing for whoever may do everything.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, exists, not_, or_, select
from sqlalchemy.orm import Session

from rolecall.accounts import periods
from rolecall.accounts.actors import Actor
from rolecall.accounts.rights import types_of
from rolecall.errors import Forbidden, Unknown
from rolecall.sdk.requirement import Requirement
from rolecall.sdk.words import TYPE_OF_LIST, USER_TYPES
from rolecall.store import reach
from rolecall.store.bulk import among
from rolecall.store.tables import Account, ClassMember, Period, Person, Role, RolePeriod, RolePermission

#: The account may do more than the actor.
HIGHER = "higher-rights"
#: The account is of a user type that the actor's rights do not reach.
OUT_OF_REACH = "out-of-reach"
_HIGHER = "This account may do more than you may, so it is left as it is. Ask an administrator who holds its rights."
_OUT_OF_REACH = "Your role does not reach accounts of this type."


def is_within(types: frozenset[str] | None, actor: Actor) -> bool:
    """Tell whether user types (none: all of them) are among those that the actor reaches."""
    return actor.types is None or (types is not None and types <= actor.types)


def roles_beyond(session: Session, actor: Actor, role_ids: Collection[int] | None = None) -> frozenset[int]:
    """Return which roles, of these or of all, hold a permission that the actor lacks, or reach further than the actor's rights do.

    A role without permissions reaches nobody, so anybody may give it.
    """
    if actor.permissions is None:
        return frozenset()
    lacking = select(RolePermission.role_id).where(RolePermission.permission.not_in(actor.permissions)).distinct()
    beyond = set(session.scalars(lacking if role_ids is None else lacking.where(RolePermission.role_id.in_(role_ids))))
    if actor.types is not None:
        reaching = select(Role.id, Role.limited_to).where(Role.id.in_(select(RolePermission.role_id)))
        rows = session.execute(reaching if role_ids is None else reaching.where(Role.id.in_(role_ids)))
        beyond.update(row.id for row in rows if not is_within(types_of(row.limited_to), actor))
    return frozenset(beyond)


def requirements(session: Session, actor: Actor) -> tuple[Requirement, ...]:
    """What an account must fulfil for this actor to act on it at all; every action has these before its own (Z-05, Z-10).

    One's own account is no higher than oneself; it has to be reached like any other.
    """
    if actor.permissions is None:
        return ()
    more = may_do_more(session, actor)
    higher = Requirement(code=HIGHER, clause=lambda: not_(more), message=_HIGHER)
    if actor.types is None:
        return (higher,)
    types = sorted(actor.types)
    return (Requirement(code=OUT_OF_REACH, clause=lambda: Account.type.in_(types), message=_OUT_OF_REACH), higher)


def may_do_more(session: Session, actor: Actor) -> ColumnElement[bool]:
    """The clause over ``account`` that is true for the Global Owner, and for whoever has more rights in some open period than the actor.

    Whether the account is active does not matter: it may become so again. For an actor who lacks something.
    """
    more: list[ColumnElement[bool]] = [Account.is_owner.is_(True)]
    beyond = roles_beyond(session, actor)
    if beyond:
        held = exists().where(
            RolePeriod.account_id == Account.id, RolePeriod.enabled, RolePeriod.role_id.in_(beyond),
            Role.id == RolePeriod.role_id, Role.active, Period.id == RolePeriod.period_id, Period.is_open,
        )  # fmt: skip
        more.append(held.correlate(Account))
    return (Account.id != (actor.account_id or 0)) & or_(*more)


def require_account(session: Session, actor: Actor, account_id: int) -> None:
    """Refuse to act on an account outside of runs, by the same requirements (Z-05).

    :raises Unknown: when there is none, or the actor's rights do not reach it.
    :raises Forbidden: when it may do more than the actor.
    """
    reached = session.scalar(select(Account.id).where(Account.id == account_id, *reach.accounts(actor.types)))
    if reached is None:
        raise Unknown(f"There is no account with the id {account_id}.")
    if actor.permissions is not None and session.scalar(select(may_do_more(session, actor)).where(Account.id == account_id)):
        raise Forbidden(_HIGHER, code=HIGHER)


def require_person(session: Session, actor: Actor, person_id: int) -> None:
    """Refuse to change the record of somebody whose account may do more: passwords and links are sent where the record says (Z-05).

    :raises Unknown: when the actor's rights do not reach the person.
    :raises Forbidden: with the sentence.
    """
    if people_out_of_reach(session, actor, [person_id]):
        raise Unknown(f"There is no person with the id {person_id}.")
    if people_beyond(session, actor, [person_id]):
        message = "This person's account may do more than you may, so you cannot change the record."
        raise Forbidden(message, hint="Ask an administrator who holds its rights.", code=HIGHER)


def people_beyond(session: Session, actor: Actor, person_ids: Collection[int]) -> frozenset[int]:
    """Return the people among these whose record the actor may not change, because their account may do more."""
    if actor.permissions is None or not person_ids:
        return frozenset()
    theirs = select(Account.person_id).where(Account.person_id.in_(among(session, person_ids)), may_do_more(session, actor))
    return frozenset(session.scalars(theirs))


def people_out_of_reach(session: Session, actor: Actor, person_ids: Collection[int]) -> frozenset[int]:
    """Return the people among these whom the actor's rights do not reach; for the actor they do not exist."""
    if actor.types is None or not person_ids:
        return frozenset()
    reached = session.scalars(select(Person.id).where(Person.id.in_(among(session, person_ids)), *reach.people(actor.types)))
    return frozenset(person_ids) - frozenset(reached)


def classes_beyond(session: Session, actor: Actor, class_ids: Collection[int]) -> frozenset[int]:
    """Return the classes among these with a member whom the actor's rights do not reach: what concerns all of them is not the actor's."""
    if actor.types is None or not class_ids:
        return frozenset()
    reached = select(Person.id).where(*reach.people(actor.types))
    others = select(ClassMember.class_id).where(ClassMember.class_id.in_(among(session, class_ids)), ClassMember.person_id.not_in(reached))
    return frozenset(session.scalars(others.distinct()))


def require_list(people_list: str, actor: Actor) -> None:
    """Refuse people of a list that the actor's rights do not reach.

    :raises Forbidden: naming the list.
    """
    if people_list not in reach.lists(actor.types):
        raise Forbidden(f"Your role does not reach the {people_list}.", hint="Ask an administrator whose role does.", code=OUT_OF_REACH)


def lists_not_to_open(session: Session, actor: Actor) -> dict[str, str]:
    """For each list whose accounts would get a default role beyond the actor's own rights, the sentence why none is opened (R50).

    Opening gives that role, so it is granting: an account without its role would be one that nobody can sign in to.
    """
    if actor.permissions is None or (period := periods.current(session)) is None or not period.is_open:
        return {}
    defaults = session.execute(select(Role.id, Role.name, Role.user_type).where(Role.is_default, Role.active)).all()
    beyond = roles_beyond(session, actor, [row.id for row in defaults])
    why = {
        row.user_type: f"New accounts of {USER_TYPES[row.user_type].lower()} get the role {row.name}, which holds more than you may give. "
        "Ask an administrator who holds its rights, or for another default role."
        for row in defaults
        if row.id in beyond
    }
    return {people_list: why[user_type] for people_list, user_type in TYPE_OF_LIST.items() if user_type in why}


def require_held(permissions: Collection[str], actor: Actor) -> None:
    """Refuse to give permissions that the actor does not hold.

    :raises Forbidden: naming what is missing.
    """
    missing: Sequence[str] = sorted(each for each in permissions if not actor.may(each))
    if missing:
        raise Forbidden(
            f"Nobody can give rights that they do not have: {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}.",
            hint="Ask an administrator who holds them.",
        )


def require_reach(types: frozenset[str] | None, actor: Actor) -> None:
    """Refuse to give rights that reach further than the actor's own.

    :raises Forbidden: naming how far those reach.
    """
    if not is_within(types, actor):
        own = ", ".join(USER_TYPES[each].lower() for each in sorted(actor.types or ()) if each in USER_TYPES)
        raise Forbidden(
            f"Nobody can give rights that reach further than their own: yours reach {own or 'nobody'}.",
            hint="Limit the role to these user types, or ask an administrator whose rights reach further.",
        )
