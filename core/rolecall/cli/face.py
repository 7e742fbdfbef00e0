"""What every command shares: who acts, which application, how it answers, and when it asks.

Owns the options ``--json`` and ``--as`` and the exit codes. Knows no particular command.
"""

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import rights
from rolecall.accounts.actors import Actor, operator
from rolecall.cli.output import json_text, plain, table
from rolecall.config import Config, load
from rolecall.errors import ConsentRequired, Forbidden, Invalid, Refused, RolecallError, Unknown
from rolecall.store import schema
from rolecall.store.engine import Database
from rolecall.store.folding import canonical
from rolecall.store.tables import Account
from rolecall.work.application import Application
from rolecall.work.engine import Engine, engine_of

Document = Mapping[str, Any]

DONE, REFUSED, MISUSED, HELD = 0, 1, 2, 3


class Misused(Refused):
    """The command names something that does not exist, or a value that cannot be meant: exit code 2."""


@contextmanager
def words() -> Iterator[None]:
    """Make what is unknown or invalid here a wrong usage of the command, and not a refusal."""
    try:
        yield
    except (Invalid, Unknown) as error:
        raise misused(error) from error


def misused(error: RolecallError) -> Misused:
    """The same sentence as a wrong usage."""
    return Misused(error.message, hint=error.hint, code=error.code)


@dataclass(slots=True)
class Face:
    """One call of the command: what was asked for, and what is opened for it."""

    as_json: bool = False
    username: str | None = None
    _app: Application | None = None
    _engine: Engine | None = None

    @property
    def app(self) -> Application:
        """The application, opened at the first use and closed when the command ends; a broker, if there is one, hears its nudges.

        :raises RolecallError: when there are no keys, or the database has another schema than this program.
        """
        if self._app is None:
            self._app = open_application(load())
            self._engine = engine_of(self._app, work=False)
            if self._engine is not None:
                self._engine.start()
        return self._app

    def close(self) -> None:
        """Give back what was opened."""
        if self._engine is not None:
            self._engine.stop()
            self._engine = None
        if self._app is not None:
            self._app.close()
            self._app = None

    @property
    def actor(self) -> Actor:
        """The operator, or the account that ``--as`` names, with the rights it has now.

        :raises Unknown: when no account has this user name.
        :raises Forbidden: when the account may not act at all.
        """
        if self.username is None:
            return operator(os_user())
        with self.app.db.read() as session:
            account = find_account(session, self.username)
            if not account.active or account.deleted_at is not None:
                raise Forbidden(f"The account {account.username} is not active.", hint="Nobody can act with it.")
            held = rights.of_account(session, account.id)
            return Actor(
                name=f"account:{account.id}",
                label=f"{account.first_name} {account.last_name}".strip() or account.username,
                account_id=account.id,
                permissions=held.permissions,
                types=held.types,
                address=f"cli:{os_user()}"[:60],
            )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a unit that reads what the actor may see: of ``--as`` an account with limited rights, only whom they reach (R58)."""
        with self.app.read_as(self.actor) as session:
            yield session

    def require(self, *permissions: str) -> Actor:
        """Return the actor, who must hold these permissions.

        :raises Forbidden: naming the first that is missing.
        """
        actor = self.actor
        for permission in permissions:
            actor.require(permission)
        return actor

    def answer(self, document: Document, text: Callable[[], Iterable[str]] | str) -> None:
        """Print the one document, or the text for people."""
        if self.as_json:
            click.echo(json_text(document))
            return
        for line in [text] if isinstance(text, str) else text():
            click.echo(line)

    def answer_list(
        self, items: Sequence[Document], columns: Mapping[str, str | Callable[[Document], object]], *, none: str,
        total: int | None = None, following: str | None = None,
    ) -> None:  # fmt: skip
        """Print a list: as a document, or as a table of these columns (heading: a field's name, or what to show)."""
        count = len(items) if total is None else total

        def lines() -> Iterator[str]:
            if not items:
                yield none
                return
            rows = [[plain(_cell(item, what)) for what in columns.values()] for item in items]
            yield from table(list(columns), rows)
            if following:
                yield f"{len(items):,} of {count:,}. More: --cursor {following}"

        self.answer({"items": list(items), "next": following, "total": count}, lines)

    def agree(self, question: str, *, yes: bool, hint: str = "Give --yes to agree.") -> None:
        """Go on only with consent: ``--yes``, or the answer at a terminal.

        :raises ConsentRequired: without either.
        """
        if yes:
            return
        if not is_terminal():
            raise ConsentRequired(question, hint=hint)
        click.confirm(plain(question), abort=True, err=True)


def _cell(item: Document, what: str | Callable[[Document], object]) -> object:
    value = item.get(what) if isinstance(what, str) else what(item)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else value


def face() -> Face:
    """The call that is being worked off."""
    found = click.get_current_context().find_object(Face)
    if found is None:
        raise AssertionError("No command is running.")
    return found


def open_application(config: Config) -> Application:
    """Open the application on a database that is there and up to date.

    :raises RolecallError: with what has to be done first.
    """
    app = Application(config)
    try:
        require_schema(app.db)
    except BaseException:
        app.close()
        raise
    return app


def require_schema(db: Database) -> None:
    """Refuse to work on another schema than this program's.

    :raises RolecallError: saying which command mends it.
    """
    if db.is_sqlite and db.url.database and not os.path.exists(db.url.database):  # noqa: PTH110 - may also be ":memory:"
        raise RolecallError(f"There is no database at {db.url.database}.", hint="“rolecall init” sets one up.", code="no-database")
    if not schema.is_current(db):
        message = "The database has another schema than this version of Rolecall."
        raise RolecallError(message, hint="“rolecall migrate” updates it.", code="schema")


def find_account(session: Session, username: str) -> Account:
    """Return an account by its user name, in any case, deleted ones included.

    :raises Unknown: when there is none.
    """
    try:
        key = canonical(username, what="user name")
    except Invalid:
        key = ""
    account = session.scalar(select(Account).where(Account.username_key == key))
    if account is None:
        raise Unknown(f"There is no account with the user name {plain(username)}.", hint="“rolecall accounts list --q ...” finds accounts.")
    return account


def os_user() -> str:
    """The operating system's user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def pairs(given: Iterable[str], *, what: str = "--set") -> dict[str, str]:
    """Read ``name=value`` words.

    :raises Misused: for one without an equals sign, or a name that stands twice.
    """
    found: dict[str, str] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name.strip():
            raise Misused(f"{what} takes name=value, and “{plain(each)}” has no equals sign.")
        if name.strip() in found:
            raise Misused(f"{plain(name.strip())} is set twice.")
        found[name.strip()] = value
    return found


def nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint: which of the known words comes nearest, or what to do where none does."""
    near = get_close_matches(word, list(known), 1)
    return f"Did you mean {near[0]}?" if near else otherwise


def finish(code: int) -> None:
    """End the command with this exit code."""
    if code:
        click.get_current_context().exit(code)


def problem(error: RolecallError, status: int) -> dict[str, Any]:
    """An error as the API words it (RFC 9457)."""
    facts = {"title": "This was not done", "status": status, "detail": error.message, "code": error.code}
    document: dict[str, Any] = {"type": "about:blank", **facts}
    if error.hint:
        document["hint"] = error.hint
    for name in ("fields", "count", "lines"):
        if value := getattr(error, name, None):
            document[name] = value
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]
