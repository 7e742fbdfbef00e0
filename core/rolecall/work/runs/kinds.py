"""The kinds of runs: how large a batch is, what has to hold before each, and who works it off."""

from collections.abc import Callable
from dataclasses import dataclass

from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Refused
from rolecall.plugins.registry import View
from rolecall.store.tables import Run
from rolecall.work.imports import apply
from rolecall.work.runs import accounts_batch, opening_batch
from rolecall.work.runs.conclusion import conclude, nothing, take_back
from rolecall.work.runs.unit import Process, Unit

#: People per transaction of an import or an opening: long enough to be fast, short enough for others to write in between.
PEOPLE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of run."""

    process: Process
    batch: Callable[[View, Run], int]
    permissions: Callable[[Run], tuple[str, ...]]
    needs_action: bool = False
    #: What is done in the first transaction before its items, and in the last one after them.
    begin: Callable[[Unit], None] = nothing
    end: Callable[[Unit], None] = nothing

    def check(self, view: View, run: Run, actor: Actor) -> None:
        """Refuse to go on when the plugin was disabled or the actor lost the right meanwhile.

        :raises Refused: the run then fails with the reason and can be resumed.
        """
        if self.needs_action and run.action not in view.actions:
            raise Refused(f"The plugin of “{run.action}” is disabled.", hint="Enable it and resume the run.")
        if not all(actor.may(permission) for permission in self.permissions(run)):
            raise Forbidden(f"{run.actor_label} may not do this any more.")


def _action_batch(view: View, run: Run) -> int:
    action = view.actions.get(run.action)
    return action.batch if action else 1


def _of_action(run: Run) -> tuple[str, ...]:
    return (f"act:{run.action}",)


KINDS = {
    "action": Kind(process=accounts_batch.process_action, batch=_action_batch, permissions=_of_action, needs_action=True, end=conclude),
    "undo": Kind(process=accounts_batch.process_undo, batch=_action_batch, permissions=_of_action, needs_action=True, begin=take_back),
    "open": Kind(
        process=opening_batch.process_open,
        batch=lambda _view, _run: PEOPLE,
        permissions=lambda _run: ("accounts:create",),
        end=opening_batch.count_not_invited,
    ),
    "import": Kind(
        process=apply.process_import,
        batch=lambda _view, _run: 2 * PEOPLE,
        permissions=lambda _run: ("people:create", "people:edit"),
    ),
}
