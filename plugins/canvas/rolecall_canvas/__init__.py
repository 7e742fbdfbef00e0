"""Canvas: users with their logins, and courses with their enrolments, through Canvas's REST API.

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable, Sequence

from marshmallow import Schema

from rolecall import AccountChange, Column, Filter, Provider, Refusal, hookimpl, id_column, link_filter, validates
from rolecall_canvas import names
from rolecall_canvas.provider import CanvasProvider
from rolecall_canvas.settings import CanvasSettings

LABEL = "Canvas"


@hookimpl
def register_providers() -> Iterable[type[Provider]]:
    """Declare the Canvas provider (R60)."""
    return [CanvasProvider]


@hookimpl
def register_filters() -> Iterable[Filter]:
    """Declare the filter by how accounts stand at Canvas (R13)."""
    return [link_filter("canvas", LABEL)]


@hookimpl
def register_columns() -> Iterable[Column]:
    """Declare the column with the Canvas id (R14)."""
    return [id_column("canvas", LABEL)]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one Canvas (R56)."""
    return CanvasSettings


@hookimpl
@validates("username", "person.first_name", "person.last_name")
def validate_accounts(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse user names and names that Canvas cannot hold, where a change brings them in (R21)."""
    return list(names.refusals(changes))
