"""What a plugin declares to add a filter or a column to the accounts list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement

from rolecall.sdk.fields import FormContext, Option

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterContext:
    """What a filter's clause may ask besides its own value: the chosen period (none: there is none yet), and the time."""

    session: Session
    period_id: int | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One word of the filter language: in the address bar, the API and the command line.

    ``choices`` none makes it free text. ``clause`` builds a predicate over the ``listing`` and ``account`` tables, or none where
    the value does not narrow anything. ``group`` is ``common`` (always visible) or ``advanced``.
    """

    id: str
    label: str
    clause: Callable[[str, FilterContext], ColumnElement[bool] | None]
    choices: Callable[[FormContext], Sequence[Option]] | None = None
    default: str = "all"
    group: str = "common"
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the accounts list and its export. ``values`` answers for a whole page in one query."""

    id: str
    label: str
    values: Callable[[Session, Sequence[int]], Mapping[int, str]]
    shown: bool = False
