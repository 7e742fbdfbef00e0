"""What a plugin declares to add something that can be done with accounts.

Owns the declaration. Permission, requirements, history, undo and sync are the runner's, so no action can forget them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from marshmallow import Schema

from rolecall.sdk.fields import NoParams
from rolecall.sdk.requirement import Requirement

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

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
        """Hand a value to the run's author, once: sealed on the item until fetched or 24 hours old."""
        ...

    def new_first_passwords(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Give accounts a new first-time password in place of what they have, and return the passwords by account (R46)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What an undo handler gets for one account: the fields as the run found and as it left them, and the run's parameters."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    params: Mapping[str, Any]


Handler = Callable[[Context, Batch, Mapping[str, Any]], None]
UndoHandler = Callable[[Context, Batch, Mapping[int, Undo]], None]


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
    undo: UndoHandler | None = None
    bulk: bool = False
    #: Accounts per transaction; set-based actions declare up to 5,000.
    batch: int = 500
    #: Heading under which menus show it.
    group: str = "account"
    #: Whether accounts it touched fall behind at their providers, in the same transaction.
    syncs: bool = True
    #: Dangerous: the password is asked again when the last time is too long ago.
    fresh_login: bool = False

    @property
    def permission(self) -> str:
        """The permission that exists because the action exists."""
        return f"act:{self.id}"


#: Numbers of requirements are for whoever reads the source, not for whoever reads a menu.
_REFERENCES = re.compile(r" \((?:R\d+[a-z]?(?:, )?)+\)")


def action(id: str, *, label: str, **declared: Any) -> Callable[[Handler], Action]:
    """Turn a handler into an :class:`Action`; ``help`` defaults to the first line of the handler's docstring."""

    def declare(handler: Handler) -> Action:
        first_line = (handler.__doc__ or "").strip().split("\n")[0]
        declared.setdefault("help", _REFERENCES.sub("", first_line))
        return Action(id=id, label=label, handler=handler, **declared)

    return declare
