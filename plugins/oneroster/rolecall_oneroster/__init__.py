"""Reads rosters: OneRoster 1.1 and 1.2 CSV, and Microsoft School Data Sync v1, v2 and v2.1."""

from collections.abc import Iterable

from rolecall import RosterSource, hookimpl
from rolecall_oneroster.source import OneRosterSource

LABEL = "OneRoster and School Data Sync"


@hookimpl
def register_roster_sources() -> Iterable[type[RosterSource]]:
    """One source for all the formats: the files tell which one they are."""
    return [OneRosterSource]
