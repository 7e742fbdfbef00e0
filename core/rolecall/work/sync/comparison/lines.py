"""The columns of a comparison's lines, and the questions that its rules ask of the inventory and of what was decided.

Parts of statements; nothing here reads or writes.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Exists, exists, literal, null
from sqlalchemy.orm import aliased

from rolecall.store.tables import Match, MatchDecision, RemoteAccount

#: What a rule inserts, in the order of :func:`line`.
COLUMNS = ("provider", "external_id", "account_id", "verdict", "reason", "remote", "suspended", "drift", "found_at")


def line(moment: datetime, account_id: Any, verdict: Any, reason: Any, drift: Any = None) -> list[Any]:
    """The columns of a line about a remote account."""
    remote = (RemoteAccount.attributes, RemoteAccount.suspended, null() if drift is None else drift)
    at = literal(moment, Match.found_at.type)
    return [RemoteAccount.provider, RemoteAccount.external_id, account_id, verdict, reason, *remote, at]


def of(provider: str, number: int) -> tuple[ColumnElement[bool], ...]:
    """That a remote account is of an inventory."""
    return RemoteAccount.provider == provider, RemoteAccount.number == number


def there(provider: str, number: int, external_id: Any) -> Exists:
    """Whether the inventory has this remote account."""
    other = aliased(RemoteAccount)
    return exists().where(other.provider == provider, other.number == number, other.external_id == external_id)


def left(provider: str, external_id: Any) -> ColumnElement[bool]:
    """Whether no rule has taken a remote account yet."""
    return ~exists().where(Match.provider == provider, Match.external_id == external_id)


def apart(provider: str, external_id: Any, account_id: Any) -> Exists:
    """Whether somebody decided that a remote account is not this person's."""
    pair = (MatchDecision.external_id == external_id, MatchDecision.account_id == account_id)
    return exists().where(MatchDecision.provider == provider, MatchDecision.decision == "separate", *pair)
