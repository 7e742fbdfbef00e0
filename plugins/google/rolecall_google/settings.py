"""The settings of the Google Workspace plugin, and how the texts among them are read (R56)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from rolecall.sdk.by_type import by_type, domain_lines, each_line, rules
from rolecall.sdk.fields import Lines, WebAddress

#: Where Google is. Each is a setting, so that a proxy or a pretended Google can stand in its place.
LOGIN, DIRECTORY, LICENSING, CLASSROOM, SIGN_IN = "login", "directory", "licensing", "classroom", "sign_in"
ADDRESSES: Mapping[str, str] = {
    LOGIN: "https://oauth2.googleapis.com/token",
    DIRECTORY: "https://admin.googleapis.com",
    LICENSING: "https://licensing.googleapis.com",
    CLASSROOM: "https://classroom.googleapis.com",
    SIGN_IN: "https://accounts.google.com",
}
#: What a key file of a service account must hold to be of use.
KEY_PARTS = ("client_email", "private_key")

_DOMAIN = r"(?=.{4,190}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
_DOMAIN_ERROR = "A domain of the institution's Google Workspace, such as school.example."
_LICENCE = re.compile(r"[A-Za-z0-9_-]{3,80}/[A-Za-z0-9_-]{3,80}")


def _check_path(path: str) -> None:
    if path and (not path.startswith("/") or "//" in path or (path != "/" and path.endswith("/"))):
        raise ValidationError(f"{path!r} is no organisational unit: it begins with a slash and ends without one, such as /Students.")


def _check_licence(licence: str) -> None:
    if not _LICENCE.fullmatch(licence):
        raise ValidationError(f"{licence!r} is no licence: write the product's id, a slash and the SKU's id, such as 101031/1010310008.")


def _check_key(text: str) -> None:
    # What is refused is never quoted: it may hold the private key.
    if key_of(text) is None:
        raise ValidationError("This is not the key file of a service account. Paste the whole JSON file that Google gave you.")


def _address(label: str, name: str) -> WebAddress:
    return WebAddress(
        metadata={"label": label, "help": f"Empty: {ADDRESSES[name]}", "group": "Connection", "advanced": True},
    )


class GoogleSettings(Schema):
    """One Workspace, and how people are made there."""

    service_account = fields.String(
        required=True,
        validate=_check_key,
        metadata={
            "label": "Key of the service account",
            "help": "The whole JSON file: Google Cloud console → IAM & Admin → Service accounts → Keys → Add key.",
            "group": "Connection",
            "secret": True,
        },
    )
    admin = fields.Email(
        required=True,
        metadata={
            "label": "Administrator to act as",
            "help": "The address of a Workspace administrator whose role allows what the guide lists. Best one made for Rolecall alone.",
            "group": "Connection",
            "address": True,
        },
    )
    customer = fields.String(
        load_default="my_customer",
        validate=validate.Regexp(r"^[A-Za-z0-9_]{3,40}\Z", error="A customer id such as C046psxkn, or my_customer."),
        metadata={
            "label": "Customer id",
            "help": "my_customer is the institution of the administrator; others are needed by resellers only.",
            "group": "Connection",
            "advanced": True,
            "address": True,
        },
    )
    login_url = _address("Address of the sign-in", LOGIN)
    directory_url = _address("Address of the Directory API", DIRECTORY)
    licensing_url = _address("Address of the Licensing API", LICENSING)
    classroom_url = _address("Address of the Classroom API", CLASSROOM)
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
    org_unit = fields.String(
        load_default="",
        validate=_check_path,
        metadata={
            "label": "Organisational unit",
            "help": "Such as /Rolecall. It must exist. Empty: new users are made at the top, and where users are is left alone.",
            "group": "Accounts",
        },
    )
    org_units = Lines(
        load_default=list,
        validate=each_line(_check_path),
        metadata={
            "label": "Other organisational units",
            "help": "One line per user type, such as: student = /Students",
            "group": "Accounts",
        },
    )
    key_type = fields.String(
        load_default="rolecall",
        validate=validate.Regexp(r"^[A-Za-z0-9_-]{1,40}\Z", error="Up to 40 letters, digits, dashes and underscores."),
        metadata={
            "label": "Kind of external id that holds our key",
            "help": "By it Rolecall knows its users again. Other external ids of a user are left alone.",
            "risk": "After a change Rolecall finds its own users by their address only, until each was written once more.",
            "group": "Accounts",
            "advanced": True,
        },
    )
    force_password_change = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Ask for a new password at the first sign-in",
            "help": "Has no effect for people who sign in through another service.",
            "group": "Accounts",
        },
    )
    longest_name = fields.Integer(
        load_default=40,
        validate=validate.Range(min=20, max=60),
        metadata={
            "label": "Longest first or last name",
            "help": "Google names two limits, 40 and 60 characters. Longer names are cut.",
            "group": "Accounts",
            "advanced": True,
        },
    )
    archive = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Archive users who are suspended",
            "help": "Needs Archived User licences; their ordinary licence becomes free. Without a free one the user stays suspended only.",
            "group": "Accounts",
        },
    )
    licences = Lines(
        load_default=list,
        validate=each_line(_check_licence, roles=True),
        metadata={
            "label": "Licences",
            "help": "One line per licence, by user type or role, as product/SKU, such as student = 101031/1010310008 or teacher/Head = …. "
            "Empty: Google assigns licences by itself, and Rolecall leaves them alone.",
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
    class_owner = fields.Email(
        load_default=None,
        allow_none=True,
        metadata={
            "label": "Owner of courses",
            "help": "Who owns the courses that Rolecall makes. Empty: the administrator to act as.",
            "group": "Classes",
        },
    )
    assistants = fields.String(
        load_default="teacher",
        validate=validate.OneOf(("teacher", "student"), ("Teachers of the course", "Students of the course")),
        metadata={"label": "Assistants are", "group": "Classes"},
    )
    sign_in = fields.Boolean(
        load_default=False,
        metadata={
            "label": "People sign in with Google",
            "help": "The sign-in page gets a button, for users of the domains above. Needs an OAuth client of its own.",
            "group": "Signing in",
            "connection": False,
        },
    )
    sign_in_client_id = fields.String(
        load_default="",
        validate=validate.Length(max=255),
        metadata={
            "label": "OAuth client id for signing in",
            "help": "Google Cloud console → APIs & Services → Credentials → OAuth client ID, of the type Web application.",
            "group": "Signing in",
            "connection": False,
        },
    )
    sign_in_client_secret = fields.String(
        load_default="",
        metadata={"label": "OAuth client secret for signing in", "group": "Signing in", "secret": True, "connection": False},
    )
    sign_in_by_address = fields.Boolean(
        load_default=False,
        metadata={
            "label": "A verified address finds the account",
            "help": "Whoever signs in for the first time gets into the one account that has the same address. Accounts that were converted "
            "to Google are found without this.",
            "risk": "Whoever can get an address of the domains at Google gets into the account that has it.",
            "group": "Signing in",
            "connection": False,
        },
    )
    sign_in_url = WebAddress(
        metadata={
            "label": "Address of the sign-in",
            "help": f"Empty: {ADDRESSES[SIGN_IN]}",
            "group": "Signing in",
            "advanced": True,
            "connection": False,
        },
    )


def key_of(text: str) -> dict[str, str] | None:
    """Return the parts of a service account's key file, or none where the text is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) and found[name] for name in KEY_PARTS):
        return None
    return {name: value for name, value in found.items() if name in (*KEY_PARTS, "private_key_id", "client_id") and isinstance(value, str)}


