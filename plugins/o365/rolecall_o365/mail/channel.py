"""Sends messages from a mailbox of Microsoft 365, each as a whole mail given to Graph (R40, R60).

Graph answers that it has taken a mail, and with no id. So a message of which nobody knows is looked for among what the mailbox has sent,
by its own id, where the app may look; where it may not, or it is not there, it is sent again as it would be through a mail server.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from email.utils import formatdate
from importlib import resources
from typing import Any, ClassVar

from rolecall import Channel, CheckLine, Message, SendResult
from rolecall.errors import Ambiguous, Misconfigured, NotFound, Permanent, ProviderError, Transient
from rolecall.sdk import mime
from rolecall_o365.client import Graph, quoted, rows_of, segment
from rolecall_o365.errors import Denied, Refused, Unreachable
from rolecall_o365.permissions import Permission

SEND = Permission(names=("Mail.Send",), what_for="Send mail")
LOOK = Permission(names=("Mail.ReadBasic.All", "Mail.Read", "Mail.ReadWrite"), what_for="Look up whether a message was sent")
GRANT = "In the app's registration: API permissions → Add → Microsoft Graph → Application permissions → {name}, then grant admin consent."
#: No mail in base64, which Graph refuses after it has looked at the right and the mailbox.
_NO_MAIL = b"-"


class MicrosoftMail(Channel):
    """One mailbox, or those of the institution's sender addresses."""

    id: ClassVar[str] = "o365_mail"
    label: ClassVar[str] = "Mail through Microsoft 365"
    guide: ClassVar[str] = resources.files("rolecall_o365.mail").joinpath("guide.md").read_text(encoding="utf-8")
    address: ClassVar[str] = "email"
    #: Graph takes four calls at once for one mailbox; whoever else uses the mailbox has the others.
    concurrency: ClassVar[int] = 2

    def __init__(self, settings: Mapping[str, Any], network: Any) -> None:
        super().__init__(settings, network)
        self._graph = Graph(network.http, settings)
        self._mailbox = str(settings.get("mailbox") or "")

    def check(self) -> Iterable[CheckLine]:
        """Get a token, look at what it permits, and offer the mailbox what is no mail; nothing is sent."""
        try:
            roles = self._graph.tokens.roles()
        except ProviderError as error:
            fix = error.hint or "Check that this server may reach Microsoft's sign-in."
            yield CheckLine(label="Sign-in of the app", ok=False, detail=error.message, fix=fix)
            return
        yield CheckLine(label="Sign-in of the app", ok=True)
        yield self._may_send(roles)
        may_look = None if roles is None else LOOK.held(roles)
        if may_look is not None:
            detail = "" if may_look else "A message that was in doubt is sent again."
            yield CheckLine(
                label=_label(LOOK), ok=may_look, detail=detail, fix="" if may_look else GRANT.format(name=LOOK.names[0]), required=False
            )

    def send(self, messages: Iterable[Message]) -> Iterator[SendResult]:
        """Send each message by itself; what is wrong with a recipient concerns nobody else, what we or the mailbox lack is raised."""
        for message in messages:
            try:
                self._hand_over(message)
            except (Misconfigured, Unreachable):
                raise
            except (Permanent, Ambiguous, Transient) as error:
                yield SendResult(message=message, error=error)
            else:
                yield SendResult(message=message, reference=message.message_id)

    def _hand_over(self, message: Message) -> None:
        sender, _, mail = mime.build(message, date=formatdate())
        mailbox = self._mailbox or sender
        if message.may_have_left_since is not None and self._has_sent(mailbox, message.message_id):
            return
        try:
            self._offer(mailbox, base64.b64encode(mail))
        except Refused as error:
            raise Permanent(error.message, hint="Correct the address in the person's record.") from None

    def _offer(self, mailbox: str, content: bytes) -> None:
        try:
            self._graph.hand_over(f"/users/{segment(mailbox)}/sendMail", content)
        except NotFound as error:
            raise Misconfigured(
                f"There is no mailbox {mailbox} in Microsoft 365. {error.message}",
                hint="Enter a mailbox in the settings, or a sender address of the institution that is one.",
            ) from None
        except Denied as error:
            raise Misconfigured(
                f"Microsoft 365 does not let the app send from {mailbox}. {error.message}",
                hint="Test the connection on the integration's page. The sender address must be the mailbox's own, or one it may send as.",
            ) from None

    def _has_sent(self, mailbox: str, message_id: str) -> bool:
        roles = self._graph.tokens.roles()
        if roles is not None and not LOOK.held(roles):
            return False
        try:
            path, of_it = f"/users/{segment(mailbox)}/mailFolders/sentitems/messages", f"internetMessageId eq {quoted(message_id)}"
            found = rows_of(self._graph.read(path, filter=of_it, select="id,internetMessageId", top=1))
        except (Misconfigured, NotFound):
            return False
        except Transient as error:
            raise Ambiguous(f"Whether the message was sent could not be asked. {error.message}") from None
        return any(row.get("internetMessageId") == message_id for row in found)

    def _may_send(self, roles: frozenset[str] | None) -> CheckLine:
        label = _label(SEND)
        if roles is not None and not SEND.held(roles):
            return CheckLine(label=label, ok=False, fix=GRANT.format(name=SEND.names[0]))
        if not self._mailbox:
            return CheckLine(label=label, ok=True, detail="No mailbox is set: that of each sender address is tried when it sends.")
        try:
            self._offer(self._mailbox, _NO_MAIL)
        except Refused:
            return CheckLine(label=label, ok=True, detail=f"From {self._mailbox}.")
        except ProviderError as error:
            return CheckLine(label=label, ok=False, detail=error.message, fix=error.hint or "Try again later.")
        return CheckLine(label=label, ok=False, detail="Microsoft 365 took what is no mail.", fix="Check the address of Graph.")


def _label(permission: Permission) -> str:
    return f"{permission.what_for} ({permission.names[0]})"
