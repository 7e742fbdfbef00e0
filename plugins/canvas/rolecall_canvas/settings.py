"""The settings of the Canvas plugin: what the form, the API and the command line ask for (R56)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from rolecall.sdk.fields import WebAddress

#: What happens to the enrolment of somebody who leaves a class, with the word that Canvas has for it.
LEAVING = {
    "conclude": "Concluded: the person still sees the course as a past one, and marks stay",
    "deactivate": "Made inactive: the person does not see the course, and marks stay",
    "delete": "Deleted: also from the course's gradebook",
}

#: How an account may be named in an address of the API: a number, ``self`` or a SIS id.
_ACCOUNT = r"^([0-9]{1,19}|self|sis_account_id:[^\s/?#]{1,255})\Z"
_ACCOUNT_ERROR = "The account's number, or self."


class CanvasSettings(Schema):
    """One Canvas, and how users and courses are made there."""

    base_url = WebAddress(
        required=True,
        metadata={
            "label": "Address of Canvas",
            "help": "As in the browser, for example https://school.instructure.com",
            "group": "Connection",
            "address": True,
        },
    )
    token = fields.String(
        required=True,
        validate=validate.Regexp(r"^[!-~]{16,512}\Z", error="A Canvas access token, without spaces."),
        metadata={
            "label": "Access token",
            "help": "Account → Settings → New access token, as the user made for Rolecall.",
            "group": "Connection",
            "secret": True,
        },
    )
    account = fields.String(
        load_default="self",
        validate=validate.Regexp(_ACCOUNT, error=_ACCOUNT_ERROR),
        metadata={
            "label": "Root account",
            "help": "self is the root account of the address above. Users, logins and SIS imports belong to a root account.",
            "group": "Connection",
            "advanced": True,
        },
    )
    sis_prefix = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[0-9A-Za-z_-]{0,40}\Z", error="At most 40 letters, digits, - and _."),
        metadata={
            "label": "Beginning of SIS ids",
            "help": "Stands before our key in every SIS id, for a Canvas whose other SIS ids must be told apart. Usually empty.",
            "risk": "After a change Rolecall no longer takes its own users and courses for its own.",
            "group": "Accounts",
            "advanced": True,
        },
    )
    authentication_provider = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[0-9a-z_]{0,40}\Z", error="The number of an authentication provider, or its kind, such as saml."),
        metadata={
            "label": "Authentication provider of new logins",
            "help": "Its number or kind (saml, microsoft, google, ldap …) where people sign in elsewhere: no password is sent then. "
            "Empty: Canvas decides. Logins that exist keep theirs.",
            "group": "Accounts",
        },
    )
    force_validations = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Have Canvas check new users strictly",
            "help": "Otherwise it overlooks some mistakes of an administrator's calls. "
            "Switch it off if it demands that new users accept its terms.",
            "group": "Accounts",
            "advanced": True,
        },
    )
    sis_import_from = fields.Integer(
        load_default=0,
        validate=validate.Range(min=0, max=10_000),
        metadata={
            "label": "SIS import from so many new users",
            "help": "So many new users at once, such as 20, are sent as one SIS import, which takes fewer calls. 0: never. "
            "It needs the permission to import SIS data.",
            "group": "Accounts",
        },
    )
    sis_import_wait = fields.Integer(
        load_default=60,
        validate=validate.Range(min=0, max=600),
        metadata={
            "label": "Wait for a SIS import",
            "help": "Seconds. Canvas works on one import at a time; what is not done by then is looked up later.",
            "group": "Accounts",
            "advanced": True,
        },
    )
    class_account = fields.String(
        load_default="",
        validate=validate.Regexp(f"{_ACCOUNT}|^\\Z", error=_ACCOUNT_ERROR),
        metadata={
            "label": "Account of new courses",
            "help": "The number of a sub-account. Empty: the root account. Courses that exist already stay where they are.",
            "group": "Classes",
        },
    )
    class_term = fields.String(
        load_default="",
        validate=validate.Regexp(r"^([0-9]{0,19}|sis_term_id:[^\s]{1,255})\Z", error="The term's number."),
        metadata={"label": "Term of new courses", "help": "The number of a term. Empty: the default term.", "group": "Classes"},
    )
    class_publish = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Publish new courses",
            "help": "Otherwise students see a course only when a teacher has published it.",
            "group": "Classes",
        },
    )
    class_leaving = fields.String(
        load_default="conclude",
        validate=validate.OneOf(tuple(LEAVING), tuple(LEAVING.values())),
        metadata={"label": "The enrolment of who leaves a class is", "group": "Classes"},
    )


def root_account(settings: Mapping[str, Any]) -> str:
    """Return the root account as addresses name it."""
    return str(settings.get("account") or "self")


def class_account(settings: Mapping[str, Any]) -> str:
    """Return the account in which courses are made."""
    return str(settings.get("class_account") or "") or root_account(settings)


def own_password(settings: Mapping[str, Any]) -> bool:
    """Tell whether Canvas keeps the passwords of new logins."""
    return str(settings.get("authentication_provider") or "canvas") == "canvas"


def sis_id(key: str, settings: Mapping[str, Any]) -> str:
    """Return the SIS id that carries a key of ours."""
    return f"{settings.get('sis_prefix') or ''}{key}"


def key_of(sis_id: object, settings: Mapping[str, Any]) -> str | None:
    """Return the key that a SIS id carries: ours without the prefix, another's as it is, none where there is none."""
    if not isinstance(sis_id, str) or not sis_id:
        return None
    prefix = str(settings.get("sis_prefix") or "")
    return sis_id[len(prefix) :] if prefix and sis_id.startswith(prefix) and len(sis_id) > len(prefix) else sis_id


def looks_ours(sis_id: object, settings: Mapping[str, Any]) -> bool:
    """Tell whether a SIS id has the form of ours: the prefix, then a UUID. Another program may use such ids too."""
    prefix = re.escape(str(settings.get("sis_prefix") or ""))
    return isinstance(sis_id, str) and re.fullmatch(prefix + r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sis_id) is not None
