"""The settings of the Brightspace plugin, and how the texts among them are read (R56)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate

from rolecall.sdk.fields import Lines, WebAddress
from rolecall.sdk.words import USER_TYPES

TOKEN_ADDRESS = "https://auth.brightspace.com/core/connect/token"  # noqa: S105 - an address
#: What a key may sign with; which of them a site takes is for its sign-in to say.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384")
#: The first version of the learning platform's API that takes the password with the new user.
FIRST_VERSION = (1, 57)
CLASS_ROLES = ("student", "teacher", "assistant")
_VERSION = re.compile(r"([0-9]{1,2})\.([0-9]{1,3})")
_NUMBER = validate.Range(min=1, max=2**31 - 1)


def _pairs(lines: Sequence[str], words: Sequence[str], what: str) -> dict[str, int]:
    found = {}
    for line in lines:
        word, sign, number = (part.strip() for part in line.partition("="))
        if not sign or not number.isascii() or not number.isdigit():
            raise ValidationError(f"{line!r} cannot be read: write it with an equals sign and the role's number, such as student = 110.")
        if word not in words:
            raise ValidationError(f"{word!r} is no {what}. There are: {', '.join(words)}.")
        found[word] = int(number)
    return found


def _check_roles(lines: Sequence[str]) -> None:
    if not _pairs(lines, tuple(USER_TYPES), "user type"):
        raise ValidationError("At least one user type needs a role.")


def _check_class_roles(lines: Sequence[str]) -> None:
    found = _pairs(lines, CLASS_ROLES, "role in a class")
    if len(set(found.values())) < len(found):
        raise ValidationError("Students, teachers and assistants need different roles: by them Rolecall knows who is what in a course.")


def _check_version(text: str) -> None:
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValidationError("A version such as 1.57.")
    if (int(found[1]), int(found[2])) < FIRST_VERSION:
        raise ValidationError("Rolecall needs version 1.57 or a later one: earlier ones take no password with a new user.")


class BrightspaceSettings(Schema):
    """One site, the app that Rolecall is there, and how people are made."""

    base_url = WebAddress(
        required=True,
        metadata={
            "label": "Address of the site",
            "help": "As in the browser, for example https://learn.school.example",
            "group": "Connection",
        },
    )
    client_id = fields.String(
        required=True,
        validate=validate.Regexp(r"^[0-9A-Za-z_-]{4,80}\Z", error="The app's client id, such as 6c0638b1-65bf-4018-9a29-6c65d05acffc."),
        metadata={"label": "Client id", "help": "Admin Tools → Manage Extensibility → OAuth 2.0 → the app.", "group": "Connection"},
    )
    private_key = fields.String(
        required=True,
        metadata={
            "label": "Private key",
            "help": "In PEM. Its public half is what the app's JWKS address shows; Test connection prints it ready to publish.",
            "group": "Connection",
            "secret": True,
        },
    )
    key_id = fields.String(
        load_default="rolecall",
        validate=validate.Regexp(r"^[0-9A-Za-z._-]{1,100}\Z", error="Letters, digits, dots and dashes, without spaces."),
        metadata={"label": "Key id", "help": "The kid of the key at the JWKS address.", "group": "Connection"},
    )
    algorithm = fields.String(
        load_default="RS256",
        validate=validate.OneOf(ALGORITHMS),
        metadata={"label": "Signed with", "help": "RS256 for an RSA key, ES256 for one on P-256.", "group": "Connection"},
    )
    auth_url = WebAddress(
        load_default=TOKEN_ADDRESS,
        metadata={"label": "Address of tokens", "group": "Connection", "advanced": True},
    )
    audience = fields.String(
        load_default="",
        validate=validate.Length(max=300),
        metadata={
            "label": "Audience of the app's proof",
            "help": "Empty: the address of tokens.",
            "group": "Connection",
            "advanced": True,
        },
    )
    scope = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[0-9A-Za-z:*_, ]*\Z", error="Scopes with spaces between them, such as users:userdata:read."),
        metadata={
            "label": "Scopes",
            "help": "Empty: exactly those that these settings need, which the guide lists.",
            "group": "Connection",
            "advanced": True,
        },
    )
    lp_version = fields.String(
        load_default="1.57",
        validate=_check_version,
        metadata={"label": "Version of the learning platform's API", "group": "Connection", "advanced": True},
    )
    credits = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Stop when the site says that its credits are used up",
            "help": "Switch it off where the site does not limit apps but shows zero credits all the same.",
            "group": "Connection",
            "advanced": True,
        },
    )
    user_roles = Lines(
        required=True,
        validate=_check_roles,
        metadata={
            "label": "Organisation roles",
            "help": "One line per user type, with the role's number at this site, such as: student = 110. Who has no line is not created.",
            "group": "Accounts",
        },
    )
    keep_roles = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Keep the organisation role in step",
            "help": "Otherwise it is given to new users and then left to Brightspace.",
            "group": "Accounts",
        },
    )
    match_email = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Also take over users by e-mail",
            "help": "Only where exactly one user has the address and no Org Defined ID. Leave it off where families share an address.",
            "group": "Accounts",
        },
    )
    passwords = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Give new users the first-time password",
            "help": "Switch it off where everybody signs in elsewhere.",
            "group": "Accounts",
        },
    )
    force_password_change = fields.Boolean(
        load_default=True,
        metadata={"label": "Ask for a new password at the first sign-in", "group": "Accounts"},
    )
    creation_email = fields.Boolean(
        load_default=False,
        metadata={"label": "Let Brightspace send its e-mail to new users", "group": "Accounts"},
    )
    course_template = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=_NUMBER,
        metadata={"label": "Template of new courses", "help": "The org unit id of a course template.", "group": "Classes"},
    )
    semester = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=_NUMBER,
        metadata={"label": "Semester of new courses", "help": "The org unit id of a semester. Empty: none.", "group": "Classes"},
    )
    class_roles = Lines(
        load_default=list,
        validate=_check_class_roles,
        metadata={
            "label": "Roles in courses",
            "help": "One line each, such as: student = 110, teacher = 109, assistant = 112. Empty: the organisation roles of students and "
            "teachers. Without a line of their own, assistants are enrolled as teachers.",
            "group": "Classes",
        },
    )


def site_of(settings: Mapping[str, Any]) -> str:
    """Return the address that paths of the API are put behind; what begins with /d2l was copied from a page of the site."""
    parts = urlsplit(str(settings["base_url"]))
    return f"{parts.scheme}://{parts.netloc}{parts.path.partition('/d2l')[0].rstrip('/')}"


def organisation_roles(settings: Mapping[str, Any]) -> dict[str, int]:
    """Return the role id of each user type that has one."""
    return _pairs(settings.get("user_roles") or (), tuple(USER_TYPES), "user type")


def class_roles(settings: Mapping[str, Any]) -> dict[str, int]:
    """Return the role id of each of our roles in a class; assistants may have none of their own."""
    given = _pairs(settings.get("class_roles") or (), CLASS_ROLES, "role in a class")
    usual = {role: number for role, number in organisation_roles(settings).items() if role in ("student", "teacher")}
    return usual | given
