"""The settings of the Microsoft 365 plugin, and how the texts among them are read (R56)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rolecall.sdk.by_type import by_type, domain_lines, each_line, rules
from rolecall.sdk.fields import Lines, WebAddress

#: (label, where people sign in, where Graph is) of each national cloud.
CLOUDS = {
    "global": ("Microsoft 365 (worldwide)", "https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0"),
    "us_gov": ("US Government L4", "https://login.microsoftonline.us", "https://graph.microsoft.us/v1.0"),
    "us_dod": ("US Government L5 (DOD)", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us/v1.0"),
    "china": ("China (21Vianet)", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn/v1.0"),
}
#: Fields of a user that are free for our key; ``employeeId`` holds 16 characters, which is too few.
SLOTS = tuple(f"extensionAttribute{number}" for number in range(1, 16))

SIGNING_IN = "Signing in"

_DOMAIN = r"(?=.{4,48}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
_DOMAIN_ERROR = "A domain of the tenant with at most 48 characters, such as school.example."
_SKU = re.compile(r"[A-Za-z0-9_-]{3,80}")


def _check_licence(sku: str) -> None:
    if not _SKU.fullmatch(sku):
        raise ValidationError(f"{sku!r} is no name of a licence, such as STANDARDWOFFPACK_STUDENT.")


class TenantSettings(Schema):
    """One tenant, and the app that acts there."""

    tenant = fields.String(
        required=True,
        validate=validate.Regexp(r"^[0-9A-Za-z.-]{3,100}$", error="The directory (tenant) id, or one of the tenant's domains."),
        metadata={"label": "Directory (tenant) id", "help": "On the app's overview page.", "group": "Connection", "address": True},
    )
    client_id = fields.String(
        required=True,
        validate=validate.Regexp(
            r"^[0-9A-Za-z-]{8,64}$", error="The application (client) id, such as 6731de76-14a6-49ae-97bc-6eba6914391e."
        ),
        metadata={"label": "Application (client) id", "help": "On the app's overview page.", "group": "Connection"},
    )
    client_secret = fields.String(
        load_default="",
        metadata={
            "label": "Client secret",
            "help": "Certificates & secrets → Client secrets: its value, not its id. Not needed with a certificate.",
            "group": "Connection",
            "secret": True,
        },
    )
    certificate = fields.String(
        load_default="",
        metadata={
            "label": "Certificate and its private key",
            "help": "Both in PEM, one after the other; only the certificate is uploaded to Microsoft. It is used instead of a secret.",
            "group": "Connection",
            "secret": True,
        },
    )
    cloud = fields.String(
        load_default="global",
        validate=validate.OneOf(tuple(CLOUDS), [label for label, _, _ in CLOUDS.values()]),
        metadata={"label": "Cloud", "group": "Connection", "advanced": True, "address": True},
    )
    login_url = WebAddress(
        metadata={"label": "Address of the sign-in", "help": "Empty: that of the cloud.", "group": "Connection", "advanced": True},
    )
    graph_url = WebAddress(
        metadata={"label": "Address of Graph", "help": "Empty: that of the cloud.", "group": "Connection", "advanced": True},
    )


class MicrosoftSettings(TenantSettings):
    """One tenant, and how people are made there."""

    domain = fields.String(
        required=True,
        validate=validate.Regexp(rf"^{_DOMAIN}\Z", flags=re.IGNORECASE, error=_DOMAIN_ERROR),
        metadata={"label": "Domain of new users", "help": "user name@domain is what people sign in with.", "group": "Accounts"},
    )
    domains = Lines(
        load_default=list,
        validate=domain_lines(_DOMAIN, _DOMAIN_ERROR),
        metadata={
            "label": "Other domains",
            "help": "One line per user type, such as: student = students.school.example",
            "group": "Accounts",
        },
    )
    usage_location = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Za-z]{2}\Z", error="A country in two letters, such as GR."),
        metadata={"label": "Country", "help": "Two letters. Without it Microsoft assigns no licence.", "group": "Accounts"},
    )
    key_slot = fields.String(
        load_default="extensionAttribute15",
        validate=validate.OneOf(SLOTS),
        metadata={
            "label": "Where our key is kept",
            "help": "A field of the user that nothing else writes. By it Rolecall knows its users again.",
            "risk": "After a change Rolecall finds its own users by their sign-in name only, until each was written once more.",
            "group": "Accounts",
            "advanced": True,
        },
    )
    force_password_change = fields.Boolean(
        load_default=True,
        metadata={"label": "Ask for a new password at the first sign-in", "group": "Accounts"},
    )
    licences = Lines(
        load_default=list,
        validate=each_line(_check_licence, roles=True),
        metadata={
            "label": "Licences",
            "help": "One line per licence, by user type or role, such as student = STANDARDWOFFPACK_STUDENT or teacher/Head = …. "
            "Empty: licences are given by groups in Microsoft 365, and Rolecall leaves them alone.",
            "group": "Accounts",
        },
    )
    groups = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Keep security groups in step with roles",
            "help": "One group per period, user type and role. Groups made by hand are never touched.",
            "group": "Accounts",
        },
    )
    teams = fields.Boolean(
        load_default=True,
        metadata={"label": "Make a team for each class", "help": "As soon as the class has a teacher.", "group": "Classes"},
    )
    assistants = fields.String(
        load_default="teacher",
        validate=validate.OneOf(("teacher", "student"), ("Teachers of the class", "Students of the class")),
        metadata={"label": "Assistants are", "group": "Classes"},
    )
    sign_in = fields.Boolean(
        load_default=False,
        metadata={
            "label": "People sign in with Microsoft 365",
            "help": "The sign-in page gets a button. Needs the tenant's id above, not a domain, and a client secret.",
            "group": SIGNING_IN,
            "connection": False,
        },
    )
    sign_in_client_id = fields.String(
        load_default="",
        validate=validate.Regexp(r"^([0-9A-Za-z-]{8,64})?\Z", error="The application (client) id of the app for signing in."),
        metadata={
            "label": "Application (client) id for signing in",
            "help": "An app of its own, which needs no rights on users. Empty: that of the connection.",
            "group": SIGNING_IN,
            "connection": False,
        },
    )
    sign_in_client_secret = fields.String(
        load_default="",
        metadata={
            "label": "Client secret for signing in",
            "help": "Of the app above. Empty, where there is no app above: that of the connection.",
            "group": SIGNING_IN,
            "secret": True,
            "connection": False,
        },
    )

    @validates_schema
    def _one_tenant(self, data: Mapping[str, Any], **_: Any) -> None:
        """Signing in is for one tenant, which only its id names for good (F-03)."""
        if data.get("sign_in") and not re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", str(data.get("tenant") or "")):
            raise ValidationError({"tenant": ["For signing in, enter the directory (tenant) id itself, which has 36 characters."]})


def addresses(settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return where tokens come from and where Graph is, each without a slash at its end."""
    _, login, graph = CLOUDS[str(settings.get("cloud") or "global")]
    return str(settings.get("login_url") or login).rstrip("/"), str(settings.get("graph_url") or graph).rstrip("/")


def domain_of(settings: Mapping[str, Any], kind: str) -> str:
    """Return the domain in which users of this type are made."""
    return by_type(settings.get("domains")).get(kind, str(settings["domain"])).lower()


def all_domains(settings: Mapping[str, Any]) -> list[str]:
    """Return every domain in which users are made."""
    return sorted({str(settings["domain"]).lower(), *(domain.lower() for domain in by_type(settings.get("domains")).values())})


def licence_rules(settings: Mapping[str, Any]) -> list[tuple[str, str | None, str]]:
    """Return (user type, role or none for all, licence) of each line."""
    return [(kind, role, sku.upper()) for kind, role, sku in rules(settings.get("licences"))]
