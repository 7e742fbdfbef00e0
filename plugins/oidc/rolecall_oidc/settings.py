"""The settings of the OpenID Connect plugin (R56)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from marshmallow import Schema, ValidationError, fields, validate

from rolecall.sdk.decided_domains import DecidedDomains
from rolecall.sdk.fields import Lines, WebAddress

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}\Z")


def _check_scopes(lines: Sequence[str]) -> None:
    for line in lines:
        if not _SCOPE.match(line.strip()):
            raise ValidationError(f"{line!r} is no scope.")


def _check_issuer(address: str) -> None:
    if "?" in address or "#" in address or "@" in address:
        raise ValidationError("An issuer is an address without a query, a fragment or a user name.")
    if address.rstrip("/").endswith("/.well-known/openid-configuration"):
        raise ValidationError("Enter the issuer itself, without /.well-known/openid-configuration at its end.")


class OidcSettings(Schema):
    """One issuer, and what it knows Rolecall by."""

    issuer = WebAddress(
        required=True,
        validate=_check_issuer,
        metadata={
            "label": "Issuer",
            "help": "Exactly as the service names itself, a slash at the end included, such as https://login.school.example/realms/school.",
            "group": "Connection",
        },
    )
    client_id = fields.String(
        required=True,
        validate=validate.Length(min=1, max=255),
        metadata={"label": "Client id", "help": "What the service knows Rolecall by.", "group": "Connection"},
    )
    client_secret = fields.String(
        load_default="",
        metadata={"label": "Client secret", "help": "Empty for a public client.", "group": "Connection", "secret": True},
    )
    scopes = Lines(
        load_default=lambda: ["email", "profile"],
        validate=_check_scopes,
        metadata={"label": "Scopes", "help": "One on each line, beside openid.", "group": "Connection", "advanced": True},
    )
    button = fields.String(
        load_default="",
        validate=validate.Length(max=60),
        metadata={
            "label": "Name on the sign-in page",
            "help": "What people call it. Empty: OpenID Connect.",
            "connection": False,
            "group": "Signing in",
        },
    )
    second_factor_acr = Lines(
        load_default=lambda: ["https://refeds.org/profile/mfa"],
        validate=_check_scopes,
        metadata={
            "label": "Values of acr that mean a second factor",
            "help": "One on each line. They are asked for where what the service says of a second factor counts; “amr” is read as well.",
            "group": "Signing in",
            "advanced": True,
            "connection": False,
        },
    )
    code_claim = fields.String(
        load_default="",
        validate=validate.Regexp(r"^([!-~]{1,100})?\Z", error="The name of a claim, without spaces."),
        metadata={
            "label": "Claim with the person's code",
            "help": "Finds the record of somebody who has no account yet, and nobody else. Empty: they are found by the e-mail on it.",
            "risk": "Whoever can change the claim at the service can be anybody who has no account yet.",
            "connection": False,
            "group": "New accounts",
            "advanced": True,
        },
    )
    authoritative_domains = DecidedDomains(
        whoever="Whoever has a verified address there",
        risk="Whoever runs the service, or can get an address of these domains verified there, gets into the account that has it.",
    )
