"""Microsoft 365: people, licences, groups and class teams, through Microsoft Graph; and signing in.

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable, Sequence

from marshmallow import Schema

from rolecall import AccountChange, Column, Filter, LoginMethod, Provider, Refusal, hookimpl, id_column, link_filter, validates
from rolecall_o365 import names
from rolecall_o365.login import MicrosoftLogin
from rolecall_o365.provider import MicrosoftProvider
from rolecall_o365.settings import MicrosoftSettings

LABEL = "Microsoft 365"


@hookimpl
def register_providers() -> Iterable[type[Provider]]:
    """Declare the Microsoft 365 provider (R60)."""
    return [MicrosoftProvider]


@hookimpl
def register_login_methods() -> Iterable[type[LoginMethod]]:
    """Declare the sign-in with Microsoft 365 (R60, R66)."""
    return [MicrosoftLogin]


@hookimpl
def register_filters() -> Iterable[Filter]:
    """Declare the filter by how accounts stand at Microsoft 365 (R13)."""
    return [link_filter("o365", LABEL)]


@hookimpl
def register_columns() -> Iterable[Column]:
    """Declare the column with the object id (R14)."""
    return [id_column("o365", LABEL)]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one tenant (R56)."""
    return MicrosoftSettings


@hookimpl
@validates("username", "person.first_name", "person.last_name")
def validate_accounts(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse user names and names that Microsoft 365 cannot hold, where a change brings them in (R21)."""
    return list(names.refusals(changes))
