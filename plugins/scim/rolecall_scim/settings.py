"""The settings of one SCIM service: where it is, how Rolecall proves who it is, and where services differ (R56)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rolecall.sdk.fields import WebAddress

#: How a resource is changed: as the service describes itself, or one of the two ways of RFC 7644.
METHODS = {"auto": "As the service says", "patch": "PATCH", "put": "PUT (the whole resource)"}
#: How PATCH is written.
DIALECTS = {"standard": "As the standard says", "entra": 'As Microsoft Entra does ("Replace", "False")'}
#: Where the account's key is kept on a user.
SLOTS = {"externalId": "External id (externalId)", "employeeNumber": "Employee number", "none": "Nowhere"}
#: How the client proves itself to the token address.
CLIENT_AUTH = {"basic": "In the header", "post": "In the form"}


def _address(label: str, help: str, *, needed: bool = False, advanced: bool = False) -> WebAddress:
    metadata: dict[str, Any] = {"label": label, "help": help, "group": "Connection", "address": True}
    if advanced:
        metadata["advanced"] = True
    if needed:
        # Not required: a directory may hand people in without Rolecall telling any service about them.
        metadata["needed"] = True
    return WebAddress(metadata=metadata)


def _choice(choices: Mapping[str, str], default: str, **metadata: Any) -> fields.String:
    return fields.String(load_default=default, validate=validate.OneOf(tuple(choices), tuple(choices.values())), metadata=metadata)


class ScimSettings(Schema):
    """One service that speaks SCIM 2.0."""

    base_url = _address(
        "Address of the service", "The base of its SCIM addresses, often ending in /scim/v2: /Users comes after it.", needed=True
    )
    token = fields.String(
        load_default="",
        metadata={
            "label": "Bearer token",
            "help": "A key that the service gave out. Not needed with a client id and secret.",
            "group": "Connection",
            "secret": True,
        },
    )
    oauth_url = _address("Token address", "Only with OAuth 2.0 client credentials: where tokens are given out.", advanced=True)
    client_id = fields.String(load_default="", metadata={"label": "Client id", "group": "Connection", "advanced": True})
    client_secret = fields.String(
        load_default="", metadata={"label": "Client secret", "group": "Connection", "advanced": True, "secret": True}
    )
    scope = fields.String(
        load_default="",
        metadata={"label": "Scope", "help": "Asked for with the token; empty for none.", "group": "Connection", "advanced": True},
    )
    client_auth = _choice(CLIENT_AUTH, "basic", label="Client id and secret are sent", group="Connection", advanced=True)
    key_slot = _choice(
        SLOTS,
        "externalId",
        label="Where our key is kept",
        help="By it Rolecall knows its users again. Choose another place only for a service that does not keep external ids.",
        risk="Without a key Rolecall takes over whoever has the user name, and loses sight of a user who is renamed there.",
        group="Accounts",
        advanced=True,
    )
    send_password = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Send the first-time password",
            "help": "With the creation only. Switch it off where people sign in through another service.",
            "group": "Accounts",
        },
    )
    groups = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Keep groups in step with roles",
            "help": "One group per period, user type and role. Groups made by hand are never touched.",
            "group": "Accounts",
        },
    )
    method = _choice(METHODS, "auto", label="Changes are sent by", group="How the service differs", advanced=True)
    dialect = _choice(DIALECTS, "standard", label="How PATCH is written", group="How the service differs", advanced=True)
    bulk = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Send many changes in one call",
            "help": "Only if the service says that it can.",
            "group": "How the service differs",
            "advanced": True,
        },
    )

    @validates_schema
    def _one_way_in(self, data: Mapping[str, Any], **_: Any) -> None:
        """A service needs a token, or all three of what tokens are got with."""
        client = [name for name in ("oauth_url", "client_id", "client_secret") if data.get(name)]
        if data.get("token") and client:
            raise ValidationError("Enter a token, or a client id and secret, not both.", "token")
        if client and len(client) < 3:
            raise ValidationError("A token address, a client id and a client secret belong together.", "client_id")


def base_of(settings: Mapping[str, Any]) -> str:
    """Return the base address without a slash at its end."""
    return str(settings["base_url"]).rstrip("/")
