"""SCIM 2.0: users and groups of any service that speaks RFC 7643 and RFC 7644.

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable

from marshmallow import Schema

from rolecall import Column, Endpoint, Filter, Provider, hookimpl, id_column, link_filter
from rolecall_scim.inbound.endpoint import ENDPOINT
from rolecall_scim.inbound.settings import InboundSettings
from rolecall_scim.provider import ScimProvider
from rolecall_scim.settings import ScimSettings

LABEL = "SCIM 2.0"


class BothSettings(ScimSettings, InboundSettings):
    """Both directions: whom Rolecall tells a service about, and whom a directory tells Rolecall about."""


@hookimpl
def register_providers() -> Iterable[type[Provider]]:
    """Declare the SCIM provider (R60)."""
    return [ScimProvider]


@hookimpl
def register_filters() -> Iterable[Filter]:
    """Declare the filter by how accounts stand at the service (R13)."""
    return [link_filter("scim", "SCIM", at="the SCIM service")]


@hookimpl
def register_columns() -> Iterable[Column]:
    """Declare the column with the id there (R14)."""
    return [id_column("scim", "SCIM")]


@hookimpl
def register_endpoints() -> Iterable[Endpoint]:
    """Declare where directories hand people in (R6)."""
    return [ENDPOINT]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one service, and of the people that directories hand in (R56)."""
    return BothSettings
