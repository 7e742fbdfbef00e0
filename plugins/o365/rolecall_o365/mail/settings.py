"""The settings of mail through Microsoft 365: the tenant, an app that may send, and the mailbox it sends from (R56)."""

from __future__ import annotations

from marshmallow import fields, validate

from rolecall_o365.settings import TenantSettings


class MailSettings(TenantSettings):
    """One mailbox that messages come from."""

    mailbox = fields.String(
        load_default="",
        validate=validate.Regexp(r"([^\s@/<>\"']+@[^\s@/<>\"']+)?\Z", error="An address such as office@school.example, or nothing."),
        metadata={
            "label": "Mailbox",
            "help": "Messages are sent by it and kept in its Sent Items. Empty: the mailbox of each message's own sender address.",
            "group": "Mail",
        },
    )
