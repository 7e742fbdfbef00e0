"""The page about the command line is compared with the commands, so that neither has what the other has not."""

import re
import shlex
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

from rolecall.cli import main
from rolecall.cli.frame import GROUP
from rolecall.store.filters import CORE_FILTERS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "cli.md").read_text("utf-8")
#: Options that stand in the introduction of the page, for every command.
COMMON = {"--json", "--as", "--yes", "--help"}
#: Options of lists that the page names once.
PAGING = {"--limit", "--cursor", "--sort"}


@cache
def commands() -> dict[tuple[str, ...], click.Command]:
    """Every command by its words, with those of other packages."""

    def walk(group: click.Group, path: tuple[str, ...]) -> dict[tuple[str, ...], click.Command]:
        found: dict[tuple[str, ...], click.Command] = {}
        for name, command in group.commands.items():
            found |= walk(command, (*path, name)) if isinstance(command, click.Group) else {(*path, name): command}
        return found

    return walk(main, ()) | {(point.name,): point.load() for point in entry_points(group=GROUP)}


@cache
def documented() -> dict[tuple[str, ...], str]:
    """What the page says of each command: its heading and its text."""
    found = {}
    for heading, text in re.findall(r"^(`rolecall .*)\n((?:: |  ).*(?:\n  .*)*)", PAGE, flags=re.MULTILINE):
        for line in re.findall(r"`rolecall ([^`]+)`", heading):
            found[_words(line)] = f"{line}\n{text}"
    return found


def _words(line: str) -> tuple[str, ...]:
    """The longest beginning of a line that is a command."""
    words = tuple(line.split())
    return next((words[:length] for length in range(len(words), 0, -1) if words[:length] in commands()), words[:1])


def _options(command: click.Command) -> set[str]:
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return {name for option in options for name in option.opts if name.startswith("--")}


def test_page_has_exactly_the_commands_there_are():
    assert set(documented()) == set(commands())


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_option_is_on_the_page_and_no_other(words):
    text, command = documented()[words], commands()[words]
    named = set(re.findall(r"--[a-z][a-z-]*", text))
    filters = {f"--{each.id}" for each in CORE_FILTERS}

    # Another command's option may be named where a sentence points at it.
    assert named <= _options(command) | COMMON | (filters if words == ("accounts", "list") else set())
    assert _options(command) - COMMON - PAGING - named == set()


def test_examples_of_the_documentation_are_commands_with_options_that_exist():
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        for line in re.findall(r"^\s*(?:\$ )?rolecall ([a-z][^#\n`]*)", page.read_text("utf-8"), flags=re.MULTILINE):
            words = _words(line) if page.name != "cli.md" else None
            if words is None:
                continue
            first = line.split()
            if len(first) > 1 and first[0] in main.commands and isinstance(main.commands[first[0]], click.Group) and len(words) == 1:
                words = (*words, main.commands[first[0]].default)
            assert words in commands(), (page.name, line)
            used = {each.split("=")[0] for each in shlex.split(line) if each.startswith("--")}
            filters = {f"--{each.id}" for each in CORE_FILTERS} if words == ("accounts", "list") else set()
            assert used <= _options(commands()[words]) | filters | COMMON, (page.name, line)
