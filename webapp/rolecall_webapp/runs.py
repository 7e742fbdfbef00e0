"""Pages of runs: the list, one run with live progress and the result of every account, and what can be done with it."""

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid
from rolecall.sdk.spreadsheet import csv_lines
from rolecall.sdk.words import RUN_STATES
from rolecall.store.tables import Run, RunItem
from rolecall.work.application import Application
from rolecall.work.runs import control, undo
from rolecall.work.runs.documents import changes_in_words, counts, item_documents, items_query, run_documents
from rolecall.work.runs.results import undoable
from rolecall.work.runs.secrets import fetch_secrets
from rolecall_webapp import run_page
from rolecall_webapp.frame import application, may, needs, require_fresh
from rolecall_webapp.notices import say, seen, watch
from rolecall_webapp.paging import SIZE, address, page_number, pager
from rolecall_webapp.parts import Cell, Empty, FilterBar, FilterField, Form, Head, Note, Row, Tab, Table, cell
from rolecall_webapp.run_words import run_state, run_title

pages = Blueprint("runs", __name__, url_prefix="/runs")

_PAGE = SIZE
_CHUNK = 1_000


@pages.get("")
@needs(None)
def index() -> ResponseReturnValue:
    """The runs, one's own first; everybody's for whoever may see them."""
    everybody = may("runs:view") and request.args.get("mine") == "no"
    state, number = request.args.get("state", ""), page_number(request.args)
    if state and state not in RUN_STATES:
        raise Invalid(f"{state[:40]} is not a state of a run.", hint=f"The states are {', '.join(RUN_STATES)}.")
    statement = select(Run) if everybody else select(Run).where(Run.actor == g.actor.name)
    statement = statement.where(Run.state == state) if state else statement
    total = g.db.scalar(select(func.count()).select_from(statement.subquery())) or 0
    found = g.db.scalars(statement.order_by(Run.id.desc()).limit(_PAGE).offset((number - 1) * _PAGE)).all()
    words = {"mine": "no" if everybody else "", "state": state}
    rows = [_row(run, document) for run, document in zip(found, run_documents(g.db, found), strict=True)]
    tabs = [
        Tab(label="Mine", href=address("runs.index", {"state": state}), current=not everybody),
        Tab(label="Everybody's", href=address("runs.index", {"state": state, "mine": "no"}), current=everybody),
    ]
    options = [(each, each.capitalize()) for each in RUN_STATES]
    return render_template(
        "list.html",
        title="Runs",
        note="Everything that changed accounts or people, with the result for each.",
        tabs_=tabs if may("runs:view") else [],
        bar=FilterBar(
            action=url_for("runs.index"),
            fields=[FilterField(id="state", label="State", value=state, options=options)],
            hidden={"mine": "no"} if everybody else {},
        ),
        rows=Table(
            caption="Runs",
            heads=[Head(label=each) for each in ("Run", "State", "Done", "Skipped", "Failed", "Waiting", "Who", "When")],
            rows=rows,
            pager=pager(number, total, "runs.index", words),
            empty=Empty(text="There is no run here yet.", hint="Every action on accounts and every import leaves one."),
        ),
    )


@pages.get("/<int:run_id>")
@needs(None)
def page(run_id: int) -> ResponseReturnValue:
    """One run."""
    run = control.find_run(g.db, g.actor, run_id)
    if run.state not in ("queued", "running"):
        seen(run_id)
    return run_page.draw(run)


@pages.get("/<int:run_id>/progress")
@needs(None)
def progress(run_id: int) -> ResponseReturnValue:
    """How far the run is, as the part of its page that refreshes itself; at the end the whole page is asked for once."""
    run = control.find_run(g.db, g.actor, run_id)
    response = make_response(render_template("progress.html", part=run_page.progress(run, asked=_asked())))
    if run.state not in ("queued", "running"):
        response.headers["HX-Refresh"] = "true"
    return response


