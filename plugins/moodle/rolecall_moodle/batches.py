"""Carries many changes to Moodle with few calls, and gives each its own outcome.

Owns the order (find, create, update, delete, cohorts), the splitting after a refusal and the reading of partial success.
Creation is all or nothing in Moodle, an update is row by row with warnings, deletion is all or nothing again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rolecall.errors import Ambiguous, Conflict, NotFound, Permanent, ProviderError, Transient
from rolecall.sdk import Attributes, Change, Remote, Result, Verb
from rolecall_moodle import cohorts, names, users
from rolecall_moodle.client import BadData, Client, Garbled, ServerFault, Unclear, number_of, plain, portions, rows_of
from rolecall_moodle.settings import own_password

#: What may come of a single row: the server died over it or garbled its answer.
FAULT = (ServerFault, Unclear)

#: What one account brought about; everything else Moodle would answer to any other call too.
ALONE = (*FAULT, Garbled, Permanent, NotFound, Conflict)

#: Verbs that leave nothing to keep.
CLOSING = (Verb.SUSPEND, Verb.DELETE)

#: So many server faults in a row mean that the server is ill, not that one account is poison.
FAULTS = 2


@dataclass(slots=True, kw_only=True)
class Step:
    """One change on its way: what is known of it so far."""

    change: Change | None = None
    #: The user's id in Moodle, once it is known.
    number: int | None = None
    #: Fields still to be written to an existing user.
    fields: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    adopted: bool = False
    #: The adopted user carried our key already, so it may be in cohorts of former roles.
    returning: bool = False
    note: str = ""
    #: Whether the phase that is going on has done its work for this step.
    finished: bool = False

    @property
    def planned(self) -> Change:
        """The change; only the steps of single updates have none, and they never come where it is asked for."""
        assert self.change is not None  # noqa: S101 - tells mypy what the docstring says
        return self.change

    def done(self) -> int:
        """Return the user's id, or raise what went wrong."""
        if self.error is not None:
            raise self.error
        assert self.number is not None  # noqa: S101 - what has neither an id nor an error was never worked on
        return self.number


