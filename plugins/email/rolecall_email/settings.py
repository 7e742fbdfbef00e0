"""The settings of one mail server: where it is, how the line is encrypted and how Rolecall signs in (R56); and how an address says them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rolecall.sdk.fields import WebAddress

#: How the line is encrypted.
SECURITY = {"starttls": "STARTTLS", "tls": "TLS from the first byte", "none": "Not at all"}
#: The usual ports, where an address names none: submission, submission over TLS, and relaying between servers.
PORTS = {"starttls": 587, "tls": 465, "none": 25}
SIGN_IN = {"password": "With a password, where a user name is given", "oauth": "With OAuth 2.0 (XOAUTH2)"}
#: What Exchange Online wants to be asked for.
SCOPE = "https://outlook.office365.com/.default"
_YES = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}


def _choice(choices: Mapping[str, str], default: str, **metadata: Any) -> fields.String:
    return fields.String(load_default=default, validate=validate.OneOf(tuple(choices), tuple(choices.values())), metadata=metadata)


class EmailSettings(Schema):
    """One mail server that takes messages for everybody."""

    host = fields.String(
        required=True,
        validate=validate.Regexp(r"[A-Za-z0-9.:_-]{1,253}\Z", error="Write the name of the server alone, such as smtp.school.example."),
        metadata={"label": "Server", "help": "Such as smtp.school.example.", "group": "Server", "address": True},
    )
    port = fields.Integer(
        load_default=587,
        validate=validate.Range(min=1, max=65535),
        metadata={"label": "Port", "help": "Usually 587 with STARTTLS, 465 with TLS.", "group": "Server"},
    )
    security = _choice(
        SECURITY,
        "starttls",
        label="Encryption",
        help="Without any, only servers that the operator named in ROLECALL_OUTBOUND_ALLOW are spoken to.",
        risk="Unencrypted, whoever is on the way reads passwords and links.",
        group="Server",
    )
    sign_in = _choice(SIGN_IN, "password", label="Sign in", group="Sign-in")
    username = fields.String(
        load_default="", metadata={"label": "User name", "help": "Empty: the server takes messages without a sign-in.", "group": "Sign-in"}
    )
    password = fields.String(load_default="", metadata={"label": "Password", "group": "Sign-in", "secret": True})
    oauth_url = WebAddress(
        metadata={
            "label": "Token address",
            "help": "Only with OAuth 2.0: where tokens are given out.",
            "group": "Sign-in",
            "address": True,
            "advanced": True,
        },
    )
    client_id = fields.String(load_default="", metadata={"label": "Client id", "group": "Sign-in", "advanced": True})
    client_secret = fields.String(
        load_default="", metadata={"label": "Client secret", "group": "Sign-in", "advanced": True, "secret": True}
    )
    scope = fields.String(
        load_default=SCOPE,
        metadata={"label": "Scope", "help": "Asked for with the token.", "group": "Sign-in", "advanced": True},
    )

    @validates_schema
    def _oauth_is_whole(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("sign_in") != "oauth":
            return
        wrong = {
            name: ["It is needed to sign in with OAuth 2.0."]
            for name in ("username", "oauth_url", "client_id", "client_secret")
            if not data.get(name)
        }
        if wrong:
            raise ValidationError(wrong)


def from_url(url: str) -> dict[str, Any]:
    """Read the settings out of ``smtp://user:password@host:port?starttls=1`` or ``smtps://...``.

    :raises ValueError: with a sentence that does not quote it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        raise ValueError("It must look like smtp://user:password@host:port?starttls=1, or smtps://...")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("The port must be a number from 1 to 65535.") from None
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    starttls = _YES.get(asked.pop("starttls", "0").lower())
    if asked or starttls is None:
        raise ValueError("After the question mark stands starttls=1, or nothing.")
    security = "tls" if parts.scheme == "smtps" else "starttls" if starttls else "none"
    return {
        "host": parts.hostname,
        "port": port or PORTS[security],
        "security": security,
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
    }
