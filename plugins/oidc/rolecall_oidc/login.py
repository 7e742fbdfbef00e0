"""The login method: one issuer that an administrator has entered.

Owns what the settings say. How OpenID Connect is spoken is the SDK's.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from rolecall.sdk.decided_domains import decides_about
from rolecall.sdk.login import ExternalIdentity
from rolecall.sdk.oidc import OidcLogin


class AnyIssuerLogin(OidcLogin):
    """Sign-in by the issuer of the settings; its subjects identify (OpenID Connect Core 1.0, section 5.7)."""

    id: ClassVar[str] = "oidc"
    label: ClassVar[str] = "OpenID Connect"

    @classmethod
    def issuer_of(cls, settings: Mapping[str, Any]) -> str:
        """The issuer that was entered, to the letter."""
        return str(settings["issuer"])

    @classmethod
    def is_ready(cls, settings: Mapping[str, Any]) -> bool:
        """Whether there is an issuer that knows us."""
        return bool(settings.get("issuer") and settings.get("client_id"))

    @property
    def button(self) -> str:
        """What the institution calls it."""
        return str(self.settings.get("button") or self.label)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of the settings."""
        return tuple(str(each).strip() for each in self.settings.get("scopes") or ())

    @property
    def contexts(self) -> tuple[str, ...]:
        """What the settings say that the issuer calls it."""
        return tuple(str(each).strip() for each in self.settings.get("second_factor_acr") or ())

    def asked(self) -> Mapping[str, str]:
        """Ask for a second factor where what the service says of it counts."""
        return {"acr_values": " ".join(self.contexts)} if self.contexts and self.settings.get("second_factor_there") == "told" else {}

    @property
    def wanted(self) -> tuple[str, ...]:
        """The address, and the person's code where the settings name a claim for it."""
        code = str(self.settings.get("code_claim") or "")
        return ("email", code) if code else ("email",)

    def identity(self, claims: Mapping[str, Any]) -> ExternalIdentity:
        """Read the person's code too, where it is a text or a whole number."""
        code = claims.get(str(self.settings.get("code_claim") or ""))
        told = str(code) if isinstance(code, str | int) and not isinstance(code, bool) else ""
        return replace(super().identity(claims), code=told.strip() or None)

    def speaks_for(self, address: str) -> bool:
        """Whether the address is of a domain that the institution says the issuer decides about."""
        return decides_about(self.settings, address)
