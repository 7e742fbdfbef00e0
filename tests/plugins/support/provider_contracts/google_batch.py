"""Google's three contracts in front of a pretended Workspace: the parts of a batch are calls like any other."""

import io
from email.parser import BytesParser
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote
from wsgiref.types import StartResponse, WSGIEnvironment

from provider_contracts.checking import checked
from provider_contracts.google import GoogleContract

CONTRACTS = tuple(GoogleContract(f"google-{name}.subset.json") for name in ("admin-directory_v1", "licensing_v1", "classroom_v1"))
#: Paths that are not of one API: the sign-in, the journal, and batches, whose parts are checked one by one.
FREE = ("/token", "/_journal", "/batch")


class Workspace(Protocol):
    """A fake with what a plugin's settings must be to reach it."""

    @property
    def settings(self) -> dict[str, Any]: ...

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any: ...


class CheckedGoogle:
    """A Workspace that answers only what the contracts have."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._app = checked(workspace, *CONTRACTS, free=FREE)

    @property
    def settings(self) -> dict[str, Any]:
        """What the plugin's settings must be to reach the Workspace."""
        return self.workspace.settings

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """Check a batch's parts, then answer."""
        if environ["PATH_INFO"] == "/batch":
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            check_batch(environ.get("CONTENT_TYPE", ""), body)
        return self._app(environ, start_response)


def check_batch(content_type: str, body: bytes) -> None:
    """Compare a batch with the rules of its form, and each part with the contract that has its path."""
    message = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    assert message.get_content_type() == "multipart/mixed", f"A batch is multipart/mixed, not {content_type}."
    parts = message.get_payload()
    assert isinstance(parts, list), "A batch has parts."
    assert 0 < len(parts) <= 1000, f"A batch has up to 1,000 parts, not {len(parts)}."
    assert len({part["Content-ID"] for part in parts}) == len(parts), "Each part of a batch has a Content-ID of its own."
    for part in parts:
        assert part.get_content_type() == "application/http", f"A part is application/http, not {part.get_content_type()}."
        check_part(part.get_payload(decode=True))


def check_part(content: bytes) -> None:
    """Compare one part of a batch with the contract that has its path."""
    head, _, body = content.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    method, url, version = line.split(" ")
    assert version == "HTTP/1.1", f"A part is a request of HTTP/1.1, not {version}."
    path, _, query = url.partition("?")
    kind = next((each.partition(":")[2].strip() for each in headers if each.lower().startswith("content-type:")), "")
    contract = next((each for each in CONTRACTS if each.covers(unquote(path))), None)
    assert contract is not None, f"No contract has the path {path}."
    contract.check(method, unquote(path), parse_qsl(query, keep_blank_values=True), kind, body.strip())
