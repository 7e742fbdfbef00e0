"""The settings of people who are handed in: whether, into which lists, and what their code is (R56)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rolecall import Lines

#: The lists of people that there are.
LISTS = ("students", "teachers", "employees", "guardians", "partners", "alumni", "agents")
#: What the person's code in the list is.
CODES = {
    "externalId": "The external id (externalId)",
    "userName": "The user name (userName)",
    "employeeNumber": "The employee number (employeeNumber)",
}
#: None of it has to do with the connection to the service that accounts are sent to.
_APART = {"group": "Inbound", "connection": False}


def _as_list(text: str) -> None:
    user_type, equals, people_list = text.partition("=")
    if not equals or not user_type.strip() or people_list.strip().lower() not in LISTS:
        raise ValidationError(f"“{text[:60]}” is not like “Faculty = teachers”. The lists are {', '.join(LISTS)}.")


class InboundSettings(Schema):
    """What a directory may hand in, and where it ends up."""

    inbound = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Take people in by SCIM",
            "help": "A directory such as Microsoft Entra ID or Okta adds, changes and closes people here, with an API token of Rolecall.",
            **_APART,
            "risk": "Whoever holds the token decides about the people it handed in, and their accounts follow.",
        },
    )
    inbound_code = fields.String(
        load_default="externalId",
        validate=validate.OneOf(tuple(CODES), tuple(CODES.values())),
        metadata={
            "label": "Their code is",
            "help": "Somebody who is in the list under this code already is taken over, not added again.",
            **_APART,
            "risk": "With something else than the code that the office uses, people who are there already are added a second time.",
        },
    )
    inbound_list = fields.String(
        load_default="",
        validate=validate.OneOf(("", *LISTS), ("None: they are refused", *(each.capitalize() for each in LISTS))),
        metadata={
            "label": "Their list is",
            "help": "For people without a user type (userType), and with one that is not named below.",
            **_APART,
        },
    )
    inbound_types = Lines(
        load_default=list,
        metadata={
            "label": "By user type",
            "help": "One per line: the directory's word for the user type, an equals sign and the list, such as “Faculty = teachers”.",
            **_APART,
        },
    )

    @validates_schema
    def _lists_are_known(self, data: Mapping[str, Any], **_: Any) -> None:
        for line in data.get("inbound_types") or ():
            try:
                _as_list(line)
            except ValidationError as error:
                raise ValidationError(error.messages, "inbound_types") from None


def list_of(settings: Mapping[str, Any], user_type: str | None) -> str | None:
    """Return the list for a user type, in any case; none where such people are refused."""
    if user_type:
        for word, people_list in _pairs(settings["inbound_types"]):
            if word.casefold() == user_type.strip().casefold():
                return people_list
    return settings["inbound_list"] or None


def _pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
    pairs = (line.partition("=") for line in lines)
    return [(word.strip(), people_list.strip().lower()) for word, _, people_list in pairs]
