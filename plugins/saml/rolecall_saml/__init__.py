"""SAML 2.0: people sign in with the institution's own identity provider.

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable

from marshmallow import Schema

from rolecall import LoginMethod, hookimpl
from rolecall.errors import PluginRejected

try:
    from rolecall_saml.login import SamlLogin
    from rolecall_saml.settings import SamlSettings
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in ("lxml", "signxml"):
        raise
    raise PluginRejected(
        "SAML 2.0 needs the libraries lxml and signxml, which are not installed.", hint="Install rolecall[saml]."
    ) from missing

LABEL = "SAML 2.0"


@hookimpl
def register_login_methods() -> Iterable[type[LoginMethod]]:
    """Declare signing in by SAML (R60, R66)."""
    return [SamlLogin]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one identity provider (R56)."""
    return SamlSettings
