"""The settings of the Moodle plugin: what the form, the API and the command line ask for (R56)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rolecall.sdk.fields import WebAddress

#: Login methods whose password Moodle keeps itself; every other one leaves the password to somebody else.
OWN_PASSWORD = frozenset({"manual", "email"})


def _role(who: str, usual: int) -> fields.Integer:
    return fields.Integer(
        load_default=usual,
        validate=validate.Range(min=1, max=2**31 - 1),
        metadata={
            "label": f"Role of {who}",
            "help": f"The number of the role in Moodle, {usual} on a new site: Site administration → Users → Permissions → Define roles.",
            "group": "Classes",
            "advanced": True,
        },
    )


class MoodleSettings(Schema):
    """One Moodle site and how accounts are made there."""

    base_url = WebAddress(
        required=True,
        metadata={
            "label": "Address of the site",
            "help": "As in the browser on Moodle's front page, for example https://moodle.school.example",
            "group": "Connection",
        },
    )
    token = fields.String(
        required=True,
        validate=validate.Regexp(r"^[0-9A-Za-z]{16,128}$", error="A Moodle token has 32 letters and digits and nothing else."),
        metadata={
            "label": "Token",
            "help": "Site administration → Server → Web services → Manage tokens. The guide on this page says which rights its user needs.",
            "group": "Connection",
            "secret": True,
        },
    )
    auth = fields.String(
        load_default="manual",
        validate=validate.Regexp(r"^[a-z][a-z0-9_]{1,19}$", error="The short name of a login method, such as manual or oauth2."),
        metadata={
            "label": "Login method of new accounts",
            "help": "manual: user name and password in Moodle. oauth2, oidc, saml2, ldap …: people sign in elsewhere. "
            "Accounts that already exist keep theirs.",
            "group": "New accounts",
        },
    )
    force_password_change = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Ask for a new password at the first sign-in",
            "help": "Only where Moodle keeps the password.",
            "group": "New accounts",
        },
    )
    languages = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[A-Za-z_, -]*$", error="Codes of language packs, separated by commas."),
        metadata={
            "label": "Installed language packs",
            "help": "For example: en, el, de. A person's language is sent only if it is in this list; empty: never.",
            "group": "Accounts",
        },
    )
    cohorts = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Keep cohorts in step with roles",
            "help": "One site-wide cohort per period, user type and role. Cohorts made by hand are never touched.",
            "group": "Accounts",
        },
    )
    class_category = fields.Integer(
        load_default=1,
        validate=validate.Range(min=1, max=2**31 - 1),
        metadata={
            "label": "Category of new courses",
            "help": "The number at the end of the category's address in Moodle. Courses that exist already stay where they are.",
            "group": "Classes",
        },
    )
    role_student = _role("students", 5)
    role_teacher = _role("teachers", 3)
    role_assistant = _role("assistants", 4)
    class_groups = fields.Boolean(
        load_default=False,
        metadata={
            "label": "A course group for each class",
            "help": "Everybody whom Rolecall enrols is put into a group of the course that is named like the class.",
            "group": "Classes",
        },
    )

    @validates_schema
    def _roles_differ(self, data: Mapping[str, Any], **_: Any) -> None:
        """Roles that are the same cannot be told apart when Moodle is asked who is in a course."""
        given = [data[name] for name in ("role_student", "role_teacher", "role_assistant") if data.get(name)]
        if len(given) != len(set(given)):
            raise ValidationError("Students, teachers and assistants need three different roles.", "role_assistant")


def own_password(settings: Mapping[str, Any]) -> bool:
    """Tell whether Moodle keeps the passwords of new accounts."""
    return str(settings.get("auth") or "manual") in OWN_PASSWORD


def languages(settings: Mapping[str, Any]) -> list[str]:
    """Return the language packs in Moodle's spelling."""
    return [code.lower().replace("-", "_") for code in re.split(r"[,\s]+", str(settings.get("languages") or "")) if code]
