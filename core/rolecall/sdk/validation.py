"""How a plugin says which fields its ``validate_accounts`` looks at, so that a batch that changes none of them need not be shown to it."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from rolecall.sdk.snapshots import AccountSnapshot, PersonSnapshot

F = TypeVar("F", bound=Callable[..., Any])
_ATTRIBUTE = "rolecall_validates"
_KNOWN = frozenset(each.name for each in fields(AccountSnapshot)) | {f"person.{each.name}" for each in fields(PersonSnapshot)}


def validates(*names: str) -> Callable[[F], F]:
    """Name the fields of the account (``username``, ``roles``) and of its person (``person.first_name``) that a validator looks at.

    Optional: without it the validator is shown every change. With it, a batch in which no account changes in one of these fields is
    not shown to it, which spares reading the accounts. New accounts are always shown.

    :raises ValueError: for a name that neither :class:`AccountSnapshot` nor :class:`PersonSnapshot` has.
    """
    unknown = sorted(set(names) - _KNOWN)
    if unknown:
        raise ValueError(f"An account has no field called {', '.join(unknown)}.")

    def mark(function: F) -> F:
        setattr(function, _ATTRIBUTE, frozenset(names))
        return function

    return mark


def validated(function: Callable[..., Any]) -> frozenset[str]:
    """Return the fields that a validator looks at; all of them when it does not say."""
    named: frozenset[str] = getattr(function, _ATTRIBUTE, _KNOWN)
    return named
