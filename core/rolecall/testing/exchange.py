"""One request as a wire recorded it, and how a WSGI application is asked to answer it.

Knows nothing of connections or faults.
"""

import io
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlsplit
from wsgiref.types import WSGIApplication, WSGIEnvironment


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request, and the status of its reply once a byte of it has left; none while or if there is no reply."""

    method: str
    #: Path and query as they were sent.
    target: str
    #: Names in any case.
    headers: Mapping[str, str]
    body: bytes
    status: int | None = None

    @property
    def path(self) -> str:
        """The path, decoded, without the query."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address; of a repeated one, the last."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form in the body; of a repeated one, the last. Empty when the body is no form."""
        if not self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body as JSON; raise ``ValueError`` when it is something else."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is to be sent back."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def render(self, *, method: str, keep: bool) -> tuple[bytes, bytes]:
        """Return head and body as they go over the connection, which is kept open afterwards or not."""
        bodiless = self.status in (204, 304)
        phrase = HTTPStatus(self.status).phrase if self.status in HTTPStatus._value2member_map_ else "Unknown"
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{name}: {value}" for name, value in self.headers)]
        if not bodiless and not any(name.lower() == "content-length" for name, _ in self.headers):
            lines.append(f"Content-Length: {len(self.body)}")
        lines.append(f"Connection: {'keep-alive' if keep else 'close'}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        return head, b"" if bodiless or method == "HEAD" else self.body


def ask(app: WSGIApplication, request: Exchange, *, port: int) -> Reply:
    """Let a WSGI application answer a request, completely."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    body = io.BytesIO()

    def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> Any:
        started[:] = [(status, headers)]
        return body.write

    answer: Iterable[bytes] = app(_environment(request, port), start_response)
    try:
        body.writelines(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    [(status, headers)] = started
    return Reply(status=int(status.split(" ")[0]), headers=tuple(headers), body=body.getvalue())


def _environment(request: Exchange, port: int) -> WSGIEnvironment:
    path, _, query = request.target.partition("?")
    environment: WSGIEnvironment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if name.lower() not in ("content-type", "content-length"):
            environment[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return environment