class Courier:
    """Carries one plan."""

    def __init__(self, client: Client, settings: Mapping[str, Any]) -> None:
        self.client = client
        self.settings = settings
        self.stopped: Exception | None = None
        self.faults = 0

    def carry(self, plan: Sequence[Change]) -> Iterator[Result]:
        """Carry out a plan and yield one result per change."""
        steps = [Step(change=change) for change in plan]
        self.screen(steps)
        self._phase(self.create_or_adopt, [step for step in steps if _unlinked(step)])
        self._phase(self.update, [step for step in steps if step.fields])
        self._phase(self.delete, [step for step in steps if step.planned.verb is Verb.DELETE and step.number is not None])
        self._phase(self.move, [step for step in steps if step.planned.verb not in CLOSING])
        for step in steps:
            change = step.planned
            external_id = str(step.number) if step.number is not None else change.external_id
            yield Result(change=change, external_id=external_id, error=step.error, adopted=step.adopted, note=step.note)

    def _phase(self, work: Callable[[list[Step]], None], steps: list[Step]) -> None:
        """Do a phase for those of its steps that are well; an error that leaves it concerns all that were not finished."""
        steps = [step for step in steps if step.error is None]
        if not steps:
            return
        for step in steps:
            step.finished = False
        try:
            if self.stopped is not None:
                raise self.stopped
            work(steps)
        except Exception as error:  # noqa: BLE001 - each change has its own outcome; the sync sorts the errors
            if isinstance(error, ProviderError) and not isinstance(error, ALONE):
                # Nothing of the later phases will be sent, so nothing of them is in doubt.
                self.stopped = Transient(error.message) if isinstance(error, Ambiguous) else error
            for step in steps:
                if step.error is None and not step.finished:
                    step.error = error

    def screen(self, steps: Sequence[Step]) -> None:
        """Prepare the steps, and refuse at once what Moodle would refuse without giving a reason."""
        for step in steps:
            change = step.planned
            if change.verb not in CLOSING:
                fault = names.fault(change.wanted if _unlinked(step) else change.after)
                if not fault and _unlinked(step) and not change.wanted.get("email"):
                    fault = "Moodle needs an e-mail address, and this account has none."
                if fault:
                    step.error = names.refused(fault)
                    continue
            if change.external_id is not None and not _unlinked(step):
                self._address(step, change.external_id)

    def _address(self, step: Step, external_id: str) -> None:
        if not (external_id.isascii() and external_id.isdigit()):
            step.error = NotFound("The link holds no Moodle user id.")
            return
        step.number = int(external_id)
        verb = step.planned.verb
        if verb is Verb.SUSPEND:
            step.fields = {"suspended": True}
        elif verb is not Verb.DELETE:
            step.fields = sendable(step.planned.after)
            if verb is Verb.RESUME:
                step.fields["suspended"] = False

    def create_or_adopt(self, steps: list[Step]) -> None:
        """Look all of them up first; adopt what is there, create the rest (R64)."""
        found = self._find(steps)
        claimed: set[str] = set()
        new = []
        for step in steps:
            remote = found.get(step.planned.account.id)
            if isinstance(remote, ProviderError):
                step.error = remote
            elif step.planned.verb in CLOSING:
                self._close(step, remote)
            elif remote is None:
                new.append(step)
            elif remote.external_id in claimed:
                step.error = taken(remote)
            else:
                claimed.add(remote.external_id)
                self.adopt(step, remote)
        self.create(new)

    def _find(self, steps: Sequence[Step]) -> Mapping[int, Remote | ProviderError]:
        """Look all of them up; when Moodle refuses the look-up for something in one of them, look each up by itself."""
        accounts = [step.planned.account for step in steps]
        try:
            return users.find_all(self.client, accounts)
        except Permanent as error:
            if len(accounts) == 1:
                return {accounts[0].id: error}
        return {number: remote for step in steps for number, remote in self._find([step]).items()}

    def _close(self, step: Step, remote: Remote | None) -> None:
        """Close a user whose id the link does not know: only one that carries our key is ours to close."""
        if remote is not None and is_ours(step, remote):
            self._address(step, remote.external_id)
        else:
            step.note = "There was nothing to close."
        step.finished = True

    def adopt(self, step: Step, remote: Remote) -> None:
        """Take over a user that is ours or nobody's; what differs is written in the update that follows."""
        change = step.planned
        if remote.key and not is_ours(step, remote):
            step.error = taken(remote)
            return
        step.number = int(remote.external_id)
        step.adopted = step.finished = True
        step.returning = remote.key is not None
        step.fields = sendable(change.differing(remote.attributes))
        if remote.suspended:
            step.fields["suspended"] = False

    def create(self, steps: Sequence[Step], *, adopting: bool = True) -> None:
        """Create users in array calls. One whose password Moodle mails goes alone: a batch that is rolled back has mailed."""
        rows = {id(step): self.row(step) for step in steps}
        together = [step for step in steps if "createpassword" not in rows[id(step)]]
        alone = [[step] for step in steps if "createpassword" in rows[id(step)]]
        for portion in (*portions(together, lambda step: rows[id(step)]), *alone):
            self._create(portion, adopting)

    def _create(self, steps: list[Step], adopting: bool) -> None:
        try:
            self._create_call(steps)
        except FAULT as error:
            if len(steps) == 1:
                self._fault(steps[0], error)
            else:
                self._singly(self._find_and_create, steps)
        except Permanent as error:
            if len(steps) > 1:
                middle = len(steps) // 2
                self._create(steps[:middle], adopting)
                self._create(steps[middle:], adopting)
            else:
                self._refused(steps[0], error, adopting)

    def _find_and_create(self, step: Step) -> None:
        """Create one user after a server fault, which may have come after the creation."""
        remote = self._find([step]).get(step.planned.account.id)
        if isinstance(remote, ProviderError):
            raise remote
        if remote is not None:
            self.adopt(step, remote)
            return
        try:
            self._create_call([step])
        except Permanent as error:
            self._refused(step, error, adopting=True)

    def _create_call(self, steps: Sequence[Step]) -> None:
        rows = [self.row(step) for step in steps]
        answer = rows_of(self.client.write("core_user_create_users", {"users": rows}), "new users", Unclear)
        made = {str(row.get("username")): number_of(row, unusable=Unclear) for row in answer}
        if len(set(made.values())) != len(answer) or len(made) != len(answer) or not set(made) <= {row["username"] for row in rows}:
            raise Unclear("Moodle's answer does not fit the users it was asked to make.")
        if len(answer) < len(rows):  # PHP cut the form: the last user that got through may lack some fields
            made.pop(str(answer[-1].get("username")) if answer else "", None)
        self.faults = 0
        for step, row in zip(steps, rows, strict=True):
            step.number = made.get(row["username"])
            step.finished = True
            if step.number is None:
                step.error = Ambiguous(
                    f"Moodle made {len(answer)} of {len(rows)} users and said nothing of the others.",
                    hint="Raise max_input_vars in the PHP settings of the Moodle server to 5000.",
                )

    def row(self, step: Step) -> dict[str, Any]:
        """Return the fields of a new user."""
        change = step.planned
        row = {name: value for name, value in sendable(change.wanted).items() if value != ""}
        auth = str(self.settings.get("auth") or "manual")
        if auth != "manual":
            row["auth"] = auth
        if own_password(self.settings):
            if change.password is None:
                row["createpassword"] = True
            else:
                row["password"] = change.password.reveal()
                if self.settings.get("force_password_change", True):
                    row["preferences"] = [{"type": "auth_forcepasswordchange", "value": "1"}]
        return row

    def _refused(self, step: Step, error: Permanent, adopting: bool) -> None:
        """Find out whether a refused value is a duplicate: Moodle gives both the same code."""
        wanted = step.planned.wanted
        remote = None
        if isinstance(error, BadData):
            with suppress(Permanent):
                remote = users.holder(self.client, str(wanted["username"]), str(wanted["email"]))
        if remote is None:
            step.error = error
        elif adopting:
            self.adopt(step, remote)
        else:
            step.error = taken(remote)

    def update(self, steps: Sequence[Step]) -> None:
        """Write fields of existing users; Moodle takes the good rows and gives a warning for each of the others."""
        for portion in portions(list(steps), lambda step: {"id": step.number, **step.fields}):
            try:
                self._update_call(portion)
            except (*FAULT, Permanent) as error:
                if len(portion) == 1:
                    self._fault(portion[0], error)
                else:
                    self._singly(lambda step: self._update_call([step]), portion)

    def _update_call(self, steps: Sequence[Step]) -> None:
        rows = [{"id": step.number, **step.fields} for step in steps]
        answer = self.client.write("core_user_update_users", {"users": rows})
        warnings = rows_of(answer.get("warnings") if isinstance(answer, dict) else None, "warnings", Unclear)
        by_number = {step.number: step for step in steps}
        for warning in warnings:
            warned = by_number.get(warning.get("itemid")) if len(steps) > 1 else steps[0]
            if warned is None:
                raise BadData("Moodle warned of a user it was not asked about.")
            warned.error = self._warned(warned, str(warning.get("warningcode")), plain(warning.get("message", "")))
        for step in steps:
            step.finished = True

    def _warned(self, step: Step, code: str, said: str) -> ProviderError:
        if code in ("invaliduserid", "usernotupdateddeleted"):
            return NotFound("The Moodle user was deleted.")
        if code == "useremailduplicate":
            return Conflict("Another Moodle user has this e-mail address.", hint="Change one of the two and retry.")
        if code == "usernotupdatedadmin":
            return Permanent("Moodle lets nobody change a site administrator through web services.")
        username = step.fields.get("username")
        if code == "dmlwriteexception" and username:
            other = users.holder(self.client, str(username), None)
            if other is not None and other.external_id != str(step.number):
                return taken(other)
        return Permanent(f"Moodle did not store the change: {said} ({plain(code)}).")

    def delete(self, steps: list[Step]) -> None:
        """Delete users; one that is gone already is done."""
        for portion in portions(steps, lambda step: step.number):
            try:
                self.client.write("core_user_delete_users", {"userids": [step.number for step in portion]})
            except (*FAULT, Permanent, NotFound):
                self._singly(self._delete_one, portion)
            for step in portion:
                step.finished = True

    def _delete_one(self, step: Step) -> None:
        try:
            self.client.write("core_user_delete_users", {"userids": [step.number]})
        except NotFound:
            step.note = "It was already gone."

    def move(self, steps: Sequence[Step]) -> None:
        """Put users into the cohorts of their roles and out of former ones; only the difference is sent."""
        returning = any(step.returning and _groups(step.planned.wanted) is not None for step in steps)
        now = cohorts.memberships(self.client) if returning else {}
        moves: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
        for step in steps:
            change = step.planned
            after = _groups(change.wanted if _unlinked(step) else change.after)
            if after is not None and step.number is not None:
                known = now.get(step.number, frozenset()) if _unlinked(step) else _groups(change.before) or frozenset()
                if after != known:
                    moves[step.number] = (after - known, known - after)
        failed = cohorts.move(self.client, moves)
        for step in steps:
            step.error = failed.get(step.number or 0)

    def _singly(self, work: Callable[[Step], None], steps: Sequence[Step]) -> None:
        """Do one by one what failed together, so that only the guilty fail."""
        self.faults = 0
        for step in steps:
            try:
                work(step)
            except (*FAULT, Permanent, NotFound, Conflict) as error:
                self._fault(step, error)
            else:
                step.finished = True
                self.faults = 0

    def _fault(self, step: Step, error: Exception) -> None:
        """Put an error on a single step; raise it when so many came in a row that the server itself must be ill."""
        step.error = error
        self.faults = self.faults + 1 if isinstance(error, FAULT) else 0
        if self.faults == FAULTS:
            raise error


def _unlinked(step: Step) -> bool:
    """Tell whether the link knows no user yet."""
    return step.planned.verb is Verb.CREATE or step.planned.external_id is None


def _groups(attributes: Attributes) -> frozenset[str] | None:
    groups = attributes.get("groups")
    return groups if isinstance(groups, frozenset) else None


def sendable(attributes: Attributes) -> dict[str, Any]:
    """Return the attributes that are fields of a Moodle user; one that is none stays as Moodle has it."""
    return {name: attributes[name] for name in users.NAMES if attributes.get(name) is not None}


def is_ours(step: Step, remote: Remote) -> bool:
    """Tell whether a user carries the key of the step's account; one database compares keys without their case."""
    return remote.key is not None and remote.key.lower() == step.planned.account.key.lower()


def taken(remote: Remote) -> Conflict:
    """Say that the name or address belongs to another user."""
    if remote.key:
        belongs = f"belongs to somebody else: its ID number is {plain(remote.key)}"
    else:
        belongs = f"is there already (user id {remote.external_id})"
    return Conflict(
        f"A Moodle user with this user name or e-mail {belongs}.",
        hint="Change the user name or e-mail here, or clear the ID number in Moodle, and retry.",
    )
