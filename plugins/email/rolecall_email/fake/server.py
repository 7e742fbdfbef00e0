"""The mail server of the fake: as much of SMTP as it takes to be given a mail."""

import socketserver
import threading
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

#: More than any message of ours; a real server limits it too.
LARGEST = 5 * 2**20


class Server(socketserver.ThreadingTCPServer):
    """Listens on a free port of this machine until the process ends; ``take`` is given each mail."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, take: Callable[[EmailMessage], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.take = take
        threading.Thread(target=self.serve_forever, name="fake-mail", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: Server
    timeout = 60

    def handle(self) -> None:
        self._say("220 fake.example ready")
        for line in self.rfile:
            verb = line.strip().partition(b" ")[0].upper()
            if verb == b"DATA":
                self._say("354 go on")
                mail = self._read()
                if mail is None:
                    return
                self.server.take(mail)
                self._say("250 taken")
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                known = verb in (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP")
                self._say("250 fake.example" if known else "502 not here")

    def _read(self) -> EmailMessage | None:
        content = bytearray()
        for line in self.rfile:
            if line == b".\r\n":
                parsed: EmailMessage = message_from_bytes(bytes(content), policy=default)
                return parsed
            content += line.removeprefix(b".") if line.startswith(b"..") else line
            if len(content) > LARGEST:
                break
        return None

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")
