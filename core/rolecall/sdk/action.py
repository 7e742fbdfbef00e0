"""What a plugin declares to add something that can be done with accounts.

Owns the declaration. Permission, requirements, history, undo and sync are the runner's, so no action can forget them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from marshmallow import Schema

from rolecall.sdk.fields import FormContext, NoParams
from rolecall.sdk.requirement import Requirement

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from rolecall.accounts.actors import Actor
    from rolecall.store.tables import Account


class Grade(StrEnum):
    """How much is asked before an action runs: nothing, consent to its consequence, or the typed number of accounts."""

    PLAIN = "plain"
    AGREE = "agree"
    RETYPE = "retype"


class Batch(Protocol):
    """The accounts a handler works on now. ``ids`` for one statement over all; iterate where each really differs."""

    @property
    def ids(self) -> Sequence[int]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Account]: ...


class Context(Protocol):
    """What a handler may ask and say. It never commits, writes no history and marks no link."""

    @property
    def session(self) -> Session: ...

    @property
    def now(self) -> datetime: ...

    @property
    def run_id(self) -> int: ...

    @property
    def actor_account_id(self) -> int | None: ...

    @property
    def actor(self) -> Actor:
        """Who acts, with the rights of now."""
        ...

    def may(self, permission: str) -> bool:
        """Whether the actor holds a permission; nobody can grant more than they hold."""
        ...

    def setting(self, key: str) -> Any:
        """A setting of the action's own plugin (core's for core's actions)."""
        ...

    def refuse(self, account_id: int, message: str, *, code: str = "refused") -> None:
        """Take one account out: its item is skipped with this sentence and nothing of it is changed."""
        ...

    def skip(self, account_id: int, message: str, *, code: str = "not-applicable") -> None:
        """Say that an account was left as it is, and why; cheaper than ``refuse``, because nothing has to be taken back."""
        ...

    def include(self, ids: Iterable[int]) -> None:
        """Say, before touching them, which accounts outside the batch will be changed too."""
        ...

    def record(self, account_id: int, field: str, before: Any, after: Any) -> None:
        """Put a change that lies outside the snapshot into the history. Never a secret."""
        ...

    def secret(self, account_id: int, value: str) -> None:
        """Hand a value to the run's author, once: sealed on the item until fetched or 24 hours old.

        An empty one hands out the account's slip, which then says why there is no password on it (R28).
        """
        ...

    def first_passwords(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Open the first-time passwords that are still kept, by account; those that are gone are not in the answer (R28, R46).

        Give them to ``secret`` and to nothing else.
        """
        ...

    def new_first_passwords(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Give accounts a new first-time password in place of what they have, and return the passwords by account (R46)."""
        ...

    def phone_first_passwords(self, ids: Sequence[int], *, replace: bool = False) -> Mapping[int, str]:
        """Make phones the first-time passwords of accounts; answers what became of each: ``signs-in``, ``kept`` or ``waits`` (R44).

        Accounts that cannot have one are not in the answer. With ``replace`` it takes the place of the password in use (R16).
        """
        ...

    def unusable(self, kind: str, addresses: Mapping[int, str]) -> Mapping[int, str]:
        """Say, by account, why no message can be sent to its address of this kind (``email``, ``phone``); nobody outside is asked (R42)."""
        ...

    def over_limits(self, kind: str, addresses: Mapping[int, str]) -> Mapping[int, str]:
        """Say, by account, which limit of the institution stands against a message to its address now, in the order given (T-13)."""
        ...

    def back_to_first_passwords(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Make the first-time password that is still kept the password again, a new one where it is gone; returns the new ones (R19)."""
        ...


class Foresight(Protocol):
    """What an action may ask when it foresees whom it would skip; see :class:`Context`."""

    @property
    def session(self) -> Session: ...

    def unusable(self, kind: str, addresses: Mapping[int, str]) -> Mapping[int, str]: ...

    def over_limits(self, kind: str, addresses: Mapping[int, str]) -> Mapping[int, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What an undo handler gets for one account: the fields as the run found and as it left them, and the run's parameters."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a run comes to: its parameters, its items by outcome, and what an earlier ending of the same run kept as ``facts``.

    A run ends again after its failed items were tried again.
    """

    params: Mapping[str, Any]
    counts: Mapping[str, int]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAt:
    """Accounts that somebody should look at when a run has ended: a sentence, and the filter words that list them."""

    text: str
    filter: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a run did besides its items. ``facts`` are kept with the run for its undo; ``notes`` and ``look_at`` are for people."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    look_at: Sequence[LookAt] = ()


Handler = Callable[[Context, Batch, Mapping[str, Any]], None]
UndoHandler = Callable[[Context, Batch, Mapping[int, Undo]], None]
ForeseeHandler = Callable[[Foresight, Batch, Mapping[str, Any]], Mapping[int, tuple[str, str]]]
ConcludeHandler = Callable[[Context, Ending], Conclusion]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that can be done with accounts; the menu, the bulk bar, the API and the command line list exactly these."""

    #: Plugin (or core's group), dot, verb; unique.
    id: str
    label: str
    handler: Handler
    help: str = ""
    params: type[Schema] = NoParams
    requires: tuple[Requirement, ...] = ()
    grade: Grade = Grade.PLAIN
    #: The consequence in words, for AGREE and RETYPE.
    confirm: str | None = None
    #: The consequence as it is here and now, where it depends on settings or on the account; ``confirm`` says it in general.
    confirm_here: Callable[[FormContext], str] | None = None
    undo: UndoHandler | None = None
    #: Called once more in the transaction that ends a run, for what is done once and not per account.
    conclude: ConcludeHandler | None = None
    #: Takes back what ``conclude`` did, in the first transaction of an undo: what was done last goes back first.
    undo_conclusion: ConcludeHandler | None = None
    bulk: bool = False
    #: Accounts per transaction; set-based actions declare up to 5,000.
    batch: int = 500
    #: Heading under which menus show it.
    group: str = "account"
    #: Whether accounts it touched fall behind at their providers, in the same transaction.
    syncs: bool = True
    #: Dangerous: the password is asked again when the last time is too long ago.
    fresh_login: bool = False
    #: What it hands out is there to be printed: slips are offered instead of a list (R28).
    prints: bool = False
    #: It is done when the providers have it: whoever began it is told of that too (R23).
    awaits_providers: bool = False
    #: Only for the Global Owner and the operator at the command line, whatever role holds its permission (R26).
    owner_only: bool = False
    #: Asked before anybody agrees, and before the run begins: whom it would skip beyond its requirements, with code and sentence. Changes
    #: nothing.
    foresee: ForeseeHandler | None = None
    #: The kind of message that each of the others is sent: its cost is shown, and what cannot be paid for is not begun (R42).
    sends: str | None = None
    #: The page of the web application that does it, where it is about the browser and not a run over accounts (R27).
    page: str | None = None

    @property
    def permission(self) -> str:
        """The permission that exists because the action exists."""
        return f"act:{self.id}"

    def consequence(self, context: FormContext) -> str | None:
        """What has to be agreed to, for the accounts and the settings that ``context`` knows."""
        return self.confirm_here(context) if self.confirm_here else self.confirm


#: Numbers of requirements are for whoever reads the source, not for whoever reads a menu.
_REFERENCES = re.compile(r" \((?:R\d+[a-z]?(?:, )?)+\)")


def action(id: str, *, label: str, **declared: Any) -> Callable[[Handler], Action]:
    """Turn a handler into an :class:`Action`; ``help`` defaults to the first line of the handler's docstring."""

    def declare(handler: Handler) -> Action:
        first_line = (handler.__doc__ or "").strip().split("\n")[0]
        declared.setdefault("help", _REFERENCES.sub("", first_line))
        return Action(id=id, label=label, handler=handler, **declared)

    return declare
