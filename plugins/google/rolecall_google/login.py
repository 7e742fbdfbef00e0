"""Signing in with Google: users of the institution's own Workspace, by Google's id of each.

Owns whom the institution means (https://developers.google.com/identity/openid-connect/openid-connect). How OpenID Connect is spoken is
the SDK's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from rolecall.errors import NotProved
from rolecall.sdk.login import ExternalIdentity
from rolecall.sdk.oidc import OidcLogin
from rolecall.translation import gettext as _
from rolecall_google.settings import SIGN_IN, address, all_domains


class GoogleLogin(OidcLogin):
    """Sign-in by Google, for one Workspace."""

    id: ClassVar[str] = "google"
    label: ClassVar[str] = "Google Workspace"
    #: Google says when somebody proved who they are only to apps that it has admitted to that.
    dated: ClassVar[bool] = False

    @classmethod
    def issuer_of(cls, settings: Mapping[str, Any]) -> str:
        """Google itself."""
        return address(settings, SIGN_IN)

    @classmethod
    def is_ready(cls, settings: Mapping[str, Any]) -> bool:
        """Whether it is wanted, and Google knows us."""
        return all(settings.get(name) for name in ("sign_in", "sign_in_client_id", "sign_in_client_secret", "domain"))

    @property
    def button(self) -> str:
        """What people call it."""
        return "Google"

    @property
    def issuers(self) -> tuple[str, ...]:
        """Google leaves the scheme out in some tokens."""
        return (self.issuer, self.issuer.partition("://")[2])

    @property
    def client_id(self) -> str:
        """The OAuth client for signing in."""
        return str(self.settings["sign_in_client_id"])

    @property
    def client_secret(self) -> str:
        """Its secret."""
        return str(self.settings["sign_in_client_secret"])

    def asked(self) -> Mapping[str, str]:
        """Let Google offer accounts of the Workspace; what it lets through is looked at again in the token."""
        domains = all_domains(self.settings)
        return {"hd": domains[0] if len(domains) == 1 else "*"}

    def identity(self, claims: Mapping[str, Any]) -> ExternalIdentity:
        """Take ``sub``, which is the user's id in the Directory too.

        :raises NotProved: for a private account, or one of another Workspace.
        """
        domain = claims.get("hd")
        if not isinstance(domain, str) or domain.lower() not in all_domains(self.settings):
            raise NotProved(
                _("You signed in with a Google account that is not of this institution."),
                hint=_("Sign in again, and choose the account that the institution gave you."),
                detail="hd is another domain",
            )
        found = super().identity(claims)
        return replace(found, external_id=found.subject)

    def speaks_for(self, address: str) -> bool:
        """Whether the institution wants to be known by addresses too, and the address is of its own Workspace."""
        return bool(self.settings.get("sign_in_by_address")) and address.rpartition("@")[2].lower() in all_domains(self.settings)
