"""Any gateway that takes one message for each request by HTTP, described by settings: what is sent, and how the answer is read.

Whether it can look a message up is not known, so one in doubt is never sent again.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, ClassVar

from rolecall import CheckLine
from rolecall.errors import Ambiguous, Misconfigured, Permanent, Transient
from rolecall.sdk.http import Response
from rolecall_sms.gateways import request
from rolecall_sms.gateways.gateway import Gateway, LaterError, Text, answer, refused, words

#: Longer answers are not looked at.
_LONGEST = 2_000


class Generic(Gateway):
    """One gateway as the settings describe it."""

    label: ClassVar[str] = "The gateway"

    def hand_over(self, text: Text) -> tuple[str, ...]:
        """See :class:`Gateway`."""
        reply = self._send(text)
        if _is_among(reply.status, self.settings["retry_statuses"]):
            raise LaterError(f"The gateway does not take the message yet (status {reply.status}).", retry_after=reply.retry_after())
        if reply.status == 429:
            raise Transient("The gateway takes no more messages at this moment.", retry_after=reply.retry_after())
        if not _is_among(reply.status, self.settings["success_statuses"]):
            raise refused(self.label, reply.status)
        self._judge(reply, text)
        path = str(self.settings["id_path"])
        # Without an id of the gateway's own, receipts name ours.
        found = request.at(answer(reply), path) if path else str(text.id) if text.receipts_to else None
        return (found,) if found else ()

    def check(self) -> Iterable[CheckLine]:
        """See :class:`Gateway`. Nothing can be asked of it without sending a message."""
        yield CheckLine(
            label="Sign in", ok=True, required=False, detail="Not tried: this gateway can only be asked by sending a message.",
        )  # fmt: skip

    def _send(self, text: Text) -> Response:
        account, secret = str(self.settings["account"]), str(self.settings["secret"])
        values = {
            "to": text.to, "number": text.to.lstrip("+"), "text": text.body, "sender": str(self.settings["sender"]), "id": str(text.id),
            "unicode": str(int(text.unicode)), "account": account, "secret": secret,
            "basic": b64encode(f"{account}:{secret}".encode()).decode(),
            "receipts": f"{text.receipts_to}/http/{self.settings['receipt_secret']}" if text.receipts_to else "",
        }  # fmt: skip
        form = str(self.settings["http_format"])
        sent: Any = request.fill(request.body(str(self.settings["http_body"]), form), values)
        headers = dict(request.fill(request.pairs(self.settings["http_headers"], ":"), values))
        where = {"form": "data", "json": "json", "query": "params"}[form]
        return self.http.request(str(self.settings["http_method"]), self.url, headers=headers, once=True, **{where: sent})

    def _judge(self, reply: Response, text: Text) -> None:
        """Raise what the answer's own word for its success says, where the settings name one."""
        wanted = str(self.settings["success_value"])
        if not wanted:
            return
        path = str(self.settings["answer_path"])
        word = (request.at(answer(reply), path) if path else reply.text) or ""
        word = word.strip()[:_LONGEST]
        if re.fullmatch(wanted, word, re.DOTALL):
            return
        said = f"The gateway answered: {words(word, secret=text.body) or 'nothing'}"
        if word in self.settings["retry_values"]:
            raise LaterError(said)
        if word in self.settings["stop_values"]:
            raise Misconfigured(said, hint="Check the credentials, the credit and the sender of the integration.")
        if not word:
            raise Ambiguous("The gateway did not say what became of the message.")
        raise Permanent(said, hint="Check the number in the person's record.")


def _is_among(status: int, written: object) -> bool:
    return any(status in each for each in request.statuses(str(written)))