def address(settings: Mapping[str, Any], name: str) -> str:
    """Return where one of Google's services is, without a slash at its end."""
    return str(settings.get(f"{name}_url") or ADDRESSES[name]).rstrip("/")


def domain_of(settings: Mapping[str, Any], kind: str) -> str:
    """Return the domain in which users of this type are made."""
    return by_type(settings.get("domains")).get(kind, str(settings["domain"])).lower()


def all_domains(settings: Mapping[str, Any]) -> list[str]:
    """Return every domain in which users are made."""
    return sorted({str(settings["domain"]).lower(), *(domain.lower() for domain in by_type(settings.get("domains")).values())})


def unit_of(settings: Mapping[str, Any], kind: str) -> str | None:
    """Return the organisational unit of users of this type, none where it is left alone."""
    return by_type(settings.get("org_units")).get(kind, str(settings.get("org_unit") or "")) or None


def all_units(settings: Mapping[str, Any]) -> list[str]:
    """Return every organisational unit that the settings name."""
    named = {str(settings.get("org_unit") or ""), *by_type(settings.get("org_units")).values()}
    return sorted(named - {"", "/"})


def licence_rules(settings: Mapping[str, Any]) -> list[tuple[str, str | None, str]]:
    """Return (user type, role or none for all, licence) of each line."""
    return rules(settings.get("licences"))


def owner_of(settings: Mapping[str, Any]) -> str:
    """Return the address of whoever owns the courses that are made."""
    return str(settings.get("class_owner") or settings["admin"])
