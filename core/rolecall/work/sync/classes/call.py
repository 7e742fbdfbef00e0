"""Has a provider carry out changes of classes, each by its verbs: create or take over, update, take members out, put members in, archive.

What the provider refuses over single members is found out by halves, so that one person never keeps the others out. No transaction is
open here. Knows nothing of what an outcome means for a link.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from rolecall.errors import Conflict, Permanent, ProviderError
from rolecall.sdk.provider import Attributes, Provider, Remote
from rolecall.sdk.snapshots import Member
from rolecall.work.sync.call import Guard, tamed
from rolecall.work.sync.claim import ClaimedClass
from rolecall.work.sync.classes.plan import ClassChange, ClassVerb, after, moves, put_back
from rolecall.work.sync.classes.sent import SentClass
from rolecall.work.sync.outcome import LinkOutcome

#: Members named in a sentence; the rest is a number.
_NAMED = 5
#: So many refused one by one, and nobody accepted, mean that it is not about these people: the others are not tried one by one.
_ENOUGH = 5

#: ``add_members`` or ``remove_members`` of a provider.
MembersCall = Callable[[str, Collection[Member]], None]
#: Members with why the provider refused each.
Refused = dict[Member, ProviderError]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedClass:
    """A claimed link and the change that was planned for it."""

    link: ClaimedClass
    change: ClassChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOutcome(LinkOutcome):
    """What became of the link of a class. ``sent`` is what is there now, where that is known, also beside an error over some members."""

    link: ClaimedClass
    change: ClassChange | None = None
    sent: SentClass | None = None


@dataclass(slots=True, kw_only=True)
class _Progress:
    """How far one change has come, for the case that it comes no further."""

    external_id: str | None
    adopted: bool = False
    sent: SentClass | None = None


class ClassCaller:
    """Carries out one plan."""

    def __init__(self, provider: Provider, guard: Guard) -> None:
        self._provider = provider
        self._guard = guard

    def carry_out(self, plan: Sequence[PlannedClass]) -> Iterator[ClassOutcome]:
        """Yield one outcome per planned change, in their order. Stops calling when that would do no good: what is left is not called."""
        for planned in plan:
            yield self._guard.noted(self._one(planned))

    def _one(self, planned: PlannedClass) -> ClassOutcome:
        link, change = planned.link, planned.change
        progress = _Progress(external_id=link.external_id)
        error: Exception | None = None
        try:
            self._carry(change, progress)
        except (Exception, SystemExit) as raised:  # noqa: BLE001 - a plugin may raise anything; here it ends as this class's outcome
            error = tamed(raised, link, f"{change.verb} class")
        return ClassOutcome(
            link=link, change=change, error=error, external_id=progress.external_id, adopted=progress.adopted, sent=progress.sent
        )

    def _carry(self, change: ClassChange, progress: _Progress) -> None:
        if change.verb is ClassVerb.ARCHIVE:
            self._archive(change, progress)
            return
        add, remove = change.add, change.remove
        if change.verb is ClassVerb.CREATE:
            is_new = self._create(change, progress)
        else:
            is_new = False
            if change.after or change.reopen:
                self._update(str(change.external_id), change.after)
        external_id = str(progress.external_id)
        if change.ask or (change.verb is ClassVerb.CREATE and not is_new):
            self._guard.ensure()
            there = frozenset(self._provider.members(external_id))
            add, remove = moves(there, change.members, ours=change.ours, roll=change.roll)
        # First out, then in: a changed role is both.
        stuck = self._each(self._provider.remove_members, external_id, remove)
        refused = self._each(self._provider.add_members, external_id, add)
        progress.sent = after(change, but=frozenset(refused), still=frozenset(stuck))
        if refused or stuck:
            raise _refusal(change, refused, stuck)

    def _create(self, change: ClassChange, progress: _Progress) -> bool:
        """Find, then create; what turns out to exist is taken over if it is ours or nobody's. Tells whether it was made."""
        found = self._find(change)
        if found is None:
            try:
                self._guard.ensure()
                progress.external_id = _usable(self._provider.create_class(change.school_class, change.wanted))
            except Conflict:
                found = self._find(change)
                if found is None:
                    raise
            else:
                return True
        if found.key and found.key != change.school_class.key:
            raise Conflict(
                f"{self._provider.label} already has a class of this name that belongs to another (its external key is {found.key}).",
                hint="Rename one of them, and retry.",
            )
        progress.external_id, progress.adopted = _usable(found), True
        differing = {name: value for name, value in change.wanted.items() if found.attributes.get(name) != value}
        if differing or found.suspended:
            self._update(found.external_id, differing)
        return False

    def _archive(self, change: ClassChange, progress: _Progress) -> None:
        if progress.external_id is None:
            found = self._find(change)
            if found is None or found.key != change.school_class.key:
                return  # the creation that nobody lived to write down never happened
            progress.external_id = _usable(found)
        if change.ask:
            self._guard.ensure()
            missing = put_back(frozenset(self._provider.members(progress.external_id)), change)
            self._each(self._provider.add_members, progress.external_id, missing)
        self._guard.ensure()
        self._provider.archive_class(progress.external_id)
        progress.sent = after(change)

    def _find(self, change: ClassChange) -> Remote | None:
        self._guard.ensure()
        return self._provider.find_class(change.school_class)

    def _update(self, external_id: str, changes: Attributes) -> None:
        if self._provider.can("update_class"):
            self._guard.ensure()
            self._provider.update_class(external_id, changes)

    def _each(self, call: MembersCall, external_id: str, members: Collection[Member]) -> Refused:
        """Do a step for all members; where the provider refuses it for good, by halves, down to those it refuses it for."""
        refused: Refused = {}
        parts = [sorted(members, key=lambda member: (member.external_id, member.role))] if members else []
        any_accepted = False
        while parts:
            part = parts.pop()
            try:
                self._guard.ensure()
                call(external_id, part)
                any_accepted = True
            except (Permanent, Conflict) as error:
                middle = len(part) // 2
                if middle == 0 or (not any_accepted and len(refused) >= _ENOUGH):
                    refused |= dict.fromkeys(part, error)
                else:
                    parts += [part[middle:], part[:middle]]
        return refused


def _usable(remote: Remote) -> str:
    external_id: object = remote.external_id
    if not isinstance(external_id, str) or not 0 < len(external_id) <= 200 or not external_id.isprintable():
        raise TypeError("The plugin gave no usable id for this class.")
    return external_id


def _refusal(change: ClassChange, refused: Refused, stuck: Refused) -> Permanent:
    parts = [
        f"{_people(change, found)} could not be {what}: {next(iter(found.values()))}"
        for found, what in ((refused, "put into it"), (stuck, "taken out of it"))
        if found
    ]
    return Permanent(" ".join(parts), hint="Everybody else is in step.")


def _people(change: ClassChange, members: Collection[Member]) -> str:
    names = [change.names.get(member.external_id, member.external_id) for member in members]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
