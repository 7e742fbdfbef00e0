"""The settings of one gateway: which it is, how Rolecall signs in there, and whom messages may go to (R56, T-13)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rolecall.sdk.fields import Lines, WebAddress
from rolecall_sms.gateways import request
from rolecall_sms.numbers import REGIONS
from rolecall_sms.receipts import SIGNED_BY
from rolecall_sms.settings_described import RECEIPTS, AnotherGateway, is_key

GATEWAY = {"twilio": "Twilio", "vonage": "Vonage", "smpp": "A message centre, by SMPP", "http": "Another, described below"}
_CENTRE = "Message centre"
RECEIPT_IDS = {
    "same": "As the answer does",
    "decimal": "In decimal, the answer in hexadecimal",
    "hexadecimal": "In hexadecimal, the answer in decimal",
}
#: Messages to one number within an hour, and to everybody within a day, unless the institution says otherwise (T-13).
AN_HOUR, A_DAY = 3, 1_000


def _are_regions(written: Sequence[str]) -> None:
    if not REGIONS.issuperset(written):
        raise ValidationError("Write the two capital letters of each country, such as GR.")


class _MessageCentre(Schema):
    """What a message centre that speaks SMPP needs."""

    smpp_host = fields.String(
        load_default="",
        validate=validate.Regexp(r"[A-Za-z0-9.:_-]{0,253}\Z", error="It is no name of a machine."),
        metadata={"label": "Machine", "help": "Such as smpp.example.org.", "group": _CENTRE, "address": True},
    )
    smpp_port = fields.Integer(
        load_default=2775, validate=validate.Range(min=1, max=65535), metadata={"label": "Port", "group": _CENTRE, "address": True}
    )
    smpp_tls = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Encrypted",
            "help": "By TLS. Without it only where the operator allows this machine.",
            "risk": "Without it everybody on the way reads what is sent, links included.",
            "group": _CENTRE,
        },
    )
    smpp_system_type = fields.String(
        load_default="",
        validate=validate.Regexp(r"[\x20-\x7e]{0,12}\Z", error="At most twelve letters, digits and signs."),
        metadata={"label": "System type", "help": "Only where the provider names one.", "group": _CENTRE, "advanced": True},
    )
    smpp_receipt_ids = fields.String(
        load_default="same",
        validate=validate.OneOf(tuple(RECEIPT_IDS), tuple(RECEIPT_IDS.values())),
        metadata={
            "label": "How receipts name messages",
            "help": "Some centres answer in hexadecimal and report in decimal.",
            "group": _CENTRE,
            "advanced": True,
        },
    )


class SmsSettings(AnotherGateway, _MessageCentre):
    """One gateway that takes messages to mobile phones."""

    class Meta:
        """What one sees first."""

        fields = (
            "gateway", "url", "account", "key", "secret", "sender", "countries", "mobile_only", "most_parts", "an_hour", "a_day", "price",
            "currency", "receipts", "receipt_secret", "receipt_method",
            *_MessageCentre._declared_fields, *AnotherGateway._declared_fields,
        )  # fmt: skip

    gateway = fields.String(
        required=True,
        validate=validate.OneOf(tuple(GATEWAY), tuple(GATEWAY.values())),
        metadata={"label": "Gateway", "group": "Gateway"},
    )
    url = WebAddress(
        metadata={
            "label": "Address",
            "help": "Empty: the gateway's own. Of another gateway: the address that messages are sent to.",
            "group": "Gateway",
            "address": True,
        },
    )
    account = fields.String(
        load_default="",
        validate=validate.Regexp(r"[A-Za-z0-9._@+-]{0,100}\Z", error="It holds a character that no account has."),
        metadata={
            "label": "Account",
            "help": "Twilio: the Account SID (AC…). Vonage: the API key. SMPP: the system id.",
            "group": "Gateway",
        },
    )
    key = fields.String(
        load_default="",
        validate=validate.Regexp(r"(SK[0-9a-fA-F]{32})?\Z", error="An API key of Twilio is SK and 32 digits."),
        metadata={
            "label": "API key",
            "help": "Only Twilio, instead of the auth token: the key's SID (SK…), with its secret below.",
            "group": "Gateway",
            "advanced": True,
        },
    )
    secret = fields.String(
        load_default="",
        metadata={
            "label": "Secret",
            "help": "Twilio: auth token, or the API key's secret. Vonage: API secret. SMPP: the password.",
            "group": "Gateway",
            "secret": True,
        },
    )
    sender = fields.String(
        required=True,
        validate=validate.Regexp(
            r"(\+?[0-9]{3,15}|MG[0-9a-fA-F]{32}|[A-Za-z0-9 ._&-]{1,11})\Z",
            error="A number, a name of up to 11 letters, or a messaging service.",
        ),
        metadata={
            "label": "Sender",
            "help": "A number such as +306912345678, a name of up to 11 letters, or a messaging service of Twilio (MG…).",
            "group": "Gateway",
        },
    )
    countries = Lines(
        required=True,
        validate=[validate.Length(min=1, max=50, error="Name one country at least."), _are_regions],
        metadata={
            "label": "Countries",
            "help": "Two capital letters of each, such as GR. Messages to other countries are refused.",
            "risk": "Messages to some countries cost many times more, and fraud lives on them.",
            "group": "To whom",
        },
    )
    mobile_only = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Mobile phones only",
            "help": "Where the number tells; no message is paid for that a fixed line cannot get.",
            "group": "To whom",
            "advanced": True,
        },
    )
    most_parts = fields.Integer(
        load_default=4,
        validate=validate.Range(min=1, max=10),
        metadata={
            "label": "Parts at most",
            "help": "A part holds 153 characters, or 67 where one of them is not in the GSM alphabet. A longer message is not sent.",
            "group": "To whom",
            "advanced": True,
        },
    )

    an_hour = fields.Integer(
        load_default=AN_HOUR,
        validate=validate.Range(min=1, max=20),
        metadata={
            "label": "Messages to one number within an hour",
            "help": "At most. Children whose parent's number stands in their record share it.",
            "group": "Limits",
        },
    )
    a_day = fields.Integer(
        load_default=A_DAY,
        validate=validate.Range(min=1, max=100_000),
        metadata={
            "label": "Messages within a day",
            "help": "At most, to everybody. More are not sent, and the audit tells so. Raise it before you send to a whole school.",
            "risk": "It bounds what a mistake, or somebody with a stolen sign-in, can cost.",
            "group": "Limits",
        },
    )
    receipts = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Take delivery receipts",
            "help": "Twilio is told the address with each message. At Vonage it is entered in the dashboard; the status page shows it.",
            "group": RECEIPTS,
            "connection": False,
        },
    )
    receipt_secret = fields.String(
        load_default="",
        metadata={
            "label": "What receipts are signed with, or come to",
            "help": "Vonage: the signature secret. Twilio: only with an API key, the auth token. Another gateway: the end of the address "
            "that it reports to, 32 random letters and digits at least. What does not prove itself is not believed.",
            "group": RECEIPTS,
            "secret": True,
            "connection": False,
        },
    )
    receipt_method = fields.String(
        load_default="sha256",
        validate=validate.OneOf(tuple(SIGNED_BY), tuple(SIGNED_BY.values())),
        metadata={
            "label": "How Vonage signs",
            "help": "As the dashboard has it.",
            "group": RECEIPTS,
            "advanced": True,
            "connection": False,
        },
    )
    price = fields.Float(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=0, max=100),
        metadata={
            "label": "Price of a part",
            "help": "What the gateway charges: shown before messages are sent.",
            "group": "To whom",
        },
    )
    currency = fields.String(
        load_default="",
        validate=validate.Regexp(r"([A-Z]{3})?\Z", error="Write the three capital letters of the currency, such as EUR."),
        metadata={
            "label": "Currency of the price",
            "help": "Three capital letters, such as EUR. Empty: the currency that Twilio or Vonage say the account has.",
            "group": "To whom",
        },
    )

    @validates_schema
    def _is_whole(self, data: Mapping[str, Any], **_: Any) -> None:
        wrong: dict[str, list[str]] = {}
        if data.get("gateway") in ("twilio", "vonage", "smpp"):
            needed = ("account", "secret", *(("smpp_host",) if data["gateway"] == "smpp" else ()))
            wrong = {name: ["It is needed for this gateway."] for name in needed if not data.get(name)}
        if data.get("gateway") == "smpp":
            # The standard has room for so much.
            for name, most in (("account", 15), ("secret", 8)):
                if len(data.get(name) or "") > most:
                    wrong[name] = [f"A message centre takes at most {most} characters."]
        if data.get("gateway") == "twilio" and data.get("account") and not re.fullmatch(r"AC[0-9a-fA-F]{32}", data["account"]):
            wrong["account"] = ["An Account SID of Twilio is AC and 32 digits."]
        if data.get("gateway") == "http":
            if data.get("receipt_secret") and not is_key(data["receipt_secret"]):
                wrong["receipt_secret"] = ["Of this gateway it is the end of an address: 32 to 128 random letters, digits, - and _."]
            if not data.get("url"):
                wrong["url"] = ["It is needed for this gateway."]
            for name, read in (
                ("http_body", lambda: request.body(data["http_body"], data["http_format"])),
                ("http_headers", lambda: request.pairs(data["http_headers"], ":")),
            ):
                try:
                    read()
                except ValueError as error:
                    wrong[name] = [str(error)]
        if wrong:
            raise ValidationError(wrong)
