"""Mailboxes: sending a whole mail, and looking it up among what was sent."""

from __future__ import annotations

import base64
import binascii
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from rolecall_o365.fake.routes import Call, listed, route
from rolecall_o365.fake.state import GraphError

_BY_ID = re.compile(r"internetMessageId eq '(.*)'")


@route("POST", "/users/{}/sendMail", ("Mail.Send",))
def send(call: Call, mailbox: str) -> tuple[int, Any]:
    """Take a mail in MIME form and keep it with what was sent."""
    sent = _sent(call, mailbox)
    try:
        content = base64.b64decode(call.body.get("mime", ""), validate=True)
    except (binascii.Error, ValueError):
        raise GraphError(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.") from None
    mail: EmailMessage = message_from_bytes(content, policy=default)
    if str(mail["From"].addresses[0].addr_spec).lower() != mailbox.lower():
        raise GraphError(403, "ErrorSendAsDenied", "The account may not send as this sender.")
    recipients = {each.addr_spec for each in mail["To"].addresses}
    if recipients & call.state.locked_for:
        raise GraphError(423, "Locked", "The resource that is being accessed is locked.")
    if recipients & call.state.unresolved:
        raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.")
    sent.append(mail)
    return 202, None


@route("GET", "/users/{}/mailFolders/sentitems/messages", ("Mail.ReadBasic.All", "Mail.Read", "Mail.ReadWrite"))
def find(call: Call, mailbox: str) -> tuple[int, Any]:
    """List what was sent under an id."""
    wanted = _BY_ID.fullmatch(call.query.get("$filter", ""))
    name = wanted[1].replace("''", "'") if wanted else None
    found = [{"id": f"AAMk{number}", "internetMessageId": mail["Message-ID"]} for number, mail in enumerate(_sent(call, mailbox))]
    return listed(call, [row for row in found if name is None or row["internetMessageId"] == name])


def _sent(call: Call, mailbox: str) -> list[EmailMessage]:
    found = call.state.mailboxes.get(mailbox.lower())
    if found is None:
        raise GraphError(404, "ErrorInvalidUser", f"The requested user '{mailbox}' is invalid.")
    return found