@pages.get("/<int:run_id>/results.csv")
@needs(None)
def results(run_id: int) -> ResponseReturnValue:
    """The result of every account as CSV."""
    run = control.find_run(g.db, g.actor, run_id)
    response = Response(csv_lines(_lines(application(), g.actor, run.id)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="run-{run.id}.csv"'
    return response


@pages.post("/<int:run_id>/stop")
@needs(None)
def stop(run_id: int) -> ResponseReturnValue:
    """Stop after the batch that is under way."""
    control.stop(application(), g.actor, run_id)
    say("The run stops after the batch that is under way.", "info")
    return redirect(url_for("runs.page", run_id=run_id), 303)


@pages.post("/<int:run_id>/resume")
@needs(None)
def resume(run_id: int) -> ResponseReturnValue:
    """Go on with what is left; with ``failed`` also with what failed."""
    control.resume(application(), g.actor, run_id, failed=request.form.get("failed") == "yes")
    watch(run_id)
    return redirect(url_for("runs.page", run_id=run_id), 303)


@pages.get("/<int:run_id>/undo")
@needs(None)
def ask_undo(run_id: int) -> ResponseReturnValue:
    """Say what an undo would take back, before it does."""
    run = control.find_run(g.db, g.actor, run_id)
    title = f"Undo: {run_title(g.view, 'action', run.action)}"
    why = undo.why_no_undo(g.db, application(), g.actor, run)
    if why:
        return render_template("page.html", title=title, kicker=f"Run {run.id}", parts=[Note(text=why, look="bad")]), 409
    will, changed = undoable(g.db, run.id)
    note = f"{will:,} {'account goes' if will == 1 else 'accounts go'} back to what it was before."
    left = f"{changed:,} changed since and stay as they are." if changed else ""
    form = Form(
        action=url_for("runs.take_back", run_id=run.id),
        fields=(),
        button=f"Undo {will:,}",
        cancel=url_for("runs.page", run_id=run.id),
        help=f"{note} {left}".strip(),
    )
    return render_template("page.html", title=title, kicker=f"Run {run.id}", parts=[form])


@pages.post("/<int:run_id>/undo")
@needs(None)
def take_back(run_id: int) -> ResponseReturnValue:
    """Take the run back."""
    g.db.rollback()
    undone = undo.start_undo(application(), g.actor, run_id)
    g.db.rollback()
    run = g.db.get_one(Run, undone)
    if run.state in ("queued", "running"):
        watch(undone)
    ids = g.db.scalars(select(RunItem.account_id).where(RunItem.run_id == undone, RunItem.outcome == "done").limit(2)).all()
    if len(ids) == 1 and may("accounts:view") and sum(counts(g.db, [undone])[undone].values()) == 1:
        say(f"{run_title(g.view, 'undo', run.action)}: done.", run=undone, link="See the run")
        return redirect(url_for("accounts.overview", account_id=ids[0]), 303)
    return redirect(url_for("runs.page", run_id=undone), 303)


@pages.post("/<int:run_id>/secrets")
@needs(None)
def secrets(run_id: int) -> ResponseReturnValue:
    """Hand out what the run generated, once, as a page to print."""
    require_fresh(url_for("runs.page", run_id=run_id))
    handed = fetch_secrets(application(), g.actor, run_id)
    return render_template("secrets.html", title="New passwords", run_id=run_id, handed=handed, at=datetime.now(UTC))


def _row(run: Run, document: dict[str, dict[str, int]]) -> Row:
    shown = {name: f"{count:,}" if count else "" for name, count in document["counts"].items()}
    return Row(
        cells=[
            Cell(text=run_title(g.view, run.kind, run.action), href=url_for("runs.page", run_id=run.id), note=f"Run {run.id}", plain=True),
            Cell(states=[run_state(run.state)]),
            *(cell(shown[each], numeric=True, plain=True) for each in ("done", "skipped", "failed", "waiting")),
            cell(run.actor_label),
            Cell(at=run.created_at),
        ]
    )


def _lines(app: Application, actor: Actor, run_id: int) -> Iterator[list[str]]:
    yield ["n", "user name", "name", "outcome", "code", "message", "changes"]
    with app.read_as(actor) as session:
        for start in range(0, 10_000_000, _CHUNK):
            found = item_documents(session, items_query(run_id).limit(_CHUNK).offset(start))
            for item in found:
                who = item["account"] or item["person"] or {}
                changes = changes_in_words(item["before"], item["after"])
                yield [
                    str(item["n"]),
                    who.get("username") or who.get("code") or "",
                    who.get("name") or "",
                    item["outcome"],
                    item["code"] or "",
                    item["message"] or "",
                    "; ".join(f"{name}: {before} -> {after}" for name, before, after in changes),
                ]
            if len(found) < _CHUNK:
                return


def _asked() -> int:
    """How often the progress was asked for already; a long run is asked less often."""
    text = request.args.get("asked", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
