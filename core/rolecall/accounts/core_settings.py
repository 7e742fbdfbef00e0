"""The settings of core itself (R46, R49, R50a, R52): their schema, and what rules ask of them.

Owns labels, defaults and limits. Storing them is for ``settings``, as for every plugin's.
"""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy.orm import Session

from rolecall.accounts import formula, settings
from rolecall.errors import Invalid
from rolecall.sdk.words import USER_TYPES

_FORMAT = "username_format_"


def _is_formula(text: str) -> None:
    try:
        formula.parse(text)
    except Invalid as wrong:
        raise ValidationError(str(wrong)) from wrong


def _is_time_zone(text: str) -> None:
    if text not in _time_zones():
        raise ValidationError(f"{text} is not a time zone. Write it like Europe/Athens.")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


class _InstitutionSettings(Schema):
    institution_name = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"label": "Name", "help": "Shown on every page and in messages.", "group": "Institution"},
    )
    time_zone = fields.String(
        load_default="UTC",
        validate=_is_time_zone,
        metadata={"label": "Time zone", "help": "In which pages show times, such as Europe/Athens.", "group": "Institution"},
    )
    default_language = fields.String(
        load_default="en",
        validate=validate.Regexp(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", error="Write the language's tag, such as el or pt-BR."),
        metadata={"label": "Default language", "help": "Of people whose record names none.", "group": "Institution"},
    )
    phone_region = fields.String(
        load_default="",
        validate=validate.Regexp(r"([A-Z]{2})?\Z", error="Write the two capital letters of the country, such as GR."),
        metadata={"label": "Phone region", "help": "Country of phone numbers that are written without one.", "group": "Institution"},
    )


class _PasswordSettings(Schema):
    must_change_first_password = fields.Boolean(
        load_default=True,
        metadata={"label": "New users must change their password", "help": "At their first sign-in.", "group": "Passwords"},
    )
    keep_first_password = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Keep first-time passwords",
            "help": "Encrypted, after they were used. Otherwise they are wiped at the first sign-in.",
            "group": "Passwords",
        },
    )
    password_min_administrator = fields.Integer(
        load_default=12,
        validate=validate.Range(min=8, max=128),
        metadata={"label": "Shortest password of administrators", "group": "Passwords"},
    )
    password_min_other = fields.Integer(
        load_default=8,
        validate=validate.Range(min=8, max=128),
        metadata={"label": "Shortest password of everybody else", "group": "Passwords"},
    )


class _LimitSettings(Schema):
    import_shrink_percent = fields.Integer(
        load_default=10,
        validate=validate.Range(min=0, max=100),
        metadata={
            "label": "Brake of complete imports",
            "help": "An import that would make more than this percentage of a list inactive waits until it is confirmed.",
            "group": "Limits",
        },
    )
    retention_days_deleted = fields.Integer(
        load_default=30,
        validate=validate.Range(min=1, max=3650),
        metadata={"label": "Keep deleted accounts", "help": "Days before they may be removed for good.", "group": "Limits"},
    )


_FormatSettings: type[Schema] = Schema.from_dict(
    {
        f"{_FORMAT}{user_type}": fields.String(
            load_default=formula.DEFAULT,
            validate=_is_formula,
            metadata={
                "label": label,
                "help": "Fields: " + ", ".join(f"{{{name}}} {meaning}" for name, meaning in formula.FIELDS.items()) + ".",
                "group": "User names",
            },
        )
        for user_type, label in USER_TYPES.items()
    },
    name="_FormatSettings",
)


class CoreSettings(_LimitSettings, _PasswordSettings, _FormatSettings, _InstitutionSettings):  # type: ignore[misc, valid-type]  # built from the user types
    """Everything that the institution decides about core."""


def core_settings(session: Session) -> dict[str, Any]:
    """Return every setting of core, defaults filled in; there are no secrets among them."""
    return settings.read(session, "core", CoreSettings)


def username_formats(session: Session) -> dict[str, str]:
    """Return the formula of user names of each user type (R49)."""
    values = core_settings(session)
    return {user_type: values[f"{_FORMAT}{user_type}"] for user_type in USER_TYPES}
