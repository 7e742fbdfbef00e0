"""Runs: their list, progress and items; stopping, resuming, undoing, confirming an import, and fetching what a run generated."""

from marshmallow import Schema, fields
from sqlalchemy import func, select

from rolecall.sdk.words import OUTCOMES, RUN_STATES
from rolecall.store.cursors import read_cursor, write_cursor
from rolecall.store.tables import Run, RunItem
from rolecall.work.documents import Document
from rolecall.work.imports.confirm import confirm
from rolecall.work.runs import control
from rolecall.work.runs.documents import item_documents, items_query, run_document, run_documents
from rolecall.work.runs.secrets import HandedOut, fetch_secrets
from rolecall.work.runs.undo import start_undo
from rolecall.work.slips.handing import Printed, hand_out_slips
from rolecall_webapp.api import shapes
from rolecall_webapp.api.answers import run_answer
from rolecall_webapp.api.operation import HTML, PDF, Answer, Call, Content, operation


class RunsQuery(shapes.Paging):
    """Which runs."""

    state = shapes.one_of(RUN_STATES)
    kind = shapes.one_of(("action", "import", "open", "status", "undo"))
    action = shapes.text(100)


class ItemsQuery(shapes.Paging):
    """Which items."""

    outcome = shapes.one_of(OUTCOMES)
    code = shapes.text(60, metadata={"description": "Of an import: new, changed, unchanged, rejected or leaving."})


class Resumption(Schema):
    """How a run goes on."""

    failed = shapes.Flag(load_default=False, metadata={"description": "Try failed items again."})


class ConfirmQuery(Schema):
    """How an import is confirmed."""

    allow_shrink = shapes.YesNo(load_default=False, metadata={"description": "Do it although the brake holds it: they have really left."})


class Handed(Schema):
    """A value that was generated for an account, or its first-time password. It is answered this once."""

    n = fields.Integer(required=True)
    account = fields.Nested(shapes.AccountName, required=True)
    secret = fields.String(required=True, metadata={"description": "Empty where no first-time password is kept."})


@operation(
    "GET", "/runs", "List runs", tag="runs", permissions=("runs:view",), query=RunsQuery, answer=shapes.page_of(shapes.Run), refusals=(422,)
)
def list_runs(call: Call) -> Document:
    """Newest first."""
    wanted = [getattr(Run, name) == call.query[name] for name in ("state", "kind", "action") if name in call.query]
    total = call.session.scalar(select(func.count()).select_from(Run).where(*wanted)) or 0
    statement = select(Run).where(*wanted).order_by(Run.id.desc())
    if call.query["cursor"]:
        statement = statement.where(Run.id < read_cursor(call.query["cursor"], (int,))[0])
    found = call.session.scalars(statement.limit(call.query["limit"] + 1)).all()
    shown = found[: call.query["limit"]]
    more = write_cursor([shown[-1].id]) if len(found) > len(shown) else None
    return shapes.page(run_documents(call.session, shown), next=more, total=total)


@operation("GET", "/runs/{run_id}", "Read a run", tag="runs", others="runs:view", answer=shapes.Run, refusals=(404,))
def read_run(call: Call) -> Document:
    """State and counts; read it again until the state is no longer queued or running."""
    return run_document(call.session, control.find_run(call.session, call.actor, call.path["run_id"]))


@operation(
    "GET", "/runs/{run_id}/items", "List the items of a run", tag="runs", others="runs:view", query=ItemsQuery,
    answer=shapes.page_of(shapes.Item), refusals=(404, 422),
)  # fmt: skip
def list_items(call: Call) -> Document:
    """One account or person each, with before and after; of a draft import, the preview."""
    run = control.find_run(call.session, call.actor, call.path["run_id"])
    statement = items_query(run.id, outcome=call.query.get("outcome"), code=call.query.get("code"))
    total = call.session.scalar(select(func.count()).select_from(statement.with_only_columns(RunItem.n).order_by(None).subquery())) or 0
    if call.query["cursor"]:
        statement = statement.where(RunItem.n > read_cursor(call.query["cursor"], (int,))[0])
    found = item_documents(call.session, statement.limit(call.query["limit"] + 1))
    shown = found[: call.query["limit"]]
    more = write_cursor([shown[-1]["n"]]) if len(found) > len(shown) else None
    return shapes.page(shown, next=more, total=total)


@operation(
    "POST", "/runs/{run_id}/stop", "Stop a run", tag="runs", others="runs:edit",
    answers={200: shapes.Run, 202: shapes.Run}, refusals=(404, 409),
)  # fmt: skip
def stop_run(call: Call) -> Answer:
    """It stops after the batch it is in; what is done stays done."""
    control.stop(call.app, call.actor, call.path["run_id"])
    return run_answer(call, call.path["run_id"])


@operation(
    "POST", "/runs/{run_id}/resume", "Go on with a run", tag="runs", others="runs:edit", body=Resumption,
    answers={200: shapes.Run, 202: shapes.Run}, refusals=(404, 409, 422),
)  # fmt: skip
def resume_run(call: Call) -> Answer:
    """Goes on where a stopped or failed run ended."""
    control.resume(call.app, call.actor, call.path["run_id"], failed=call.body["failed"])
    return run_answer(call, call.path["run_id"])


@operation(
    "POST", "/runs/{run_id}/undo", "Take a run back", tag="runs", others="runs:view",
    answers={200: shapes.Run, 202: shapes.Run}, refusals=(404, 409),
)  # fmt: skip
def undo_run(call: Call) -> Answer:
    """Answers a new run that puts back what this one changed; accounts that were changed since are skipped."""
    return run_answer(call, start_undo(call.app, call.actor, call.path["run_id"]))


@operation(
    "POST", "/runs/{run_id}/confirm", "Confirm an import", tag="runs", permissions=("people:create", "people:edit"), others="runs:edit",
    query=ConfirmQuery, answers={202: shapes.Run}, refusals=(404, 409, 422),
)  # fmt: skip
def confirm_import(call: Call) -> Answer:
    """Runs a staged import. One over its brake stays a draft unless ``allow_shrink=yes`` is said."""
    confirm(call.app, call.actor, call.path["run_id"], allow_shrink=call.query["allow_shrink"])
    return run_answer(call, call.path["run_id"], begun=True)


@operation(
    "POST", "/runs/{run_id}/secrets", "Fetch what a run generated", tag="runs", others="runs:view",
    answer=shapes.page_of(Handed), also=(PDF, HTML), refusals=(404, 409, 429),
)  # fmt: skip
def take_secrets(call: Call) -> Content | Document:
    """Passwords, once and to whoever began the run, within 24 hours; as slips to print where Accept names application/pdf or text/html."""
    run_id = call.path["run_id"]
    if call.wants == PDF:
        made = hand_out_slips(call.app, call.actor, run_id, Printed.pdf, form="pdf")
        return Content(media=PDF, body=made, filename=f"slips-{run_id}.pdf")
    if call.wants == HTML:
        page = hand_out_slips(call.app, call.actor, run_id, Printed.html, form="html")
        return Content(media=HTML, body=page.encode(), filename=f"slips-{run_id}.html")
    handed = fetch_secrets(call.app, call.actor, run_id)
    return shapes.page([_handed(each) for each in handed])


def _handed(each: HandedOut) -> Document:
    return {"n": each.n, "account": {"id": each.account_id, "username": each.username, "name": each.name}, "secret": each.secret}
