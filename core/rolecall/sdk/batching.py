"""Carries many changes to a provider in phases that travel together, and gives each change its own outcome whatever happens.

Owns the order of things: who is unknown is looked up and taken over or made, then phase follows phase. A provider says what its phases
are and sends their calls; how is none of this module's business.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from rolecall.errors import Ambiguous, NotFound, ProviderError, Transient
from rolecall.sdk.provider import Attributes, Change, Remote, Result, Verb

#: Verbs that leave nothing to write.
CLOSING = (Verb.SUSPEND, Verb.DELETE)

#: A user as the service shows it.
Row: TypeAlias = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Step:
    """One change on its way: what is known of it so far, and what is still to be done."""

    verb: Verb
    change: Change | None = None
    #: The remote id, once it is known.
    user: str | None = None
    #: The user as it is there, where it was read.
    row: Row | None = None
    #: What is still to be written of the user itself.
    fields: dict[str, Any] = field(default_factory=dict)
    #: Set-valued attributes still to be brought about, such as groups, by name.
    sets: dict[str, frozenset[str]] = field(default_factory=dict)
    #: Whether the user is to be opened or closed; none: it stays as it is.
    enable: bool | None = None
    error: Exception | None = None
    adopted: bool = False
    #: Made by this very plan, so the user is in no group, and may not be seen everywhere.
    fresh: bool = False
    note: str = ""
    #: Whether the phase that is going on has done its work for this step.
    finished: bool = False

    @property
    def planned(self) -> Change:
        """The change; only the steps of single verbs have none, and they never come where it is asked for."""
        assert self.change is not None  # noqa: S101 - tells mypy what the docstring says
        return self.change

    @property
    def key(self) -> str:
        """The account's key, empty where it is not known."""
        return self.change.account.key if self.change is not None else ""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the work that many steps do together, and which of them it ``concerns``."""

    work: Callable[[list[Step]], None]
    concerns: Callable[[Step], bool]


class Courier(ABC):
    """Carries one plan; a provider's own courier says how (R64, R66).

    Look-ups, creations and phases are handed all steps that they concern. Each step that was dealt with is ``finished``, with or without
    an ``error``; an exception that leaves a phase is the error of those that were not, and nothing more is sent after it.
    """

    #: The attributes that are sets: no part of a user, and brought about by phases of their own.
    sets: ClassVar[Sequence[str]] = ("groups",)

    def __init__(self) -> None:
        self._stopped: Exception | None = None

    @abstractmethod
    def phases(self) -> Iterable[Phase]:
        """Return what follows when every step has its user, in order."""

    @abstractmethod
    def look_up(self, steps: Sequence[Step]) -> Mapping[int, Row | ProviderError]:
        """Find the users of these steps by our key and by name; returns users and errors by account id, without those nobody has."""

    @abstractmethod
    def create(self, steps: list[Step]) -> None:
        """Make users for these steps, whom the look-up did not find; :meth:`made` takes down what came of it."""

    @abstractmethod
    def remote_of(self, row: Row) -> Remote:
        """Turn a user of an answer into the value core knows, without its sets."""

    @abstractmethod
    def taken(self, row: Row) -> ProviderError:
        """Return the error for a name that belongs to this user, who is somebody else."""

    def screen(self, step: Step, attributes: Attributes) -> ProviderError | None:
        """Return why the service would refuse these attributes, before anything is sent; none where it would not."""
        return None

    def not_adopted(self, remote: Remote, row: Row) -> ProviderError | None:
        """Return why a user that is ours or nobody's is left alone all the same; none where it is taken over."""
        return None

    def settled(self, step: Step, error: ProviderError) -> ProviderError:
        """Return what an error means for this step: a user that was made or found a moment ago is not gone for good."""
        if isinstance(error, NotFound) and (step.fresh or step.adopted):
            return Transient("The service does not show the user any more that it named a moment ago.")
        return error

    def write(self, step: Step, attributes: Attributes) -> None:
        """Take down what the phases have to write."""
        step.fields = {name: value for name, value in attributes.items() if name not in self.sets}
        step.sets = {name: value for name in self.sets if isinstance(value := attributes.get(name), frozenset)}

    def carry(self, plan: Sequence[Change]) -> Iterator[Result]:
        """Carry out a plan and yield one result per change."""
        steps = [Step(verb=change.verb, change=change) for change in plan]
        for step in steps:
            change = step.planned
            if change.verb is not Verb.CREATE and change.external_id is not None:
                self._address(step, change.external_id, change.after)
            elif change.verb not in CLOSING:
                step.error = self.screen(step, change.wanted)
        self._run(steps)
        for step in steps:
            external_id = step.user or step.planned.external_id
            yield Result(change=step.planned, external_id=external_id, error=step.error, adopted=step.adopted, note=step.note)

    def one(self, verb: Verb, external_id: str, attributes: Attributes) -> None:
        """Do one verb to one user, or raise what went wrong."""
        step = Step(verb=verb)
        self._address(step, external_id, attributes)
        self._run([step])
        if step.error is not None:
            raise step.error

    def find_or_create(self, steps: list[Step]) -> None:
        """Look all of them up first; adopt what is ours or nobody's, create the rest (R64)."""
        found = self.look_up(steps)
        claimed: set[str] = set()
        missing = []
        for step in steps:
            row = found.get(step.planned.account.id)
            if isinstance(row, ProviderError):
                step.error = row
            elif step.verb in CLOSING:
                self._close(step, row)
            elif row is None:
                missing.append(step)
            elif (number := self.remote_of(row).external_id) in claimed:
                step.error = self.taken(row)
            else:
                claimed.add(number)
                self.adopt(step, row)
        self.create(missing)

    def adopt(self, step: Step, row: Row) -> None:
        """Take over a user that is ours or nobody's; what differs is written in the phases that follow."""
        remote = self.remote_of(row)
        step.error = self.taken(row) if remote.key and remote.key != step.key else self.not_adopted(remote, row)
        if step.error is None:
            step.user, step.row, step.adopted, step.finished = remote.external_id, row, True, True
            self.write(step, step.planned.differing(remote.attributes))
            step.enable = True if remote.suspended else None

    def made(self, step: Step, external_id: str) -> None:
        """Take down that a user was made, who has all of its attributes but the sets; an empty set needs no call."""
        step.user, step.fresh, step.finished = external_id, True, True
        self.write(step, {name: step.planned.wanted[name] for name in self.sets if step.planned.wanted.get(name)})

    def restored(self, step: Step, external_id: str) -> None:
        """Take down that a deleted user of ours was brought back; what is set once was set before it was deleted."""
        step.user, step.adopted, step.enable, step.finished = external_id, True, True, True
        self.write(step, {name: value for name, value in step.planned.wanted.items() if name not in step.planned.once})

    def done(self, steps: Sequence[Step], errors: Iterable[ProviderError | None]) -> None:
        """Take down what came of one call for each of these steps."""
        for step, error in zip(steps, errors, strict=True):
            step.finished = True
            step.error = self.settled(step, error) if error is not None else None

    def deleted(self, steps: Sequence[Step], errors: Iterable[ProviderError | None]) -> None:
        """Take down what came of deletions; one that was gone already is done."""
        for step, error in zip(steps, errors, strict=True):
            step.finished = True
            if isinstance(error, NotFound):
                step.note = "It was already gone."
            else:
                step.error = error

    def blame(self, steps: Sequence[Step], failed: Mapping[str, ProviderError]) -> None:
        """Take down errors that are known by remote id; the first error of a step stays."""
        for step in steps:
            if step.error is None:
                step.error = failed.get(str(step.user))

    def _address(self, step: Step, external_id: str, attributes: Attributes) -> None:
        """Prepare a step for a user whose id is known."""
        step.user = external_id
        step.enable = {Verb.SUSPEND: False, Verb.RESUME: True}.get(step.verb)
        if step.verb not in CLOSING:
            step.error = self.screen(step, attributes)
            self.write(step, attributes)

    def _close(self, step: Step, row: Row | None) -> None:
        """Close a user whose id the link does not know: only one that carries our key is ours to close."""
        step.finished = True
        remote = self.remote_of(row) if row is not None else None
        if remote is None or remote.key != step.key:
            step.note = "There was nothing to close."
            return
        step.user, step.row = remote.external_id, row
        step.enable = False if step.verb is Verb.SUSPEND else None

    def _run(self, steps: Sequence[Step]) -> None:
        for phase in (Phase(self.find_or_create, lambda step: step.user is None), *self.phases()):
            self._phase(phase, [step for step in steps if step.error is None and not step.note and phase.concerns(step)])

    def _phase(self, phase: Phase, steps: Sequence[Step]) -> None:
        """Do a phase; an error that leaves it concerns all that were not finished."""
        if not steps:
            return
        for step in steps:
            step.finished = False
        try:
            if self._stopped is not None:
                raise self._stopped
            phase.work(list(steps))
        except Exception as error:  # noqa: BLE001 - each change has its own outcome; the sync sorts the errors
            # Nothing of the later phases will be sent, so nothing of them is in doubt.
            self._stopped = Transient(error.message) if isinstance(error, Ambiguous) else error
            for step in steps:
                if step.error is None and not step.finished:
                    step.error = error


def moves(steps: Sequence[Step], known: Mapping[str, Mapping[str, str]]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return whom to put into which groups of their roles, and whom to take out of those of former roles; other groups are not ours.

    ``known`` has the groups of ours that somebody is in, as key → remote id. To add are (user, key), to remove (user, remote id).
    """
    add, remove = [], []
    for step in steps:
        user, wanted = str(step.user), step.sets.get("groups", frozenset())
        now = known.get(user, {})
        add += [(user, key) for key in sorted(wanted - set(now))]
        remove += [(user, group) for key, group in sorted(now.items()) if key not in wanted]
    return add, remove
