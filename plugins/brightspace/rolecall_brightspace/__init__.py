"""Brightspace: people, their organisation role, and classes as course offerings, through D2L's Valence API.

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable

from marshmallow import Schema

from rolecall import Column, Filter, Provider, hookimpl, id_column, link_filter
from rolecall_brightspace.provider import BrightspaceProvider
from rolecall_brightspace.settings import BrightspaceSettings

LABEL = "Brightspace"


@hookimpl
def register_providers() -> Iterable[type[Provider]]:
    """Declare the Brightspace provider (R60)."""
    return [BrightspaceProvider]


@hookimpl
def register_filters() -> Iterable[Filter]:
    """Declare the filter by how accounts stand at Brightspace (R13)."""
    return [link_filter("brightspace", LABEL)]


@hookimpl
def register_columns() -> Iterable[Column]:
    """Declare the column with the user id (R14)."""
    return [id_column("brightspace", LABEL)]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one site (R56)."""
    return BrightspaceSettings
