"""Signing in with Microsoft 365: one tenant, and in it the object id of the user.

Owns what identifies there (https://learn.microsoft.com/entra/identity-platform/claims-validation). How OpenID Connect is spoken is
the SDK's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from rolecall.sdk.id_token import refused
from rolecall.sdk.login import ExternalIdentity
from rolecall.sdk.oidc import OidcLogin
from rolecall_o365.settings import addresses

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
#: The tenant of everybody's private accounts.
_PRIVATE = "9188040d-6c67-4c5b-b112-36a304b66dad"


class MicrosoftLogin(OidcLogin):
    """Sign-in by one Entra ID tenant. Addresses and user names in its tokens can be changed by others, so they never identify."""

    id: ClassVar[str] = "o365"
    label: ClassVar[str] = "Microsoft 365"

    @classmethod
    def issuer_of(cls, settings: Mapping[str, Any]) -> str:
        """The tenant's own issuer; an endpoint for many tenants is never asked (F-03)."""
        return f"{addresses(settings)[0]}/{_tenant(settings)}/v2.0"

    @classmethod
    def is_ready(cls, settings: Mapping[str, Any]) -> bool:
        """Whether it is wanted, for one tenant that is named by its id, and has a secret to redeem codes with."""
        return bool(settings.get("sign_in")) and is_one_tenant(settings) and bool(_secret(settings)) and bool(_client(settings))

    @property
    def button(self) -> str:
        """What people call it."""
        return "Microsoft"

    @property
    def client_id(self) -> str:
        """The app for signing in, or that of the connection."""
        return _client(self.settings)

    @property
    def client_secret(self) -> str:
        """The secret of that app."""
        return _secret(self.settings)

    def identity(self, claims: Mapping[str, Any]) -> ExternalIdentity:
        """Take the tenant and the object id; ``sub`` differs from app to app, and the rest may be anybody's.

        :raises NotProved: for a user of another tenant.
        """
        tenant, user = str(claims.get("tid", "")).lower(), str(claims.get("oid", "")).lower()
        if tenant != _tenant(self.settings):
            raise refused("the user is of another tenant")
        if not _ID.match(user):
            raise refused("there is no object id")
        told = super().identity(claims)
        return ExternalIdentity(
            issuer=self.issuer, subject=user, external_id=user, email=told.email, email_verified=False, first_name=told.first_name,
            last_name=told.last_name, second_factor=told.second_factor,
        )  # fmt: skip


def is_one_tenant(settings: Mapping[str, Any]) -> bool:
    """Whether the tenant is named by its id: a domain can be moved, and *common* is everybody's."""
    return bool(_ID.match(_tenant(settings))) and _tenant(settings) != _PRIVATE


def _tenant(settings: Mapping[str, Any]) -> str:
    return str(settings.get("tenant") or "").lower()


def _client(settings: Mapping[str, Any]) -> str:
    return str(settings.get("sign_in_client_id") or settings.get("client_id") or "")


def _secret(settings: Mapping[str, Any]) -> str:
    """The secret of the app for signing in; that of the connection only where it is the same app."""
    own = settings.get("sign_in_client_secret")
    return str(own or ("" if settings.get("sign_in_client_id") else settings.get("client_secret")) or "")
