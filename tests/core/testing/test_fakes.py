"""The shell of a fake: what it is told to answer instead, the journal, the page, and a process of its own without pytest."""

import json
import subprocess
import sys
from wsgiref.util import setup_testing_defaults

import pytest

from rolecall.testing import fakes
from rolecall.testing.fakes import MOST, FakeService, Table, answered, starred


class Library(FakeService):
    """A library that knows one call."""

    service = "library"

    def __init__(self, base_url, readers=(), cards=()):
        super().__init__(base_url)
        self.readers, self.cards = list(readers), list(cards)

    @property
    def settings(self):
        return {"base_url": self.base_url}

    def tables(self):
        yield Table(title="Users", columns=("Name",), rows=[(name != "closed", (name,)) for name in self.readers])
        yield Table(title="Cards", columns=("Number",), rows=[(True, (number,)) for number in self.cards])

    def error(self, status, *, message="It failed."):
        return {"status": status, "message": message}

    def respond(self, environ):
        path = environ["PATH_INFO"]
        instead = self.instead("GET", path)
        body = instead.body if instead else {"found": path}
        self.note(path=path, body=starred({"card": "7", "pin": "1234"}, {"pin"}))
        return answered(json.dumps(body), {"Content-Type": "application/json", **(instead.headers if instead else {})})


def get(app, path):
    """Return status, headers and text of an answer."""
    environ, seen = {}, []
    setup_testing_defaults(environ)
    environ["PATH_INFO"] = path
    body = b"".join(app(environ, lambda status, headers: seen.append((status, dict(headers)))))
    return *seen[0], body.decode()


def test_what_is_planned_is_answered_so_often_to_what_matches() -> None:
    library = Library("http://127.0.0.1/")
    library.fail(503, message="Closed.", match=lambda method, path: path == "/a", next=2)
    library.fail(500, body="<html>", headers={"Retry-After": "7"}, match=lambda method, path: path == "/b", next=None)

    answers = [json.loads(get(library, path)[2]) for path in ("/a", "/c", "/a", "/a", "/b", "/b")]

    closed = {"status": 503, "message": "Closed."}
    assert answers == [closed, {"found": "/c"}, closed, {"found": "/a"}, "<html>", "<html>"]
    assert get(library, "/b")[1]["Retry-After"] == "7"


def test_programs_read_every_call_without_secrets() -> None:
    library = Library("http://127.0.0.1")

    get(library, "/a")

    assert json.loads(get(library, "/_journal")[2]) == library.journal == [{"path": "/a", "body": {"card": "7", "pin": "***"}}]


@pytest.mark.parametrize("path", ["/", ""])
def test_people_see_what_it_holds_and_every_word_is_escaped(path) -> None:
    library = Library("http://127.0.0.1", [*["<b>Anna"] * MOST, "closed"], ["<i>7"])

    status, headers, text = get(library, path)

    assert (status, headers["Content-Security-Policy"].partition(";")[0]) == ("200 OK", "default-src 'none'")
    assert "a pretended library with 501 users and 1 cards" in text
    assert "&lt;b&gt;Anna" in text
    assert "&lt;i&gt;7" in text
    assert "and 1 more" in text


def test_a_list_that_is_empty_is_left_out_unless_it_is_the_users() -> None:
    text = get(Library("http://127.0.0.1", ["closed"]), "/")[2]

    assert "Cards" not in text
    assert '<tr class="closed"><td dir=auto>closed</td></tr>' in text
    assert "with 0 users" in get(Library("http://127.0.0.1"), "/")[2]


@pytest.mark.parametrize("first_line", [None, lambda: "here"])
def test_a_process_of_its_own_says_how_to_reach_it_and_ends_in_order(capsys, first_line) -> None:
    class Server:
        server_port, closed = 8080, False

        def __init__(self, host, port, app, *, threaded):
            self.asked = (host, port, threaded)
            made.append(self)

        def serve_forever(self):
            raise KeyboardInterrupt

        def server_close(self):
            self.closed = True

    made = []

    fakes.serve(Library("http://127.0.0.1"), Server, 8080, first_line)

    assert capsys.readouterr().out == ('{"base_url": "http://127.0.0.1:8080"}\n' if first_line is None else "here\n")
    assert (made[0].asked, made[0].closed) == (("127.0.0.1", 8080, True), True)


def test_what_a_subclass_leaves_out_is_said_by_name() -> None:
    nothing = FakeService("http://127.0.0.1")

    with pytest.raises(NotImplementedError, match="FakeService must answer"):
        get(nothing, "/a")
    with pytest.raises(NotImplementedError, match="by which settings"):
        _ = nothing.settings
    assert (nothing.error(500), list(nothing.tables())) == (None, [])


def test_the_demo_needs_no_pytest_for_a_fake() -> None:
    program = "import sys; sys.modules['pytest'] = None; import rolecall.testing.fakes; print('rolecall.testing.wire' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
