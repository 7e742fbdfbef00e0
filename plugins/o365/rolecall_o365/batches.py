"""Carries many changes to Microsoft 365 in batches of twenty calls, and gives each its own outcome.

Owns the order (find, restore or create, update, open or close, delete, licences, groups): what one person needs comes one call after
the other, what many need travels together. ``accountEnabled`` always travels alone: beside a refused value it would be lost with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rolecall.errors import Conflict, NotFound, Permanent, ProviderError
from rolecall.sdk import Attributes, Remote, Secret, Verb, batching
from rolecall.sdk.batching import Phase, Row, Step, moves
from rolecall_o365 import names, users
from rolecall_o365.client import Answer, Part, id_of, segment
from rolecall_o365.errors import Taken, Unclear, settled
from rolecall_o365.permissions import DELETE, ENABLE, REVOKE, WRITE

if TYPE_CHECKING:
    from rolecall_o365.tenant import Tenant


class Courier(batching.Courier):
    """Carries one plan."""

    sets: ClassVar[Sequence[str]] = ("licences", "groups")

    def __init__(self, tenant: Tenant) -> None:
        super().__init__()
        self.tenant = tenant
        self.graph = tenant.graph
        self.slot = tenant.slot

    def phases(self) -> Iterable[Phase]:
        """Return the order in which one person's changes travel."""
        return (
            Phase(self._update, lambda step: bool(step.fields)),
            Phase(self._enable, lambda step: step.enable is not None),
            Phase(self._revoke, lambda step: step.enable is False),
            Phase(self._delete, lambda step: step.verb is Verb.DELETE),
            Phase(self._licences, lambda step: "licences" in step.sets),
            Phase(self._groups, lambda step: "groups" in step.sets),
        )

    def screen(self, step: Step, attributes: Attributes) -> ProviderError | None:
        """Return what Microsoft 365 would refuse without naming it."""
        fault = names.fault(attributes)
        return names.refused(fault) if fault else None

    def write(self, step: Step, attributes: Attributes) -> None:
        """Take down what the phases have to write, the fields as Graph takes them."""
        super().write(step, attributes)
        step.fields = users.body_of(attributes, self.slot)

    def look_up(self, steps: Sequence[Step]) -> Mapping[int, Row | ProviderError]:
        """Find the users of these steps by our key and by sign-in name."""
        accounts = [step.planned.account for step in steps]
        upns = {account.id: self.tenant.sign_in_name(account) for account in accounts}
        return users.find_all(self.graph, accounts, upns, self.slot)

    def remote_of(self, row: Row) -> Remote:
        """Turn a user of an answer into the value core knows."""
        return users.remote_of(row, self.slot)

    def taken(self, row: Row) -> ProviderError:
        """Return the error for a name or address that belongs to a user of somebody else's."""
        return Conflict(
            f"Microsoft 365 already has this sign-in name or address, and it belongs to somebody else (user {id_of(row)}).",
            hint="Change the user name here, or that user there, and retry.",
        )

    def not_adopted(self, remote: Remote, row: Row) -> ProviderError | None:
        """Return the error for a user that a local directory writes."""
        if row.get("onPremisesSyncEnabled") is not True:
            return None
        return Permanent(
            "This user comes from the institution's own directory, so Microsoft 365 takes no change from here.",
            hint="Take the account out of the integration's scope, or the user out of the directory synchronisation.",
        )

    def settled(self, step: Step, error: ProviderError) -> ProviderError:
        """Return what an error means for a user that may not be seen everywhere yet."""
        return settled(error) if step.fresh or step.adopted else error

    def create(self, steps: list[Step]) -> None:
        """Bring back who is in the recycle bin, and make the others."""
        self._create(self._restore(steps))

    def _restore(self, steps: list[Step]) -> list[Step]:
        """Bring users back from the recycle bin that carry our key; returns the steps without one."""
        if not steps:
            return []
        bin_ids = users.in_the_bin(self.graph, [step.planned.account for step in steps], self.slot)
        back = [step for step in steps if step.planned.account.id in bin_ids]
        parts = [
            Part(method="POST", path=f"/directory/deletedItems/{segment(bin_ids[step.planned.account.id])}/restore", needs=DELETE)
            for step in back
        ]
        for step, answer in zip(back, self.graph.batch(parts), strict=True):
            step.finished = True
            if answer.error is not None:
                step.error = settled(answer.error)
            else:
                self.restored(step, bin_ids[step.planned.account.id])
        return [step for step in steps if step not in back]

    def _create(self, steps: list[Step]) -> None:
        parts = [Part(method="POST", path="/users", body=self._body(step), needs=WRITE) for step in steps]
        refused = []
        for step, answer in zip(steps, self.graph.batch(parts), strict=True):
            step.finished = True
            if isinstance(answer.error, Taken):
                refused.append((step, answer))
                continue
            try:
                self.made(step, id_of(answer.value(), Unclear))
            except ProviderError as error:
                step.error = error
        for step, answer in refused:
            try:
                self._taken(step, answer)
            except ProviderError as error:
                step.error = error

    def _body(self, step: Step) -> dict[str, Any]:
        # Nobody knows a password that is made up here: people without one sign in elsewhere or have it reset.
        password = step.planned.password or Secret(f"{secrets.token_urlsafe(24)}aA1!")
        force = bool(self.tenant.settings.get("force_password_change", True))
        return users.creation(step.planned.wanted, self.slot, password, force=force)

    def _taken(self, step: Step, answer: Answer) -> None:
        """Find out who holds the name: ourselves, after an answer was lost, nobody's user, or somebody else's."""
        upn = str(step.planned.wanted["userPrincipalName"])
        by_name = self.graph.batch([users.by_name(upn)])[0]
        if by_name.error is None:
            self.adopt(step, by_name.body)
        elif not isinstance(by_name.error, NotFound):
            step.error = by_name.error
        else:
            holders = self.graph.batch([users.by_address(upn)])[0]
            step.error = self.taken(holders.rows()[0]) if holders.error is None and holders.rows() else answer.error

    def _update(self, steps: list[Step]) -> None:
        self._each(steps, lambda step: Part(method="PATCH", path=_path(step), body=step.fields, repeatable=True, needs=WRITE))

    def _enable(self, steps: list[Step]) -> None:
        self._each(
            steps, lambda step: Part(method="PATCH", path=_path(step), body={"accountEnabled": step.enable}, repeatable=True, needs=ENABLE)
        )

    def _revoke(self, steps: list[Step]) -> None:
        """End the sessions of those who were closed: without this a token of theirs lives on for an hour."""
        self._each(steps, lambda step: Part(method="POST", path=f"{_path(step)}/revokeSignInSessions", repeatable=True, needs=REVOKE))

    def _delete(self, steps: list[Step]) -> None:
        self.deleted(steps, self._sent(steps, lambda step: Part(method="DELETE", path=_path(step), repeatable=True, needs=DELETE)))

    def _each(self, steps: Sequence[Step], part: Callable[[Step], Part]) -> None:
        self.done(steps, self._sent(steps, part))

    def _sent(self, steps: Sequence[Step], part: Callable[[Step], Part]) -> list[ProviderError | None]:
        return [answer.error for answer in self.graph.batch([part(step) for step in steps])]

    def _licences(self, steps: list[Step]) -> None:
        chosen = {str(step.user): step.sets["licences"] for step in steps}
        fresh = {str(step.user) for step in steps if step.fresh}
        self.blame(steps, self.tenant.licences.assign(chosen, fresh=fresh))

    def _groups(self, steps: list[Step]) -> None:
        known = self.tenant.groups.of_users([str(step.user) for step in steps if not step.fresh])
        self.blame(steps, {user: settled(error) for user, error in known.items() if isinstance(error, ProviderError)})
        readable = {user: groups for user, groups in known.items() if not isinstance(groups, ProviderError)}
        self.blame(steps, self.tenant.groups.move(*moves([step for step in steps if step.error is None], readable)))


def _path(step: Step) -> str:
    return f"/users/{segment(str(step.user))}"
