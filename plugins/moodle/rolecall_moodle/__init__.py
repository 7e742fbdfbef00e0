"""Moodle: accounts, their state and cohorts from roles, through Moodle's own web services.

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable, Sequence

from marshmallow import Schema

from rolecall import AccountChange, Column, Filter, Provider, Refusal, hookimpl, id_column, link_filter, validates
from rolecall_moodle import names
from rolecall_moodle.provider import MoodleProvider
from rolecall_moodle.settings import MoodleSettings

LABEL = "Moodle"


@hookimpl
def register_providers() -> Iterable[type[Provider]]:
    """Declare the Moodle provider (R60)."""
    return [MoodleProvider]


@hookimpl
def register_filters() -> Iterable[Filter]:
    """Declare the filter by how accounts stand at Moodle (R13)."""
    return [link_filter("moodle", LABEL)]


@hookimpl
def register_columns() -> Iterable[Column]:
    """Declare the column with the Moodle id (R14)."""
    return [id_column("moodle", LABEL)]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one Moodle site (R56)."""
    return MoodleSettings


@hookimpl
@validates("username", "person.first_name", "person.last_name")
def validate_accounts(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse user names and names that Moodle cannot hold, where a change brings them in (R21)."""
    return list(names.refusals(changes))
