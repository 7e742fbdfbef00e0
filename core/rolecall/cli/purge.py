"""``rolecall purge``: removes deleted accounts whose retention has passed (R31)."""

from datetime import timedelta

import click

from rolecall.cli.face import face
from rolecall.cli.frame import Command
from rolecall.cli.output import count
from rolecall.work.documents import moment
from rolecall.work.purge import foresee
from rolecall.work.purge import purge as purge_accounts


@click.command(cls=Command)
@click.option("--older-than", type=click.IntRange(0), metavar="DAYS", help="Deleted so many days ago; without it, the setting decides.")
@click.option("--yes", is_flag=True, help="Do it. Without this it is only shown.")
def purge(older_than: int | None, yes: bool) -> None:
    """Remove deleted accounts for good; their user names stay taken, their people stay in the roster."""
    call = face()
    actor = call.require("accounts:delete")
    with call.app.db.read() as session:
        found = foresee(session, None if older_than is None else timedelta(days=older_than))
    removed = purge_accounts(call.app, actor, found.before) if yes else 0
    document = {"before": moment(found.before), "due": found.due, "waiting": found.waiting, "removed": removed}
    verb = f"{count(removed, 'account')} removed." if yes else f"{count(found.due, 'account')} would be removed; --yes does it."
    waiting = f" {count(found.waiting, 'account')} wait for their providers." if found.waiting else ""
    call.answer(document, f"Deleted before {document['before']}: {verb}{waiting}")
