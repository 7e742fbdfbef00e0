"""The group of all commands: finds those of plugins' packages, and turns every error into a sentence and an exit code.

Owns the order of the help page. Knows nothing of what a command does.
"""

import logging
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from importlib.metadata import entry_points
from traceback import format_tb
from typing import Any, NoReturn

import click
import structlog
from sqlalchemy.exc import DBAPIError

from rolecall import logs
from rolecall.cli.face import HELD, MISUSED, REFUSED, Face, Misused, problem
from rolecall.cli.output import json_text, plain
from rolecall.errors import Busy, Forbidden, Held, Invalid, RolecallError, Unknown
from rolecall.store.engine import is_unavailable

GROUP = "rolecall.commands"
#: The API's status of an error; the first class that fits decides.
_STATUS: tuple[tuple[type[RolecallError], int], ...] = (
    (Misused, 422), (Busy, 429), (Invalid, 422), (Unknown, 404), (Forbidden, 403), (RolecallError, 409),
)  # fmt: skip

log = structlog.get_logger(__name__)


class Command(click.Command):
    """A command with the options that every command has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        as_json = "Print one document, the one that the API would answer."
        self.params += [
            click.Option(["--json"], is_flag=True, expose_value=False, callback=_set_json, help=as_json),
            click.Option(["--as"], metavar="USERNAME", expose_value=False, callback=_set_username, help="Act with this account's rights."),
        ]


class Words(click.Group):
    """A group that says which command comes nearest, and may begin with one of its commands when none is named."""

    command_class = Command

    def __init__(self, *args: Any, default: str = "", numbered: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: The command that is meant when none is named, and the one that is meant when a number stands in its place.
        self.default, self.numbered = default, numbered

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command in that is meant without its word."""
        if self.numbered and args and args[0].isdigit():
            args = [self.numbered, *args]
        elif self.default and not (args and args[0] in ctx.help_option_names) and (not args or args[0].startswith("-")):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one comes nearest."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = get_close_matches(name, self.list_commands(ctx), 1)
            listed = f"Did you mean “{near[0]}”?" if near else f"There are: {', '.join(self.list_commands(ctx))}."
            raise click.UsageError(f"There is no command “{plain(name)}”. {listed}", ctx)
        return super().resolve_command(ctx, args)


class Rolecall(Words):
    """The command itself."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Our own commands, in the order in which they were added, then those of other packages."""
        return list(dict.fromkeys([*self.commands, *_foreign()]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Our own command, or one that a package adds; that is loaded only when it is called."""
        return self.commands.get(cmd_name) or _load_foreign(cmd_name)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run a command and end the process with its exit code."""
        words = list(sys.argv[1:] if args is None else args)
        extra.pop("standalone_mode", None)
        call = Face()
        begin = partial(super().main, words, prog_name or "rolecall", standalone_mode=False, obj=call, **extra)
        try:
            code = _run(begin, call, words)
        finally:
            call.close()
        sys.exit(code)


def _run(work: Any, call: Face, arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    try:
        code = work()
    except click.UsageError as error:
        return _misused(error, as_json)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Nothing more was done.", err=True)
        return REFUSED
    except click.ClickException as error:
        click.echo(f"Error: {plain(error.format_message())}", err=True)
        return error.exit_code
    except RolecallError as error:
        return _refused(error, call.as_json or as_json)
    except DBAPIError as error:
        return _refused(_of_database(error), call.as_json or as_json)
    except Exception as error:
        log.exception("command failed")
        why = RolecallError(f"An unexpected error ({type(error).__name__}) stopped this.", hint="The lines above say where.")
        return _refused(why, call.as_json or as_json)
    return code if isinstance(code, int) else 0


def _of_database(error: DBAPIError) -> RolecallError:
    name = type(error.orig).__name__
    if is_unavailable(error):
        return RolecallError(f"The database cannot be reached now ({name}).", hint="Nothing was changed. Try again.", code="unavailable")
    # A statement's parameters may hold what nobody should read: only where it happened is logged.
    log.error("statement failed", error=name, where="".join(format_tb(error.__traceback__)))
    return RolecallError(f"The database refused a statement ({name}).", hint="The lines above say where.")


def _refused(error: RolecallError, as_json: bool) -> int:
    if as_json:
        status = next(status for cls, status in _STATUS if isinstance(error, cls))
        click.echo(json_text(problem(error, status)))
    click.echo(f"Error: {plain(error.message)}", err=True)
    for sentence in [error.hint, *_more_fields(error)]:
        if sentence:
            click.echo(f"       {plain(sentence)}", err=True)
    return MISUSED if isinstance(error, Misused) else HELD if isinstance(error, Held) else REFUSED


def _more_fields(error: RolecallError) -> list[str]:
    found = getattr(error, "fields", None) or {}
    return [f"{name}: {sentence}" for name, sentences in found.items() for sentence in sentences if sentence not in str(error)]


def _misused(error: click.UsageError, as_json: bool) -> int:
    message = error.format_message()
    if as_json:
        click.echo(json_text(problem(RolecallError(message, code="usage"), 422)))
    click.echo(f"Error: {plain(message)}", err=True)
    if error.ctx is not None:
        click.echo(f"       {error.ctx.get_usage()}  (--help explains)", err=True)
    return MISUSED


def _set_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    call = ctx.find_object(Face)
    if call is not None and value:
        call.as_json = True


def _set_username(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    call = ctx.find_object(Face)
    if call is not None and value:
        call.username = value


def _foreign() -> list[str]:
    return sorted(point.name for point in entry_points(group=GROUP))


def _load_foreign(name: str) -> click.Command | None:
    for point in entry_points(group=GROUP, name=name):
        command = point.load()
        if not isinstance(command, click.Command):
            raise RolecallError(f"“{name}” of {point.value} is not a command.")
        return command
    return None


@click.group("rolecall", cls=Rolecall, context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 120})
@click.version_option(package_name="rolecall", message="%(version)s")
def main() -> None:
    """Keep the accounts of a school, and other services in step with them."""
    logs.configure(logging.WARNING)
