"""Carries many changes to a SCIM service, by bulk where it can, and gives each its own outcome.

Owns the order (find, create, change, open or close, delete, groups): what one person needs comes one call after the other, what many need
travels together. ``active`` always travels alone: beside a refused value it would be lost with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rolecall.errors import NotFound, Permanent, ProviderError, Transient
from rolecall.sdk import Attributes, Remote, Verb, batching
from rolecall.sdk.batching import Phase, Row, Step, moves
from rolecall_scim import users
from rolecall_scim.bulk import send
from rolecall_scim.client import USERS, Operation, created_id, one
from rolecall_scim.errors import Taken
from rolecall_scim.groups import Groups
from rolecall_scim.lookups import Lookups
from rolecall_scim.service import Service
from rolecall_scim.writing import Edit, Writer


class Courier(batching.Courier):
    """Carries one plan."""

    def __init__(self, service: Service, groups: Groups) -> None:
        super().__init__()
        self.service = service
        self.groups = groups
        self.lookups = Lookups(service)
        self.writer = Writer(service)

    def phases(self) -> Iterable[Phase]:
        """Return the order in which one person's changes travel."""
        return (
            Phase(self._update, lambda step: bool(step.fields)),
            Phase(self._activate, lambda step: step.enable is not None),
            Phase(self._delete, lambda step: step.verb is Verb.DELETE),
            Phase(self._move, lambda step: "groups" in step.sets),
        )

    def screen(self, step: Step, attributes: Attributes) -> ProviderError | None:
        """Return the error for an account that gives the mapping nothing to make a user name of."""
        named = bool(attributes.get("userName")) or (step.user is not None and "userName" not in attributes)
        return None if named else nameless()

    def look_up(self, steps: Sequence[Step]) -> Mapping[int, Row | ProviderError]:
        """Find the users of these steps by our key and by user name."""
        return self.lookups.find({step.planned.account.id: (step.planned.account.key, self._name(step)) for step in steps})

    def remote_of(self, row: Row) -> Remote:
        """Turn a user of an answer into the value core knows."""
        return users.remote_of(row, self.service.slot)

    def taken(self, row: Row) -> ProviderError:
        """Return the error for a user name that belongs to somebody else."""
        return users.taken(self.remote_of(row))

    def settled(self, step: Step, error: ProviderError) -> ProviderError:
        """Return what an error means for a user that this plan found or made a moment ago."""
        if isinstance(error, NotFound) and (step.fresh or step.adopted):
            return Transient("The SCIM service does not show the user any more that it named a moment ago.")
        return error

    def create(self, steps: list[Step]) -> None:
        """Make users, and find out who has a name that is taken."""
        refused = []
        for step, answer in zip(steps, send(self.service, [self._creation(step) for step in steps]), strict=True):
            step.finished = True
            if isinstance(answer.error, Taken):
                refused.append((step, answer.error))
            elif answer.error is not None:
                step.error = answer.error
            else:
                try:
                    self.made(step, created_id(answer))
                except ProviderError as error:
                    step.error = error
        for step, taken in refused:
            self._taken(step, taken)

    def _name(self, step: Step) -> str:
        """Return the user name to look for; empty where an account is closed that was never found: that goes by our key alone."""
        return str(step.planned.wanted.get("userName") or "").lower()

    def _creation(self, step: Step) -> Operation:
        password = step.planned.password if self.service.settings.get("send_password", True) else None
        body = users.creation(step.planned.wanted, password, active=self.writer.truth(True))
        return Operation(method="POST", path=USERS, body=body)

    def _taken(self, step: Step, error: Taken) -> None:
        """Find out who holds the name: ourselves, after an answer was lost, nobody's user, or somebody else's."""
        try:
            row = self.lookups.by_name(self._name(step))
            if row is None:
                step.error = error
            else:
                self.adopt(step, row)
        except ProviderError as wrong:
            step.error = wrong

    def _update(self, steps: list[Step]) -> None:
        self._edit(steps, lambda step: Edit(user=str(step.user), row=step.row, fields=step.fields))

    def _activate(self, steps: list[Step]) -> None:
        self._edit(steps, lambda step: Edit(user=str(step.user), active=step.enable))

    def _edit(self, steps: Sequence[Step], edit: Callable[[Step], Edit]) -> None:
        self.done(steps, self.writer.write([edit(step) for step in steps]))

    def _delete(self, steps: list[Step]) -> None:
        operations = [Operation(method="DELETE", path=one(USERS, str(step.user)), repeatable=True) for step in steps]
        self.deleted(steps, [answer.error for answer in send(self.service, operations)])

    def _move(self, steps: list[Step]) -> None:
        known = self.groups.memberships() if any(not step.fresh for step in steps) else {}
        # Groups go by their keys here, so that is what one is taken out of as well.
        self.blame(steps, self.groups.move(*moves(steps, {user: {key: key for key in keys} for user, keys in known.items()})))


def nameless() -> Permanent:
    """Return the error for an account that gives the mapping nothing to make a user name of."""
    return Permanent(
        "The mapping makes no user name of this account: what it is made of is empty.",
        hint="Give the account an e-mail address, or map the user name to something that everybody has.",
    )
