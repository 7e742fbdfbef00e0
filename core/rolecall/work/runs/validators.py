"""Asks the enabled plugins whether they can live with what a batch did, and fails closed when one of them breaks."""

from collections.abc import Sequence
from typing import Protocol

import structlog
from sqlalchemy.orm import Session

from rolecall.errors import PluginFault
from rolecall.plugins.registry import View
from rolecall.sdk.snapshots import AccountChange, AccountSnapshot, Refusal
from rolecall.work.application import Application
from rolecall.work.snapshots import account_snapshots

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


class Validators:
    """The validators of one batch. Costs nothing while no enabled plugin has one."""

    def __init__(self, unit: Place) -> None:
        self._unit = unit
        self._active = unit.app.plugins.implements(unit.view, HOOK)
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
