"""The settings of a gateway that the plugin does not know: what it is sent, how its answers and its receipts are read (R56).

Everything here is data: nothing of it is evaluated.
"""

import re
from collections.abc import Callable

from marshmallow import Schema, ValidationError, fields, validate

from rolecall.sdk.fields import Lines
from rolecall_sms.gateways import request

METHODS = ("POST", "GET", "PUT")
FORMATS = {"form": "Form", "json": "JSON", "query": "Parameters in the address"}
_ANOTHER, RECEIPTS = "Another gateway", "Delivery receipts"
#: What the address ends with that such a gateway reports to: nobody guesses 32 of 64 signs.
_KEY = re.compile(r"[A-Za-z0-9_-]{32,128}")


def is_key(text: str) -> bool:
    """Whether a text may be the end of the address for receipts."""
    return bool(_KEY.fullmatch(text))


def _readable(read: Callable[[str], object]) -> Callable[[str], None]:
    """A validator out of a function that raises ``ValueError`` with a sentence."""

    def check(written: str) -> None:
        try:
            read(written)
        except ValueError as wrong:
            raise ValidationError(str(wrong)) from None

    return check


def _is_pattern(written: str) -> None:
    try:
        re.compile(written)
    except re.error as wrong:
        raise ValidationError(f"It is not a regular expression: {wrong.msg}.") from None


def _statuses(default: str, label: str, help: str) -> fields.String:
    return fields.String(
        load_default=default,
        validate=_readable(request.statuses),
        metadata={"label": label, "help": help, "group": _ANOTHER, "advanced": True},
    )


def _path(label: str, help: str, default: str = "") -> fields.String:
    return fields.String(
        load_default=default,
        validate=validate.Length(max=200),
        metadata={"label": label, "help": help, "group": _ANOTHER, "advanced": True},
    )


class AnotherGateway(Schema):
    """What describes a gateway that the plugin does not know."""

    http_method = fields.String(
        load_default="POST", validate=validate.OneOf(METHODS), metadata={"label": "Method", "group": _ANOTHER, "advanced": True}
    )
    http_format = fields.String(
        load_default="form",
        validate=validate.OneOf(tuple(FORMATS), tuple(FORMATS.values())),
        metadata={"label": "Format", "group": _ANOTHER, "advanced": True},
    )
    http_headers = Lines(
        load_default=list,
        metadata={
            "label": "Headers",
            "help": "One on each line, such as Authorization: Bearer {secret}. Credentials stand above, never here.",
            "group": _ANOTHER,
            "advanced": True,
        },
    )
    http_body = fields.String(
        load_default="to={to}\ntext={text}\nfrom={sender}",
        validate=validate.Length(max=5_000),
        metadata={
            "label": "What is sent",
            "help": "Lines name=value, or a JSON document. In braces: " + ", ".join(f"{{{name}}}" for name in request.PLACEHOLDERS) + ".",
            "kind": "textarea",
            "group": _ANOTHER,
            "advanced": True,
        },
    )
    success_statuses = _statuses("200-299", "Taken: statuses", "Any other means that the message was not taken.")
    answer_path = _path("Taken: where the answer says so", "Such as messages.0.status in a JSON answer; empty: the whole answer as text.")
    success_value = fields.String(
        load_default="",
        validate=[validate.Length(max=200), _is_pattern],
        metadata={
            "label": "Taken: what it says",
            "help": "A regular expression for all of it, such as 0|queued; empty: the status is enough.",
            "group": _ANOTHER,
            "advanced": True,
        },
    )
    id_path = _path(
        "Where the message's id stands",
        "Such as messages.0.id in a JSON answer; empty: receipts name the {id} that is sent, if there are any.",
    )
    retry_statuses = _statuses("408, 425, 503", "Tried again: statuses", "The message was surely not taken. 429 always counts.")
    retry_values = Lines(
        load_default=list,
        metadata={"label": "Tried again: what it says", "help": "One on each line.", "group": _ANOTHER, "advanced": True},
    )
    stop_values = Lines(
        load_default=list,
        metadata={
            "label": "Stops the channel: what it says",
            "help": "One on each line, such as the codes for wrong credentials and for no credit: messages wait.",
            "group": _ANOTHER,
            "advanced": True,
        },
    )
    report_list_path = _path("Receipts: where they stand", "Such as results, where one call tells of several; empty: it tells of one.")
    report_id_path = _path("Receipts: where the message's id stands", "Such as messageId; a field of a form, or of the address.", "id")
    report_status_path = _path("Receipts: where the state stands", "Such as status.groupName.", "status")
    delivered_values = Lines(
        load_default=lambda: ["delivered"],
        metadata={"label": "Receipts: arrived", "help": "What the state says then, one on each line.", "group": _ANOTHER, "advanced": True},
    )
    lost_values = Lines(
        load_default=lambda: ["failed", "undelivered", "rejected", "expired"],
        metadata={
            "label": "Receipts: will not arrive",
            "help": "What the state says then, one on each line. Upper and lower case do not matter; any other is still on its way.",
            "group": _ANOTHER,
            "advanced": True,
        },
    )
