"""The import wizard: choose a source, look at what would change, confirm (R6). Nothing of the roster changes before the last step."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage
from werkzeug.utils import secure_filename

from rolecall.accounts.core_settings import core_settings
from rolecall.errors import Held, Invalid, Refused, Unknown
from rolecall.sdk.fields import FormField
from rolecall.sdk.spreadsheet import csv_lines
from rolecall.sdk.words import LISTS
from rolecall.store.tables import Run
from rolecall.work.imports.confirm import confirm, discard
from rolecall.work.imports.csv_classes import CLASS_COLUMNS, RELATION_COLUMNS
from rolecall.work.imports.csv_people import COLUMNS
from rolecall.work.imports.preview import PreviewRow, preview_lines, preview_page, recent_imports
from rolecall.work.imports.source import csv_source, plugin_source
from rolecall.work.imports.stage import Options, stage
from rolecall.work.runs.control import find_run
from rolecall_webapp import forms
from rolecall_webapp.frame import application, needs
from rolecall_webapp.notices import say, watch
from rolecall_webapp.paging import address, page_number, pager, problems
from rolecall_webapp.parts import (
    Button,
    Buttons,
    Cell,
    Confirm,
    Empty,
    Form,
    Head,
    Link,
    Note,
    Part,
    Row,
    State,
    Table,
    Tile,
    Tiles,
    cell,
)  # fmt: skip

pages = Blueprint("imports", __name__, url_prefix="/imports")

#: X-06, with some room for the other fields of the form.
LARGEST_FILE = 200 * 2**20
_FORM = 64 * 2**10
#: The button to confirm stands below the rows, so they are few.
_ROWS = 25
#: How each verdict looks, in the order of the tiles.
_VERDICTS = {"new": "ok", "changed": "info", "unchanged": "off", "rejected": "bad", "leaving": "wait"}
_STATES = {"draft": "wait", "queued": "wait", "running": "wait", "done": "ok", "stopped": "off", "failed": "bad"}
_EXAMPLE = {
    "students": ("S-1001", "Eleni", "Papadaki", "eleni@example.org", "+306900000001", "el", "yes", "Registered", "no"),
    "teachers": ("T-201", "Jonas", "Weber", "jonas@example.org", "+491500000002", "de", "yes", "", "no"),
}
#: Samples of what is no list of people: the columns and a row.
_MORE = {
    "classes": (CLASS_COLUMNS, ("7A-MATHS", "Mathematics 7A", "2026-27", "", "students", "S-1001", "student")),
    "relations": (RELATION_COLUMNS, ("guardians", "G-77", "students", "S-1001", "parent")),
}
_OTHERS = ("X-1", "Maria", "Silva", "maria@example.org", "+351910000003", "pt", "yes", "", "no")


@pages.url_value_preprocessor
def _take_large_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    # Before anything reads the form: who may not upload is turned away before the body is read.
    if endpoint == "imports.upload":
        request.max_content_length = LARGEST_FILE + _FORM


@pages.get("")
@needs("people:create")
def index() -> ResponseReturnValue:
    """Imports that wait for a confirmation, and earlier ones."""
    table = Table(
        caption="Imports",
        heads=[Head(label=label) for label in ("Source", "State", "What it found", "By", "When")],
        rows=[_import(run) for run in recent_imports(g.db, g.actor)],
        empty=Empty(
            text="Nothing was imported yet.",
            hint="An import shows first what it would change, row by row, and changes nothing before you confirm.",
            links=[Link(label="Import people", href=url_for("imports.new"))],
        ),
    )
    actions = [Button(label="Import people", href=url_for("imports.new"), look="main")]
    return render_template("page.html", title="Imports", actions=actions, parts=[table])


@pages.get("/new")
@needs("people:create")
def new() -> ResponseReturnValue:
    """Step 1: choose what to read."""
    return _source({"source": "csv", "list": request.args.get("list", "")})


@pages.post("/new")
@needs("people:create")
def upload() -> ResponseReturnValue:
    """Read the file and compare; the answer is the preview."""
    fields = _fields()
    file = request.files.get("file")
    values = forms.echo(request.form, fields)
    if file is None or not file.filename:
        return _source(values, {"file": ["Choose a file."]}), 422
    options = Options(complete=values["complete"] == "yes", lists=(values["list"],) if values["list"] and values["source"] == "csv" else ())
    try:
        run_id = _stage(file, values["source"], values["list"], options)
    except Invalid as error:
        wrong, status = problems(error)
        return _source(values, {"file": wrong[""]} if set(wrong) == {""} else wrong), status
    except Unknown as error:
        return _source(values, {"source": [str(error)]}), 422
    return redirect(url_for("imports.check", run_id=run_id), 303)


@pages.get("/sample/<people_list>")
@needs("people:create")
def sample(people_list: str) -> ResponseReturnValue:
    """A file with every column and one invented row, to begin with."""
    if people_list not in LISTS and people_list not in _MORE:
        raise Unknown(f"There is no list {people_list}.")
    of_people = ([each for each in COLUMNS if each != "list"], _EXAMPLE.get(people_list, _OTHERS))
    response = Response("".join(csv_lines(_MORE.get(people_list, of_people))), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{people_list}.csv"'
    return response


@pages.get("/<int(max=2147483647):run_id>")
@needs("people:create")
def check(run_id: int) -> ResponseReturnValue:
    """Step 2: what the file would change, row by row."""
    return _check(run_id)


@pages.get("/<int(max=2147483647):run_id>/preview.csv")
@needs("people:create")
def download(run_id: int) -> ResponseReturnValue:
    """The whole preview, to be mended in the system that the file came from."""
    _import_run(run_id)
    app, actor = application(), g.actor

    def lines() -> Iterator[list[str]]:
        # A unit of its own: the answer is still being sent when the request is over.
        with app.read_as(actor) as session:
            yield from preview_lines(session, run_id)

    response = Response(csv_lines(lines()), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="import-{run_id}-{datetime.now(UTC):%Y-%m-%d}.csv"'
    return response


@pages.post("/<int(max=2147483647):run_id>/confirm")
@needs("people:create")
def go(run_id: int) -> ResponseReturnValue:
    """Step 3: do it."""
    try:
        confirm(application(), g.actor, run_id, allow_shrink="agreed" in request.form)
    except Held:
        response = make_response(_check(run_id, {"agreed": ["Tick the box if the people have really left."]}))
        response.status_code = 409
        return response
    watch(run_id)
    return redirect(url_for("runs.page", run_id=run_id), 303)


@pages.post("/<int(max=2147483647):run_id>/discard")
@needs("people:create")
def drop(run_id: int) -> ResponseReturnValue:
    """Give the import up."""
    discard(application(), g.actor, run_id)
    say("The import is discarded. Nothing was changed.")
    return redirect(url_for("imports.index"), 303)


def _stage(file: FileStorage, source_id: str, people_list: str, options: Options) -> int:
    """Keep the upload under a name of ours for as long as it is read."""
    label = (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1][:100]
    with tempfile.TemporaryDirectory(prefix="rolecall-import-") as folder:
        path = Path(folder, secure_filename(label) or "upload")
        file.save(path)
        if source_id == "csv":
            return stage(application(), g.actor, csv_source(path, label, people_list or None), options)
        with plugin_source(g.view, source_id, path) as source:
            return stage(application(), g.actor, source, options)


def _source(values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    form = Form(
        action=url_for("imports.upload"),
        fields=_fields(),
        values=values,
        errors=wrong or {},
        button="Check the file",
        file="File",
        help="Nothing is changed yet: the next step shows what the file would do.",
        cancel=url_for("imports.index"),
    )
    samples = [Button(label=each.capitalize(), href=url_for("imports.sample", people_list=each)) for each in (*LISTS, *_MORE)]
    about = Note(
        text="A CSV has one person a row and names its columns in the first row: " + ", ".join(COLUMNS) + ".",
        hint="The code tells who is meant. An empty cell leaves a value as it is, a dash clears it. Classes with their members, and who is "
        "guardian of whom, are files of their own; the first row tells which one it is.",
    )
    parts = [form, about, Buttons(title="Sample files", groups=[("", samples)])]
    return render_template("page.html", title="Import people", kicker="Step 1 of 3: choose the file", parts=parts)


def _fields() -> list[FormField]:
    sources = [("csv", "CSV of people, classes or relations"), *((each.id, each.label) for each in g.view.sources.values())]
    helps = " ".join(f"{each.label}: {each.help}" for each in g.view.sources.values() if each.help)
    lists = tuple((each, each.capitalize()) for each in LISTS)
    complete = (
        "Whoever of its lists is missing from it has left and becomes inactive. Classes that are missing end, and members who are missing "
        "are taken out. The preview shows all of that."
    )
    return [
        FormField(name="source", label="Kind of file", kind="choice", required=True, default="csv", options=tuple(sources), help=helps),
        FormField(
            name="list", label="List", kind="choice", options=lists, help="For a CSV without a column called list: whom it is about."
        ),
        FormField(name="complete", label="The file is complete", kind="yesno", help=complete),
    ]


def _check(run_id: int, wrong: Mapping[str, Sequence[str]] | None = None) -> ResponseReturnValue:
    run = _import_run(run_id)
    if run.state != "draft":
        return redirect(url_for("runs.page", run_id=run_id), 303)
    counts: dict[str, int] = run.facts.get("counts", {})
    shown = request.args.get("show", "")
    shown = shown if shown in _VERDICTS else ""
    page = page_number(request.args)
    total = counts.get(shown, 0) if shown else sum(counts.values())
    rows = preview_page(g.db, run_id, verdict=shown or None, limit=_ROWS, offset=(page - 1) * _ROWS)
    words = {"show": shown}
    table = Table(
        caption="What the file would do",
        heads=[Head(label=label) for label in ("Who or what", "Row", "What", "Changes")],
        rows=[_row(each) for each in rows],
        pager=pager(page, total, "imports.check", words, size=_ROWS, run_id=run_id),
        empty=Empty(
            kind="match", text="No row of this kind.", links=[Link(label="Show every row", href=url_for("imports.check", run_id=run_id))]
        ),
    )
    tiles = [
        Tile(label=verdict, number=counts.get(verdict, 0), look=look, current=shown == verdict,
             href=address("imports.check", {"show": "" if shown == verdict else verdict}, run_id=run_id))
        for verdict, look in _VERDICTS.items()
        if verdict != "leaving" or run.params.get("complete")
    ]  # fmt: skip
    links = [
        Button(label="Show every row", href=url_for("imports.check", run_id=run_id)) if shown else None,
        Button(label="Only problems", href=address("imports.check", {"show": "rejected"}, run_id=run_id))
        if counts.get("rejected")
        else None,
        Button(label="Download as CSV", href=url_for("imports.download", run_id=run_id)),
        Button(label="Discard", href=url_for("imports.drop", run_id=run_id), post=True),
    ]
    parts: list[Part] = [
        *_notes(run),
        Tiles(tiles=tiles),
        Buttons(groups=[("", [each for each in links if each])]),
        table,
        *_confirm(run, counts, wrong),
    ]
    return render_template("page.html", title=f"Import of {run.params.get('source', '')}", kicker="Step 2 of 3: check", parts=parts)


def _confirm(run: Run, counts: Mapping[str, int], wrong: Mapping[str, Sequence[str]] | None) -> list[Part]:
    """Step 3: the button, or why there is nothing to confirm."""
    if not run.facts.get("staged"):
        return [Note(text="The file was not read to its end, so it cannot be imported.", hint="Upload it again.", look="bad")]
    writes = sum(counts.get(each, 0) for each in ("new", "changed", "leaving"))
    if not writes:
        return [Note(text="Nothing would change.", hint="Everything in the file is here already, just as the file says.", look="ok")]
    held: Sequence[str] = run.facts.get("held") or ()
    consequence = None
    if held:
        share = int(core_settings(g.db)["import_shrink_percent"])
        consequence = Confirm(
            grade="agree",
            text=f"Held by the brake. {' '.join(held)} They become inactive, end, or are taken out. More than {share} % is seldom right, "
            "so agree only if they have really left.",
        )
    rejected = counts.get("rejected", 0)
    words = {"new": "new", "changed": "changed", "leaving": "leave or end"}
    told = ", ".join(f"{counts.get(each, 0):,} {word}" for each, word in words.items())
    left_out = f" The {rejected:,} rejected {'row is' if rejected == 1 else 'rows are'} left out." if rejected else ""
    return [
        Form(
            title="Confirm",
            action=url_for("imports.go", run_id=run.id),
            fields=[],
            button="Import 1 row" if writes == 1 else f"Import {writes:,} rows",
            help=f"{told}.{left_out}",
            confirm=consequence,
            errors=wrong or {},
            danger=bool(held),
        )
    ]


def _notes(run: Run) -> list[Part]:
    notes: list[Part] = []
    if run.facts.get("held"):
        notes.append(
            Note(
                look="wait",
                text="This import is held: " + " ".join(run.facts["held"]),
                hint="It can be confirmed below, with an extra tick.",
            )
        )
    notes += [Note(text=each) for each in (run.facts.get("notes") or ())[:10]]
    return notes


def _row(each: PreviewRow) -> Row:
    changes = "; ".join(
        f"{name}: {before} → {after}" if each.verdict != "new" else f"{name}: {after}" for name, before, after in each.changes
    )
    who = url_for("people.card", person_id=each.person_id) if each.person_id else None
    said = each.message if each.verdict in ("rejected", "leaving") or not each.list else ""
    return Row(
        off=each.verdict == "unchanged",
        cells=[
            Cell(text=each.name or each.code or "–", href=who, note=f"{each.list} {each.code}".strip() if each.name else each.list),
            cell(each.row or "–", plain=True),
            Cell(states=[State(word=each.verdict.capitalize(), look=_VERDICTS[each.verdict])]),
            Cell(text=said, note=changes) if said else cell(changes),
        ],
    )


def _import(run: Run) -> Row:
    counts: dict[str, int] = run.facts.get("counts", {})
    found = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
    waits = "waits for you to confirm" if run.state == "draft" and run.facts.get("staged") else ""
    word = "Held" if run.state == "draft" and run.facts.get("held") else run.state.capitalize()
    where = url_for("imports.check", run_id=run.id) if run.state == "draft" else url_for("runs.page", run_id=run.id)
    return Row(
        cells=[
            Cell(text=str(run.params.get("source", "")) or f"Import {run.id}", href=where, note=waits),
            Cell(states=[State(word=word, look=_STATES[run.state])]),
            cell(found, plain=True),
            cell(run.actor_label),
            Cell(at=run.created_at),
        ]
    )


def _import_run(run_id: int) -> Run:
    run = find_run(g.db, g.actor, run_id)
    if run.kind != "import":
        raise Refused(f"Run {run_id} is no import.")
    return run
