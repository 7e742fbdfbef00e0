"""Asks the enabled plugins whether they can live with what a batch did, and fails closed when one of them breaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy.orm import Session

from rolecall.errors import PluginFault
from rolecall.plugins.registry import View
from rolecall.sdk.snapshots import AccountChange, AccountSnapshot, Refusal
from rolecall.sdk.validation import validated
from rolecall.work.application import Application
from rolecall.work.projection import Fields
from rolecall.work.snapshots import account_snapshots, as_they_were, snapshot_fields

log = structlog.get_logger(__name__)
HOOK = "validate_accounts"


class Place(Protocol):
    """Where validators are asked: in a transaction, of what is enabled in it."""

    @property
    def app(self) -> Application: ...

    @property
    def session(self) -> Session: ...

    @property
    def view(self) -> View: ...

    @property
    def run_id(self) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The place of a change that is no batch of a run."""

    app: Application
    session: Session
    view: View
    run_id: None = None


class Validators:
    """The validators of one batch. Costs nothing while no enabled plugin has one, or none that looks at what changes."""

    def __init__(self, unit: Place) -> None:
        self._unit = unit
        implementations = list(unit.app.plugins.implementations(unit.view, HOOK))
        self._active = bool(implementations)
        self._fields = frozenset[str]().union(*(validated(each) for each in implementations))
        self._before: dict[int, AccountSnapshot] = {}

    def remember(self, ids: Sequence[int]) -> None:
        """Take the snapshots that changes are compared with; accounts already taken keep theirs."""
        if self._active:
            self._before.update(account_snapshots(self._unit.session, [each for each in ids if each not in self._before]))

    def refusals(self, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
        """Return the refused accounts with code and sentence.

        :raises PluginFault: when a validator itself fails; the batch is then not done.
        """
        if not self._active:
            return {}
        after = account_snapshots(self._unit.session, ids)
        changes = [
            AccountChange(before=self._before.get(each), after=after[each])
            for each in ids
            if each in after and self._before.get(each) != after[each]
        ]
        return self._ask(changes)

    def refusals_of(self, changed: Mapping[int, Fields]) -> dict[int, tuple[str, str]]:
        """Return the refused among accounts whose own fields changed, as :meth:`refusals` does; ``changed`` is what these fields were.

        Needs nothing remembered, and reads only accounts in which a field changed that a validator looks at.

        :raises PluginFault: when a validator itself fails; the batch is then not done.
        """
        shown = {each: was for each, was in changed.items() if not self._fields.isdisjoint(snapshot_fields(was))}
        if not shown:
            return {}
        after = account_snapshots(self._unit.session, list(shown))
        before = as_they_were(self._unit.session, after, shown)
        return self._ask([AccountChange(before=before[each], after=after[each]) for each in after])

    def _ask(self, changes: Sequence[AccountChange]) -> dict[int, tuple[str, str]]:
        refused: dict[int, tuple[str, str]] = {}
        if not changes:
            return refused
        answers = self._unit.app.plugins.ask(self._unit.view, HOOK, changes=changes)
        while True:
            try:
                plugin, answer = next(answers)
                for refusal in answer or ():
                    if not isinstance(refusal, Refusal):
                        raise TypeError(f"validate_accounts of {plugin} returned {refusal!r}, which is not a Refusal.")
                    refused.setdefault(refusal.account_id, (refusal.code, refusal.message))
            except StopIteration:
                return refused
            except Exception as error:
                log.exception("validator failed", hook=HOOK)
                raise PluginFault(
                    f"A plugin could not check this change ({error}), so it was not made.",
                    hint="Look at the integrations page, or disable the plugin.",
                ) from error
