"""What every fake of a service has: a journal, answers that a test puts in the way, a page for people, a process of its own.

Owns the shell around a fake's state. Knows no web framework: a fake answers with any WSGI application, such as a Werkzeug response. Needs
no pytest, because the demo runs fakes as well.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from markupsafe import Markup

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: Says of the method and the path of a call whether something concerns it.
Match: TypeAlias = Callable[[str, str], bool]

#: A page is for looking at; more rows than these nobody reads.
MOST = 500

_STYLE = Markup("""
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { padding: .3rem .6rem; text-align: start; border-bottom: 1px solid #bbb }
.closed { opacity: .6 } div { overflow-x: auto }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #eee } }
""")

_HTML = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


@dataclass(slots=True, kw_only=True)
class Instead:
    """What to answer instead, to the ``next`` so many calls that match (none: to all)."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    match: Match
    next: int | None = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One list on the page: what it lists, its columns, and each row with whether it is open or, as a suspended user is, closed."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[bool, Sequence[object]]]


class FakeService:
    """A fake of a service, as a WSGI application. One call at a time works on its state.

    A subclass answers requests by :meth:`respond`, asks :meth:`instead` before each call, and writes each down by :meth:`note`.

    :param base_url: the address under which the application is reached; whoever serves it may change it.
    :param name: the name of the institution, on the page.
    """

    #: What it is a fake of.
    service: str

    def __init__(self, base_url: str, *, name: str = "Demo school") -> None:
        self.base_url = base_url.rstrip("/")
        self.name = name
        #: Held while a request is answered; whoever looks at the state from outside takes it, too.
        self.lock = threading.RLock()
        self._instead: list[Instead] = []
        self._journal: deque[dict[str, Any]] = deque(maxlen=10_000)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the plugin's settings must be to reach this service."""
        raise NotImplementedError(f"{type(self).__name__} must say by which settings it is reached.")

    def respond(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Return the answer to one request."""
        raise NotImplementedError(f"{type(self).__name__} must answer.")

    def meet(self, people: Sequence[Mapping[str, str]]) -> None:
        """Be told of some people of the school, for a fake whose own are theirs: ``code``, ``first_name``, ``last_name``, ``email``, and a
        ``note`` that says who they are. Most fakes learn of people as their service does, and do nothing here.
        """

    def tables(self) -> Iterable[Table]:
        """Return what the page shows; the first list are the users."""
        return ()

    def error(self, *args: Any, **facts: Any) -> Any:
        """Return the body of an error as the service sends it, by its status and what a test says of it."""
        return None

    @property
    def journal(self) -> list[dict[str, Any]]:
        """Every call so far, parts of batches too, oldest first, without tokens and passwords."""
        with self.lock:
            return list(self._journal)

    def note(self, **call: Any) -> None:
        """Write a call down. Its secrets are the fake's to leave out: :func:`starred` does."""
        self._journal.append(call)

    def fail(
        self,
        status: int,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        match: Match = lambda method, path: True,
        next: int | None = 1,
        **said: Any,
    ) -> None:
        """Answer calls with this instead, or with the error that :meth:`error` makes of what is ``said``.

        ``match`` is asked with method and path of each call and of each part of a batch.
        """
        content = self.error(status, **said) if body is None else body
        with self.lock:
            self._instead.append(Instead(status=status, body=content, headers=headers or {}, match=match, next=next))

    def instead(self, method: str, path: str) -> Instead | None:
        """Return what a test wants this call to be answered with; none where it is left alone."""
        for each in self._instead:
            if each.match(method, path):
                if each.next is not None:
                    each.next -= 1
                    if each.next <= 0:
                        self._instead.remove(each)
                return each
        return None

    def shown(self, path: str) -> WSGIApplication | None:
        """Return the page for people or the journal for programs; none for the service's own addresses."""
        if path == "/_journal":
            return answered(json.dumps(self.journal), {"Content-Type": "application/json"})
        if path == "/":
            return answered(page(self.name, self.service, list(self.tables())), _HTML)
        return None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        with self.lock:
            answer = self.shown(environ["PATH_INFO"] or "/") or self.respond(environ)
        return answer(environ, start_response)


def starred(body: Any, secrets: Iterable[str]) -> Any:
    """Return a body for the journal, with stars for the values that have these names."""
    return {name: "***" if name in secrets else value for name, value in body.items()} if isinstance(body, dict) else body


def answered(content: str, headers: Mapping[str, str], status: HTTPStatus = HTTPStatus.OK) -> WSGIApplication:
    """Return an answer that is complete."""
    body = content.encode()

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(f"{status} {status.phrase}", [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]

    return application


def page(name: str, service: str, tables: Sequence[Table]) -> str:
    """Return a page with what a fake holds, every word of it escaped; a list other than the first is left out while it is empty."""
    shown = [table for number, table in enumerate(tables) if table.rows or not number]
    counts = " and ".join(f"{len(table.rows)} {table.title.lower()}" for table in shown)
    return str(
        Markup(
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            "<title>{name}</title><style>{style}</style></head><body><h1>{name}</h1>"
            "<p>This is a pretended {service} with {counts}. Nothing here reaches a real one.</p>{tables}</body></html>"
        ).format(name=name, style=_STYLE, service=service, counts=counts, tables=Markup("").join(_table(table) for table in shown))
    )


def _table(table: Table) -> Markup:
    head = Markup("").join(Markup("<th>{}</th>").format(each) for each in table.columns)
    rows = Markup("").join(_row(is_open, cells) for is_open, cells in table.rows[:MOST])
    more = Markup("<p>… and {} more.</p>").format(len(table.rows) - MOST) if len(table.rows) > MOST else ""
    return Markup("<h2>{}</h2><div><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>{}").format(
        table.title, head, rows, more
    )


def _row(is_open: bool, cells: Iterable[object]) -> Markup:
    columns = Markup("").join(Markup("<td dir=auto>{}</td>").format(cell) for cell in cells)
    return Markup('<tr class="{}">{}</tr>').format("open" if is_open else "closed", columns)


def serve(app: FakeService, make_server: Callable[..., Any], port: int, first_line: Callable[[], str] | None = None) -> None:
    """Serve a fake on this machine until the process is ended; the first line of output says how to reach it.

    :param make_server: Werkzeug's, or one that is called like it.
    :param port: 0 for any free one.
    :param first_line: called when the address is known; without it the line has the plugin's settings, as JSON.
    """
    server = make_server("127.0.0.1", port, app, threaded=True)
    app.base_url = f"http://127.0.0.1:{server.server_port}"
    sys.stdout.write(f"{first_line() if first_line is not None else json.dumps(app.settings)}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def main(create_app: Callable[[str], FakeService], make_server: Callable[..., Any], arguments: Sequence[str] | None = None) -> None:
    """Run a fake as a process of its own, ``python -m rolecall_library.fake --port 8080``; see :func:`serve`."""
    parser = argparse.ArgumentParser(prog=f"python -m {create_app.__module__}", description=create_app.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    serve(create_app("http://127.0.0.1"), make_server, parser.parse_args(arguments).port)
