"""Google Workspace: people, licences, groups and Classroom courses, through the Directory, Licensing and Classroom APIs.

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable, Sequence

from marshmallow import Schema

from rolecall import AccountChange, Column, Filter, LoginMethod, Provider, Refusal, hookimpl, id_column, link_filter, validates
from rolecall_google import names
from rolecall_google.login import GoogleLogin
from rolecall_google.provider import GoogleProvider
from rolecall_google.settings import GoogleSettings

LABEL = "Google Workspace"


@hookimpl
def register_providers() -> Iterable[type[Provider]]:
    """Declare the Google Workspace provider (R60)."""
    return [GoogleProvider]


@hookimpl
def register_login_methods() -> Iterable[type[LoginMethod]]:
    """Declare the sign-in with Google (R60, R66)."""
    return [GoogleLogin]


@hookimpl
def register_filters() -> Iterable[Filter]:
    """Declare the filter by how accounts stand at Google Workspace (R13)."""
    return [link_filter("google", LABEL)]


@hookimpl
def register_columns() -> Iterable[Column]:
    """Declare the column with the user's id (R14)."""
    return [id_column("google", LABEL)]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one Workspace (R56)."""
    return GoogleSettings


@hookimpl
@validates("username")
def validate_accounts(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse user names that Google cannot hold, where a change brings them in (R21)."""
    return list(names.refusals(changes))
