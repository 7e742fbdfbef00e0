"""Puts a contract in front of a fake: every request is checked before the fake sees it."""

import io
from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Contract(Protocol):
    """What can tell whether a request is one of a service's."""

    def covers(self, path: str) -> bool: ...

    def check(self, method: str, path: str, query: Sequence[tuple[str, str]], content_type: str, body: bytes) -> None: ...


def checked(app: WSGIApplication, *contracts: Contract, free: Iterable[str] = ()) -> WSGIApplication:
    """Return the application with the contracts in front; paths that begin like one of ``free`` (tokens, journals) are not checked.

    :raises AssertionError: (in the server, which a wire raises again) for a request that no contract has.
    """
    unchecked = tuple(free)

    def ask(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        path = environ["PATH_INFO"].encode("latin-1").decode()
        if not (unchecked and path.startswith(unchecked)):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
            contract = next((each for each in contracts if each.covers(path)), None)
            assert contract is not None, f"No contract has the path {path}."
            contract.check(environ["REQUEST_METHOD"], path, query, environ.get("CONTENT_TYPE", ""), body)
        return app(environ, start_response)

    return ask
