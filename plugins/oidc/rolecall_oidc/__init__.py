"""Signing in by OpenID Connect, with any issuer that speaks it.

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable

from marshmallow import Schema

from rolecall import LoginMethod, hookimpl
from rolecall_oidc.login import AnyIssuerLogin
from rolecall_oidc.settings import OidcSettings

LABEL = "OpenID Connect"


@hookimpl
def register_login_methods() -> Iterable[type[LoginMethod]]:
    """Declare the login method (R60, R66)."""
    return [AnyIssuerLogin]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one issuer (R56)."""
    return OidcSettings
