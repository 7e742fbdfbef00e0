"""``rolecall statuses``: student statuses, and what another type of one means for accounts (R3, R7)."""

from typing import Any

import click

from rolecall.accounts import statuses as status_rules
from rolecall.cli.face import Face, Misused, face, words
from rolecall.cli.frame import Words
from rolecall.cli.output import plain
from rolecall.sdk.words import PROVIDER_ACTIONS, STATUS_TYPES
from rolecall.store.filters import choose
from rolecall.work import status_changes
from rolecall.work.documents import status_document
from rolecall.work.status_changes import Foreseen


@click.group(cls=Words, default="list")
def statuses() -> None:
    """Student statuses."""


@statuses.command("list")
def list_statuses() -> None:
    """List the statuses with the number of students who have them."""
    call = face()
    call.require("settings:view")
    with call.read() as session:
        students = status_rules.counts(session)
        items = [{**status_document(each), "students": students.get(each.id, 0)} for each in status_rules.every(session)]
    columns: dict[str, Any] = {"label": "label", "type": "type", "at providers": "provider_action", "students": "students"}
    call.answer_list(items, columns, none="There are no statuses.")


@statuses.command("add")
@click.argument("label")
@click.option("--type", "kind", metavar="TYPE", required=True, help=f"What rules look at: {', '.join(STATUS_TYPES)}.")
@click.option("--at-providers", "provider_action", metavar="WORD", default="nothing", help=f"{', '.join(PROVIDER_ACTIONS)}.")
def add_status(label: str, kind: str, provider_action: str) -> None:
    """Add a status."""
    call = face()
    actor = call.require("settings:create")
    values = {
        "label": label, "type": _word("type", kind, STATUS_TYPES),
        "provider_action": _word("at-providers", provider_action, PROVIDER_ACTIONS),
    }  # fmt: skip
    _answer(call, status_changes.add_status(call.app, actor, values), "Added")


@statuses.command("set")
@click.argument("label")
@click.option("--label", "new_label", metavar="TEXT", help="Another label.")
@click.option("--type", "kind", metavar="TYPE", help=f"{', '.join(STATUS_TYPES)}.")
@click.option("--at-providers", "provider_action", metavar="WORD", help=f"{', '.join(PROVIDER_ACTIONS)}.")
@click.option("--yes", is_flag=True, help="Agree that accounts of its students are deactivated, come back or are opened.")
def set_status(label: str, new_label: str | None, kind: str | None, provider_action: str | None, yes: bool) -> None:
    """Change what is given of a status; accounts of its students follow at once."""
    call = face()
    actor = call.require("settings:edit")
    values = {
        "label": new_label, "type": _word("type", kind, STATUS_TYPES) if kind else None,
        "provider_action": _word("at-providers", provider_action, PROVIDER_ACTIONS) if provider_action else None,
    }  # fmt: skip
    if not any(values.values()):
        raise Misused("Say what to change.", hint="For example --type graduated.")
    with call.read() as session:
        status = status_rules.by_label(session, label)
    foreseen = status_changes.foresee(call.app, status.id, values["type"])
    if foreseen.accounts:
        call.agree(f"{told(foreseen)} Go on?", yes=yes)
    run_id = status_changes.edit_status(call.app, actor, status.id, values, version=status.version, expected=foreseen.accounts)
    _answer(call, status.id, "Saved", run_id)


@statuses.command("delete")
@click.argument("label")
@click.option("--yes", is_flag=True, help="Agree to it.")
def delete_status(label: str, yes: bool) -> None:
    """Delete a status that no student has."""
    call = face()
    actor = call.require("settings:delete")
    with call.read() as session:
        status = status_rules.by_label(session, label)
    call.agree(f"Delete the status {status.label}?", yes=yes)
    document = status_changes.remove_status(call.app, actor, status.id, version=status.version)
    call.answer(document, f"Deleted: {plain(document['label'])}.")


def told(foreseen: Foreseen) -> str:
    """What another type means, as one sentence."""
    verbs = (("deactivated", foreseen.deactivated), ("active again", foreseen.reactivated), ("opened", foreseen.opened))
    parts = [f"{number:,} {'account is' if number == 1 else 'accounts are'} {verb}" for verb, number in verbs if number]
    return f"{foreseen.students:,} students have the status; by this {' and '.join(parts)}."


def _word(name: str, value: str, known: Any) -> str:
    with words():
        return choose(name, value, known)


def _answer(call: Face, status_id: int, verb: str, run_id: int | None = None) -> None:
    with call.read() as session:
        document = {**status_document(status_rules.get(session, status_id)), **({"run": run_id} if run_id else {})}
    text = f"{verb}: {plain(document['label'])}, type {document['type']}, at providers: {document['provider_action']}."
    call.answer(document, f"{text} Run {run_id} tells what became of accounts." if run_id else text)
