"""Who of a class is wanted at a provider, and whose membership there is left alone. A read, set-based over many classes.

A member is wanted whose account is there and is to be open there. One whose account is suspended there, or who is kept out of sync, is
neither put in nor taken out: nobody loses marks or files over a suspension. Whoever is not linked any more is nobody of ours.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.sdk.snapshots import Member
from rolecall.store.bulk import among, among_texts
from rolecall.store.tables import Account, ClassMember, Link, Person
from rolecall.work.links import PRESENT, RELEASED


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """One class's members by their remote ids.

    ``left`` are those who are neither put in nor taken out, ``linked`` all whose account is ours to follow; ``names`` say who is who.
    """

    members: frozenset[Member] = frozenset()
    left: frozenset[str] = frozenset()
    linked: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)


def rolls(session: Session, provider: str, class_ids: Sequence[int], sent: Mapping[int, Iterable[Member]]) -> dict[int, Roll]:
    """Return the roll of each class at a provider; ``sent`` are those who may have been put in before, by class."""
    held = (Link.provider == provider, Link.external_id.is_not(None), Link.goal != RELEASED)
    rows = session.execute(
        select(ClassMember.class_id, ClassMember.role, Link.external_id, Link.goal, Person.no_sync, Account.username)
        .join(Account, Account.person_id == ClassMember.person_id)
        .join(Person, Person.id == ClassMember.person_id)
        .join(Link, Link.account_id == Account.id)
        .where(ClassMember.class_id.in_(among(session, class_ids)), *held)
    ).all()
    former = {member.external_id for members in sent.values() for member in members}
    found = session.execute(
        select(Link.external_id, Account.username)
        .join(Account, Account.id == Link.account_id)
        .where(Link.external_id.in_(among_texts(session, sorted(former))), *held)
    )
    names = {str(external_id): username for external_id, username in found}
    members: dict[int, set[Member]] = defaultdict(set)
    left: dict[int, set[str]] = defaultdict(set)
    for class_id, role, held_id, goal, no_sync, username in rows:
        external_id = str(held_id)
        names[external_id] = username
        if goal == PRESENT and not no_sync:
            members[class_id].add(Member(external_id, role))
        else:
            left[class_id].add(external_id)
    linked = frozenset(names)
    return {
        class_id: Roll(members=frozenset(members[class_id]), left=frozenset(left[class_id]), linked=linked, names=names)
        for class_id in class_ids
    }
