"""The values that travel through one batch of a run: the unit of work, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.plugins.registry import View
from rolecall.store.tables import Run
from rolecall.work.application import Application

#: The audit's kind of what a run did to an account that is none of its items.
DRAWN_IN = "account.drawn_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A waiting item: its number and what it is about."""

    n: int
    person_id: int | None
    account_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one item ended. ``secret`` is handed out once and never part of any document."""

    n: int
    outcome: str
    code: str | None = None
    message: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    account_id: int | None = None
    person_id: int | None = None
    version_after: int | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a batch did: every item's outcome, the accounts whose list rows may differ, and who falls behind.

    Names, user names and addresses may differ for the ``renamed`` alone: folding texts is what costs time.
    """

    outcomes: Sequence[Outcome] = ()
    touched: frozenset[int] = frozenset()
    renamed: frozenset[int] = frozenset()
    behind: frozenset[int] = frozenset()
    #: Classes that fall behind.
    classes: frozenset[int] = frozenset()
    #: Accounts that the handler drew in, with what they were and are: they have no item, so the audit tells their history.
    drawn_in: Mapping[int, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One batch inside its transaction."""

    app: Application
    session: Session
    view: View
    run: Run
    actor: Actor
    items: Sequence[Item]
    now: datetime
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def run_id(self) -> int:
        """The run's id."""
        return self.run.id


#: Works one batch off. It may raise: the batch is then rolled back and halved, down to single items.
Process = Callable[[Unit], Effects]
