"""A mail server (aiosmtpd) in the test's process, with a lever: at an exact point of a conversation it kills the process that talks to it.

What it has taken stays taken, as on a real server whose client dies.
"""

import asyncio
import os
import random
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from outside.moodle import wait_for_state

#: Points of a conversation, in their order: the line is there and nothing was said, the recipient was taken, the mail was taken and nothing
#: answered, the mail was taken and the answer sent.
CONNECTED, RECIPIENT, TAKEN, ANSWERED = POINTS = ("connected", "recipient", "taken", "answered")
#: The longest that a process lives after it was sent the answer that kills it.
SURVIVES = 0.02


@dataclass(slots=True)
class Strike:
    """Kill the process whose id is in a file when a point is reached, after it was reached so often without harm."""

    point: str
    pid_file: Path
    spare: int = 0
    is_over: bool = False


class MailServer:
    """A server that runs, everything it took, and its lever."""

    def __init__(self) -> None:
        #: Mails by recipient, one for each time that one was taken.
        self.mails: dict[str, list[EmailMessage]] = {}
        #: Conversations that are open.
        self.lines = 0
        self._strike: Strike | None = None
        owner = self

        class Listening(Controller):
            def factory(self) -> SMTP:
                return _Conversation(owner, self.handler, enable_SMTPUTF8=True)

            def _trigger_server(self) -> None:
                self.port = self.server.sockets[0].getsockname()[1]
                super()._trigger_server()

        self._controller = Listening(self, hostname="127.0.0.1", port=0)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        """What ``ROLECALL_MAIL_URL`` must be."""
        return f"smtp://127.0.0.1:{self._controller.port}"

    def arm(self, point: str, pid_file: Path, *, spare: int = 0) -> Strike:
        """Kill a process at this point; the strike tells when it has."""
        self._strike = Strike(point, pid_file, spare)
        return self._strike

    @staticmethod
    def tokens(mails: Iterable[EmailMessage]) -> list[str]:
        """The tokens of the links in mails."""
        return [found[1] for mail in mails if (found := re.search(r"/set-password/([\w-]+)", _text(mail)))]

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        """Take every recipient."""
        self.reached(RECIPIENT)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take every mail."""
        mail = message_from_bytes(envelope.content, policy=default)  # type: ignore[arg-type]
        (address,) = envelope.rcpt_tos
        self.mails.setdefault(address, []).append(mail)  # type: ignore[arg-type]
        self.reached(TAKEN)
        # The answer is written before anything else of this thread has its turn.
        asyncio.get_running_loop().call_later(random.uniform(0, SURVIVES), self.reached, ANSWERED)
        return "250 taken"

    def reached(self, point: str) -> None:
        """Carry out what is armed for this point."""
        strike = self._strike
        if strike is None or strike.point != point:
            return
        if strike.spare:
            strike.spare -= 1
            return
        self._strike = None
        pid = int(strike.pid_file.read_text())
        os.kill(pid, signal.SIGKILL)
        wait_for_state(pid, "ZX")
        strike.is_over = True


class _Conversation(SMTP):
    def __init__(self, owner: MailServer, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._owner.lines += 1
        self._owner.reached(CONNECTED)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._owner.lines -= 1


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
