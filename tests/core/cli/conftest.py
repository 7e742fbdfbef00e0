"""The command, as somebody types it, on an institution of the test's own."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rolecall.cli import main
from rolecall.testing.wire import Wire
from rolecall_moodle.fake import FakeMoodle, create_app

PASSWORD = "seven quiet herons wade"
PEOPLE = """\
list,code,first_name,last_name,email
students,S1,Anna,Kranz,anna@home.example
students,S2,Βασίλης,Δήμου,vasilis@home.example
students,S3,Clara,Lindqvist,clara@home.example
teachers,T1,Dora,Meier,dora@home.example
"""


@dataclass
class Cli:
    """Runs the command in this process; ``env`` is all that it finds in its environment of ours."""

    env: dict[str, str]
    folder: Path
    runner: CliRunner = field(default_factory=CliRunner)

    def __call__(self, *words: str, stdin: str = "", code: int | None = None) -> Result:
        """Run a command; with ``code``, that must be how it ends."""
        result = self.runner.invoke(main, [str(word) for word in words], input=stdin, env=self.env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        if code is not None:
            assert result.exit_code == code, result.output
        return result

    def json(self, *words: str, code: int = 0, stdin: str = "") -> Any:
        """Run a command that must end with ``code``, and read the one document it prints."""
        return json.loads(self(*words, "--json", code=code, stdin=stdin).stdout)

    def file(self, text: str, name: str = "people.csv") -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_text(text, "utf-8")
        return str(path)


@pytest.fixture
def empty(tmp_path: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command on a machine where nothing is set up."""
    monkeypatch.chdir(tmp_path)
    return Cli({"ROLECALL_DATA": str(tmp_path / "instance"), "ROLECALL_DATABASE_URL": empty_database_url}, tmp_path)


@pytest.fixture
def cli(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command where ``init`` has set up a school whose Global Owner is ada."""
    monkeypatch.chdir(tmp_path)
    command = Cli({"ROLECALL_DATA": str(tmp_path / "instance"), "ROLECALL_DATABASE_URL": database_url}, tmp_path)
    set_up(command)
    return command


def set_up(command: Cli) -> Result:
    """Set a school up."""
    person = ("--first-name", "Ada", "--last-name", "Lund", "--email", "ada@example.org")
    return command("init", "--institution", "Harbour School", "--owner", "ada", *person, "--password-stdin", stdin=f"{PASSWORD}\n", code=0)


@pytest.fixture
def school(cli: Cli) -> Cli:
    """The same school, with three students and a teacher who have accounts."""
    cli("people", "import", cli.file(PEOPLE), "--yes", code=0)
    cli("accounts", "open", code=0)
    return cli


@pytest.fixture
def moodle() -> FakeMoodle:
    """An empty Moodle."""
    return create_app("http://127.0.0.1")


@pytest.fixture
def wire(moodle: FakeMoodle) -> Iterator[Wire]:
    """The Moodle on a port of this machine."""
    with Wire(moodle) as wire:
        moodle.base_url = wire.url
        yield wire


@pytest.fixture
def connect(wire: Wire, moodle: FakeMoodle) -> Callable[[Cli], None]:
    """A function that connects a school with the Moodle."""

    def connecting(command: Cli) -> None:
        command.env["ROLECALL_OUTBOUND_ALLOW"] = wire.host
        settings = [f"{name}={value}" for name, value in moodle.settings.items()]
        command("plugins", "configure", "moodle", *settings, code=0)
        command("plugins", "enable", "moodle", code=0)

    return connecting


@pytest.fixture
def rolecall() -> str:
    """The installed command."""
    return str(Path(sys.executable).with_name("rolecall"))
