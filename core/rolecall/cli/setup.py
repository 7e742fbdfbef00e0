"""``rolecall init``, ``migrate``, ``config`` and ``worker``: what an operator does before anybody can sign in."""

import logging
import sys

import click
from alembic.util.exc import CommandError
from sqlalchemy.engine import make_url

from rolecall import logs
from rolecall.accounts.actors import operator
from rolecall.cli.face import Misused, face, is_terminal, os_user
from rolecall.cli.frame import Command
from rolecall.cli.output import plain
from rolecall.config import Config, Value, load
from rolecall.errors import ConfigurationError, RolecallError
from rolecall.store import schema
from rolecall.store.engine import Database, now
from rolecall.work import engine, jobs
from rolecall.work.documents import account_documents
from rolecall.work.heartbeat import Heartbeat
from rolecall.work.setup import NewInstitution, refuse_second, set_up


@click.command(cls=Command)
@click.option("--institution", metavar="NAME", required=True, help="Name of the school.")
@click.option("--owner", metavar="USERNAME", required=True, help="User name of the first administrator and Global Owner.")
@click.option("--first-name", metavar="TEXT", default="")
@click.option("--last-name", metavar="TEXT", default="")
@click.option("--email", metavar="ADDRESS", default="")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it.")
def init(institution: str, owner: str, first_name: str, last_name: str, email: str, password_stdin: bool) -> None:
    """Set up: database, keys, the first employee, who is administrator and Global Owner."""
    call = face()
    config = load()
    refuse_second(config)
    new = NewInstitution(
        institution=institution, username=owner, password=_password(from_stdin=password_stdin), first_name=first_name, last_name=last_name,
        email=email,
    )  # fmt: skip
    account_id = set_up(config, new, operator(os_user()))
    with call.app.db.read() as session:
        (document,) = account_documents(session, [account_id], now=now(session))
    call.answer(
        document,
        lambda: [
            f"{plain(institution)} is set up in {config.data}; {plain(document['username'])} is its Global Owner.",
            f"“rolecall run” serves {config.base_url}.",
            "Keep the encryption keys safe: without them passwords that wait and secrets of integrations are lost.",
        ],
    )


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not is_terminal():
        raise Misused("There is no terminal to ask for the password.", hint="Give it on standard input, with --password-stdin.")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    return typed


@click.command(cls=Command)
@click.option("--sql", "as_sql", is_flag=True, help="Print the statements, and change nothing.")
@click.option("--down", is_flag=True, help="Go back by one revision instead; what only the newer one can hold is lost.")
@click.option("--yes", is_flag=True, help="Agree to --down.")
def migrate(as_sql: bool, down: bool, yes: bool) -> None:
    """Bring the schema of the database up to date."""
    call = face()
    db = _database()
    try:
        before = schema.current(db)
        if as_sql:
            statements = _statements(db, before, down=down)
            call.answer({"revision": before, "head": schema.head(), "sql": statements}, statements.rstrip("\n"))
            return
        if down:
            if before is None:
                raise RolecallError("There is nothing to take back: the database is empty.")
            call.agree(f"Take revision {before} back? What only it can hold is lost.", yes=yes)
        (schema.downgrade if down else schema.upgrade)(db)
        after = schema.current(db)
    except CommandError as error:
        hint = "It was written by a newer version of Rolecall: install that one."
        raise RolecallError(f"The schema of the database is unknown here: {error}.", hint=hint, code="schema") from error
    finally:
        db.close()
    text = f"The schema is at {after or 'nothing'}" + (", as it was." if after == before else f"; it was at {before or 'nothing'}.")
    call.answer({"revision": after, "before": before, "head": schema.head()}, text)


def _database() -> Database:
    config = load()
    db = Database(config.database_url)
    if db.is_sqlite:
        config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return db


def _statements(db: Database, before: str | None, *, down: bool) -> str:
    dialect = db.url.get_backend_name()
    if down:
        return schema.sql(dialect, f"{before or schema.head()}:-1", down=True)
    return schema.sql(dialect, "head" if before is None else f"{before}:head")


@click.command(cls=Command)
def config() -> None:
    """Show every setting of the process: value, default, and where it comes from. Secrets are hidden."""
    call = face()
    settings = load()
    items = [
        {
            "key": each.key.variable, "value": _shown(settings, each), "default": each.key.default, "origin": each.origin,
            "secret": each.key.secret, "help": each.key.help,
        }
        for each in settings.values.values()
    ]  # fmt: skip
    call.answer_list(items, {"setting": "key", "value": "value", "from": "origin", "default": "default"}, none="There are no settings.")


def _shown(settings: Config, value: Value) -> str:
    if value.key.secret:
        return "***" if value.value else ""
    if value.key.name == "database_url":
        return make_url(settings.database_url).render_as_string(hide_password=True)
    if value.key.name == "broker_url" and value.value:
        return make_url(value.value).render_as_string(hide_password=True)
    return value.value


@click.command(cls=Command)
@click.option("--once", is_flag=True, help="Work until nothing is due, and end.")
@click.option("--processes", metavar="N", type=click.IntRange(1), help="How many work at once; needs a broker.  [default: 8]")
@click.option("--queue", "queues", metavar="NAME", multiple=True, help="Only what this queue carries; may be repeated; needs a broker.")
def worker(once: bool, processes: int | None, queues: tuple[str, ...]) -> None:
    """Do the work alone: runs, sync, what time makes due. Several may work on PostgreSQL, and be woken by a broker."""
    logs.configure(logging.INFO)
    call = face()
    if not call.app.config["secret_key"]:
        raise ConfigurationError("There is no secret key.", hint="“rolecall init” writes one, or set ROLECALL_SECRET_KEY.")
    if once:
        with Heartbeat(call.app, "once"):
            achieved = jobs.run_once(call.app)
        call.answer({"achieved": achieved}, "Nothing is due any more.")
        return
    if not engine.run_forever(call.app, processes=processes, queues=queues):
        raise RolecallError("Something was still under way; it is gone on with when its lease is over.", code="unfinished")
