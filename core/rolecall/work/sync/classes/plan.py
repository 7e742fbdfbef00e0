"""Compares what a provider was told of a class with what it should hold, and says in one change what to do about it, or nothing.

Pure: the sync and the preview both use it. Knows nothing of leases and errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rolecall.sdk.provider import Attributes, Provider
from rolecall.sdk.snapshots import ClassSnapshot, Member
from rolecall.work.class_links import ARCHIVED, PRESENT
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.classes.roll import Roll
from rolecall.work.sync.classes.sent import SentClass
from rolecall.work.sync.plan import difference


class ClassVerb(StrEnum):
    """What one change of a class does at the provider."""

    CREATE = "create"
    UPDATE = "update"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassChange:
    """One class's step of a plan. ``before`` and ``after`` hold only what differs; ``wanted`` is all of it.

    ``add`` and ``remove`` are what follows from what we know; where ``ask`` is set, what is there is asked first and they are made anew,
    by ``members`` (who is wanted), ``ours`` (whom we may have put in) and ``roll`` (whose membership is ours to change).
    """

    link_id: int
    verb: ClassVerb
    school_class: ClassSnapshot
    external_id: str | None = None
    before: Attributes = field(default_factory=dict)
    after: Attributes = field(default_factory=dict)
    wanted: Attributes = field(default_factory=dict)
    members: frozenset[Member] = frozenset()
    add: frozenset[Member] = frozenset()
    remove: frozenset[Member] = frozenset()
    ours: frozenset[Member] = frozenset()
    roll: Roll = field(default_factory=Roll)
    reopen: bool = False
    ask: bool = False

    @property
    def names(self) -> Mapping[str, str]:
        """User names by remote id."""
        return self.roll.names


def plan(
    provider: Provider, school_class: ClassSnapshot, *, link_id: int, goal: str, external_id: str | None, sent: SentClass | None, roll: Roll
) -> ClassChange | None:
    """Return the one change that brings a class to its goal at the provider, or none when nothing has to be called.

    A class that the provider does not have waits until one of its members is there: an empty course is of no use to anybody, and some
    services need a teacher to make one. ``sent`` without an ``external_id`` is a creation of which nobody lived to write down the answer.
    """
    there = sent or SentClass()
    if goal == ARCHIVED:
        if sent is None or (sent.archived and not sent.unclear) or not provider.can("archive_class"):
            return None
        return ClassChange(
            link_id=link_id, verb=ClassVerb.ARCHIVE, school_class=school_class, external_id=external_id, wanted=sent.attributes,
            members=roll.members, ours=sent.members, roll=roll, ask=external_id is not None and sent.unclear and not sent.archived,
        )  # fmt: skip
    if goal != PRESENT or (external_id is None and sent is None and not roll.members):
        return None
    wanted = sent_state.check(provider.class_attributes(school_class))
    roll = replace(roll, members=frozenset(Member(each.external_id, provider.class_role(each.role)) for each in roll.members))
    if external_id is None:
        return ClassChange(
            link_id=link_id, verb=ClassVerb.CREATE, school_class=school_class, after=wanted, wanted=wanted, members=roll.members,
            add=roll.members, ours=there.members, roll=roll,
        )  # fmt: skip
    before, after = (there.attributes, wanted) if there.unclear else difference(there.attributes, wanted)
    add, remove = moves(there.members, roll.members, ours=there.members, roll=roll)
    if not provider.can("update_class"):
        after = {}
    # Of a class that was closed it is not certain who stayed in it.
    ask = there.archived or there.unclear
    if not (after or add or remove or ask):
        return None
    return ClassChange(
        link_id=link_id, verb=ClassVerb.UPDATE, school_class=school_class, external_id=external_id, before=before, after=after,
        wanted=wanted, members=roll.members, add=add, remove=remove, ours=there.members, roll=roll,
        reopen=ask, ask=ask,
    )  # fmt: skip


def moves(
    there: frozenset[Member], wanted: frozenset[Member], *, ours: frozenset[Member], roll: Roll
) -> tuple[frozenset[Member], frozenset[Member]]:
    """Return whom to put in and whom to take out, where ``there`` are in it now.

    Taken out are people whom we put in and whose account is ours to follow, and every other role of somebody who is wanted. People
    whom somebody at the provider put in stay.
    """
    ids = {member.external_id for member in wanted}
    gone = {member for member in there - wanted if member in ours and member.external_id in roll.linked - roll.left}
    other_role = {member for member in there - wanted if member.external_id in ids}
    # Some services know people in a class and not roles: who is taken out of one role is put in again with the others.
    again = {member for member in wanted if member.external_id in {each.external_id for each in other_role}}
    return (wanted - there) | again, frozenset(gone | other_role)


def put_back(there: frozenset[Member], change: ClassChange) -> frozenset[Member]:
    """Return those of a class that ends whom we may have taken out in the middle of a change: they stay in it for good."""
    ids, ours = ({member.external_id for member in group} for group in (there, change.ours))
    return frozenset(member for member in change.members if member.external_id in ours - ids)


def after(change: ClassChange, *, but: frozenset[Member] = frozenset(), still: frozenset[Member] = frozenset()) -> SentClass:
    """Return what the provider was told once a change is carried out, ``but`` for members it refused.

    ``still`` are in it although they were to go.
    """
    if change.verb is ClassVerb.ARCHIVE:
        return SentClass(attributes=change.wanted, members=change.ours, archived=True)
    left = frozenset(member for member in change.ours if member.external_id in change.roll.left)
    return SentClass(attributes=change.wanted, members=(change.members - but) | left | still)
