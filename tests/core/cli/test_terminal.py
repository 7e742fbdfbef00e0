"""What happens only where somebody sits at a terminal: questions, typed passwords, progress."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

_SPAWN = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


class Terminal:
    """The command on a terminal of its own: wait for what it says, type, and see how it ends."""

    def __init__(self, arguments: list[str], env: dict[str, str], cwd: str) -> None:
        self.said = ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SPAWN, *arguments], env=env, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def wait_for(self, text: str) -> None:
        """Read until it has said this."""
        assert self._process.stdout is not None
        while text not in self.said:
            read = os.read(self._process.stdout.fileno(), 4096)
            assert read, f"it ended without saying {text!r}: {self.said}"
            self.said += read.decode()

    def type(self, text: str) -> None:
        """Type a line."""
        self.press(f"{text}\n")

    def press(self, keys: str) -> None:
        """Press keys."""
        assert self._process.stdin is not None
        self._process.stdin.write(keys.encode())

    def end(self) -> int:
        """Read to the end and return the exit code."""
        rest, _ = self._process.communicate(timeout=60)
        self.said += rest.decode()
        return self._process.returncode


@pytest.fixture
def terminal(rolecall: str) -> Iterator[Callable[..., Terminal]]:
    """Runs the installed command on a terminal."""
    opened: list[Terminal] = []

    def run(cli: Any, *words: str) -> Terminal:
        env = {"PATH": os.environ["PATH"], "HOME": str(cli.folder), "LANG": "C.UTF-8", "TERM": "xterm", **cli.env}
        opened.append(Terminal([rolecall, *words], env, str(cli.folder)))
        return opened[-1]

    yield run
    for each in opened:
        if each._process.poll() is None:
            each._process.kill()
            each._process.communicate()


def test_init_asks_for_the_password_twice_and_does_not_show_it(empty, terminal):
    shell = terminal(empty, "init", "--institution", "Harbour School", "--owner", "ada")
    shell.wait_for("Password:")
    shell.type("seven quiet herons wade")
    shell.wait_for("The same again:")
    shell.type("seven quiet herons wade")

    assert shell.end() == 0, shell.said
    assert "herons" not in shell.said
    assert empty.json("accounts", "list")["total"] == 1


def test_consequence_is_shown_and_asked_about(school, terminal):
    shell = terminal(school, "act", "account.delete", "--where", "type=student")
    shell.wait_for("[y/N]:")
    asked = shell.said
    shell.type("n")

    assert shell.end() == 1
    assert "3 accounts selected, 3 will change" in asked
    assert "Nothing more was done." in shell.said
    assert school.json("accounts", "list", "--deleted", "only")["total"] == 0


def test_yes_at_the_terminal_does_it(school, terminal):
    shell = terminal(school, "act", "account.delete", "--where", "type=student")
    shell.wait_for("[y/N]:")
    shell.type("y")

    assert shell.end() == 0, shell.said
    assert school.json("accounts", "list", "--deleted", "only")["total"] == 3


def test_plain_action_on_one_account_asks_nothing(school, terminal):
    username = school.json("accounts", "list", "--type", "teacher")["items"][0]["username"]

    shell = terminal(school, "act", "account.deactivate", "--account", username)

    assert shell.end() == 0, shell.said
    assert "[y/N]" not in shell.said


def test_import_is_shown_and_then_asked_about(cli, terminal):
    shell = terminal(cli, "people", "import", cli.file("list,code,first_name,last_name\nteachers,T1,Dora,Meier\n"))
    shell.wait_for("[y/N]:")
    asked = shell.said
    shell.type("y")

    assert shell.end() == 0, shell.said
    assert "Dora Meier" in asked
    assert cli.json("people", "list", "--list", "teachers")["total"] == 1


def test_large_run_shows_how_far_it_is(cli, terminal):
    rows = "".join(f"teachers,T{n},First{n},Last{n}\n" for n in range(120))
    cli("people", "import", cli.file(f"list,code,first_name,last_name\n{rows}"), "--yes", code=0)

    shell = terminal(cli, "accounts", "open")

    assert shell.end() == 0, shell.said
    assert "100%" in shell.said
    assert "120 done" in shell.said


def test_interrupted_run_stops_and_is_gone_on_with(cli, terminal):
    rows = "".join(f"teachers,T{n},First{n},Last{n}\n" for n in range(3_000))
    cli("people", "import", cli.file(f"list,code,first_name,last_name\n{rows}"), "--yes", code=0)

    shell = terminal(cli, "accounts", "open")
    shell.wait_for("%")
    shell.press("\x03")
    ended = shell.end()
    stopped = cli.json("runs", "2")
    resumed = cli.json("runs", "resume", "2")

    assert (ended, stopped["state"]) == (1, "stopped"), shell.said
    assert "rolecall runs resume 2" in shell.said
    assert stopped["counts"]["waiting"] > 0
    assert (resumed["state"], resumed["counts"]["done"]) == ("done", 3_000)


def test_secret_setting_is_typed_unseen(cli, terminal):
    shell = terminal(cli, "plugins", "configure", "moodle", "base_url=https://moodle.example.org", "token=-", "--without-test")
    shell.wait_for("token:")
    shell.type("0123456789abcdef0123456789abcdef")

    assert shell.end() == 0, shell.said
    assert "0123456789abcdef" not in shell.said
    moodle = next(each for each in cli.json("plugins")["items"] if each["id"] == "moodle")
    assert moodle["secrets_set"] == ["token"]
