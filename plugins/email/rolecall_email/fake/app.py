"""The inbox of the fake: every mail that its server took, the newest first, and each by itself."""

import threading
from collections.abc import Iterable
from email.message import EmailMessage
from html import escape
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from rolecall_email.fake.server import Server

#: As many as a page shows; older ones are forgotten.
KEPT = 500
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>'
    "body{{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}"
    "td,th{{text-align:left;padding:.3em 1em .3em 0;vertical-align:top}}"
    "pre{{white-space:pre-wrap;border:1px solid #ccc;padding:1em}}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
)


class FakeMail:
    """An inbox for everybody. ``settings`` connect the plugin to it."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.mails: list[EmailMessage] = []
        self._lock = threading.Lock()
        self._server = Server(self._take)
        self._routes = Map([Rule("/", endpoint="inbox"), Rule("/<int:number>", endpoint="mail")])

    @property
    def settings(self) -> dict[str, Any]:
        """What the plugin's settings must be."""
        return {"host": "127.0.0.1", "port": self._server.port, "security": "none"}

    def close(self) -> None:
        """Stop taking mails."""
        self._server.shutdown()
        self._server.server_close()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            endpoint, arguments = self._routes.bind_to_environ(environ).match()
            body = self._inbox() if endpoint == "inbox" else self._mail(arguments["number"])
        except HTTPException as error:
            return error(environ, start_response)
        response = Response(body, mimetype="text/html")
        # The mails are others' words.
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response(request.environ, start_response)

    def _take(self, mail: EmailMessage) -> None:
        with self._lock:
            self.mails.append(mail)
            del self.mails[:-KEPT]

    def _inbox(self) -> str:
        with self._lock:
            mails = list(enumerate(self.mails))
        if not mails:
            return _PAGE.format(title="Inbox of the demo", body="<p>No message was sent yet.</p>")
        rows = "".join(
            f'<tr><td>{escape(str(mail["To"]))}</td><td><a href="{escape(self.base_url)}/{number}">{escape(str(mail["Subject"]))}</a></td>'
            f"<td>{escape(str(mail['Date']))}</td></tr>"
            for number, mail in reversed(mails)
        )
        table = f"<table><thead><tr><th>To</th><th>Subject</th><th>Sent</th></tr></thead><tbody>{rows}</tbody></table>"
        return _PAGE.format(title="Inbox of the demo", body=table)

    def _mail(self, number: int) -> str:
        with self._lock:
            if number >= len(self.mails):
                raise NotFound
            mail = self.mails[number]
        heads = "".join(f"<tr><th>{name}</th><td>{escape(str(mail[name]))}</td></tr>" for name in ("From", "To", "Date", "Message-ID"))
        part = mail.get_body(("plain",))
        text = _linked(escape(part.get_content().replace("\r\n", "\n"))) if part is not None else ""
        back = f'<p><a href="{escape(self.base_url)}/">All messages</a></p>'
        return _PAGE.format(title=escape(str(mail["Subject"])), body=f"{back}<table>{heads}</table><pre>{text}</pre>")


def _linked(text: str) -> str:
    """The text with its addresses as links; a link stands on a line of its own in every message."""
    lines = (
        f'<a href="{line}">{line}</a>' if line.startswith(("http://", "https://")) and " " not in line else line
        for line in text.split("\n")
    )
    return "\n".join(lines)
