"""Carries many changes to Google Workspace in batches, and gives each its own outcome.

Owns the order (find, restore or create, read, update, open or close, archive, delete, licences, groups): what one person needs comes
one call after the other, what many need travels together. ``suspended`` travels alone: beside a refused value it would be lost with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rolecall.errors import NotFound, ProviderError
from rolecall.sdk import Attributes, Remote, Secret, Verb, batching
from rolecall.sdk.batching import CLOSING, Phase, Row, Step, moves
from rolecall_google import closing, names, taken, users
from rolecall_google.client import USERS, Part, id_of, segment
from rolecall_google.errors import Denied, Taken, Unclear, settled
from rolecall_google.settings import unit_of

if TYPE_CHECKING:
    from rolecall_google.workspace import Workspace


class Courier(batching.Courier):
    """Carries one plan."""

    sets: ClassVar[Sequence[str]] = ("licences", "groups")

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.google = workspace.google

    def phases(self) -> Iterable[Phase]:
        """Return the order in which one person's changes travel."""
        archives = bool(self.workspace.settings.get("archive"))
        return (
            Phase(self._read, lambda step: step.row is None and (step.enable is True or not users.IN_LISTS.isdisjoint(step.fields))),
            Phase(self._update, lambda step: bool(step.fields)),
            Phase(self._open_or_close, lambda step: step.enable is not None),
            Phase(self._archive, lambda step: step.enable is False and archives),
            Phase(self._delete, lambda step: step.verb is Verb.DELETE),
            Phase(self._licences, lambda step: "licences" in step.sets),
            Phase(self._groups, lambda step: "groups" in step.sets),
        )

    def screen(self, step: Step, attributes: Attributes) -> ProviderError | None:
        """Return what Google would refuse without naming it."""
        fault = names.fault(attributes)
        if fault is None and step.change is not None and step.change.password is not None:
            fault = names.password_fault(step.change.password.reveal())
        return names.refused(fault) if fault else None

    def look_up(self, steps: Sequence[Step]) -> Mapping[int, Row | ProviderError]:
        """Find the users of these steps by our key and by address; who has it as an alias only is nobody to close."""
        work = self.workspace
        accounts = [step.planned.account for step in steps]
        addresses = {account.id: work.address_of(account) for account in accounts}
        found = users.find_all(self.google, accounts, addresses, work.key_type, work.customer)
        ending = {step.planned.account.id for step in steps if step.verb in CLOSING}
        return {number: row for number, row in found.items() if number not in ending or not isinstance(row, users.AliasOf)}

    def remote_of(self, row: Row) -> Remote:
        """Turn a user of an answer into the value core knows."""
        return users.remote_of(row, self.workspace.key_type)

    def taken(self, row: Row) -> ProviderError:
        """Return the error for an address that belongs to a user of somebody else's."""
        return taken.belongs_to(row)

    def not_adopted(self, remote: Remote, row: Row) -> ProviderError | None:
        """Return the error for a user whom somebody closed by hand."""
        return closing.closed_by_hand(row) if not remote.key and remote.suspended else None

    def settled(self, step: Step, error: ProviderError) -> ProviderError:
        """Return what an error means for a user that may not be seen everywhere yet."""
        return settled(error) if isinstance(error, NotFound) and (step.fresh or step.adopted) else error

    def create(self, steps: list[Step]) -> None:
        """Bring back who was deleted within the last 20 days, and make the others."""
        self._create(self._restore(steps))

    def _restore(self, steps: list[Step]) -> list[Step]:
        """Bring users back who carry our key and were deleted within the last 20 days; returns the steps without one."""
        if not steps:
            return []
        ids = users.deleted(self.google, [step.planned.account for step in steps], self.workspace.key_type, self.workspace.customer)
        back = [step for step in steps if step.planned.account.id in ids]
        parts = []
        for step in back:
            step.user = ids[step.planned.account.id]
            unit = unit_of(self.workspace.settings, step.planned.account.type) or "/"
            parts.append(Part(method="POST", path=f"{_path(step)}/undelete", body={"orgUnitPath": unit}, bare=True))
        for step, answer in zip(back, self.google.batch(parts), strict=True):
            step.finished = True
            if isinstance(answer.error, Taken):
                step.error = self._holder(step)
            elif answer.error is not None:
                step.error = settled(answer.error)
            else:
                self.restored(step, str(step.user))
        return [step for step in steps if step not in back]

    def _create(self, steps: list[Step]) -> None:
        parts = [Part(method="POST", path=USERS, body=self._body(step)) for step in steps]
        for step, answer in zip(steps, self.google.batch(parts), strict=True):
            step.finished = True
            try:
                self.made(step, id_of(answer.value(), Unclear))
            except ProviderError as error:
                step.error = error
        self._taken([step for step in steps if isinstance(step.error, Taken)])

    def made(self, step: Step, external_id: str) -> None:
        """Take down that a user was made; Google may have given it licences by itself, so an empty set of them is brought about too."""
        super().made(step, external_id)
        licences = step.planned.wanted.get("licences")
        if isinstance(licences, frozenset):
            step.sets["licences"] = licences

    def _body(self, step: Step) -> dict[str, Any]:
        # Nobody knows a password that is made up here: people without one sign in elsewhere or have it reset.
        password = step.planned.password or Secret(secrets.token_urlsafe(24))
        force = bool(self.workspace.settings.get("force_password_change", True))
        return users.creation(step.planned.wanted, self.workspace.key_type, password, force=force)

    def _taken(self, steps: list[Step]) -> None:
        """Take over who has the addresses if that is ourselves, after an answer was lost, or say whose they are."""
        found = taken.look(self.workspace, [(str(step.planned.wanted["primaryEmail"]), step.key) for step in steps])
        for step, row in zip(steps, found, strict=True):
            if isinstance(row, ProviderError):
                step.error = row
            else:
                step.error, step.finished = None, False
                self.adopt(step, row)

    def _holder(self, step: Step) -> ProviderError:
        return taken.renamed(self.workspace, str(step.user), self.workspace.address_of(step.planned.account), step.key)

    def _read(self, steps: list[Step]) -> None:
        """Read users of whom something is written that depends on what they have."""
        for step, answer in zip(steps, self.google.batch([users.by_address(str(step.user)) for step in steps]), strict=True):
            if answer.error is None:
                step.row = answer.body
            else:
                step.error = settled(answer.error) if step.adopted else answer.error

    def _update(self, steps: list[Step]) -> None:
        key_type = self.workspace.key_type
        bodies = {id(step): users.body_of(step.fields, step.row or {}, key_type) for step in steps}
        writing = [step for step in steps if bodies[id(step)]]
        self._each(writing, lambda step: Part(method="PUT", path=_path(step), body=bodies[id(step)], repeatable=True))
        for step in writing:
            if isinstance(step.error, Taken):
                address = step.fields.get("primaryEmail")
                step.error = taken.renamed(self.workspace, str(step.user), str(address), step.key) if address else settled(step.error)

    def _open_or_close(self, steps: list[Step]) -> None:
        for step in steps:
            if step.enable:
                step.error = closing.why_not(step.row or {})
        self._each(
            [step for step in steps if step.error is None], lambda step: closing.part(_path(step), step.row or {}, enable=bool(step.enable))
        )

    def _archive(self, steps: list[Step]) -> None:
        self._each(steps, lambda step: Part(method="PUT", path=_path(step), body={"archived": True}, repeatable=True))

    def _delete(self, steps: list[Step]) -> None:
        self.deleted(steps, self._sent(steps, lambda step: Part(method="DELETE", path=_path(step), repeatable=True)))
        self._protect(steps)

    def _each(self, steps: Sequence[Step], part: Callable[[Step], Part]) -> None:
        self.done(steps, self._sent(steps, part))
        self._protect(steps)

    def _sent(self, steps: Sequence[Step], part: Callable[[Step], Part]) -> list[ProviderError | None]:
        return [answer.error for answer in self.google.batch([part(step) for step in steps])]

    def _protect(self, steps: Sequence[Step]) -> None:
        """Find out who of those that were denied is an administrator, whom nothing here can change."""
        denied = [step for step in steps if isinstance(step.error, Denied)]
        for step, answer in zip(denied, self.google.batch([users.by_address(str(step.user)) for step in denied]), strict=True):
            if answer.error is None and users.is_administrator(answer.body):
                step.error = closing.protected(step.error)

    def _licences(self, steps: list[Step]) -> None:
        chosen = {str(step.user): step.sets["licences"] for step in steps}
        fresh = {str(step.user) for step in steps if step.fresh or step.adopted}
        self.blame(steps, self.workspace.licences.assign(chosen, fresh=fresh))

    def _groups(self, steps: list[Step]) -> None:
        groups = self.workspace.groups
        known = groups.of_users([str(step.user) for step in steps if not step.fresh])
        self.blame(steps, {user: settled(error) for user, error in known.items() if isinstance(error, ProviderError)})
        readable = {user: mine for user, mine in known.items() if not isinstance(mine, ProviderError)}
        self.blame(steps, groups.move(*moves([step for step in steps if step.error is None], readable)))


def _path(step: Step) -> str:
    return f"{USERS}/{segment(str(step.user))}"
