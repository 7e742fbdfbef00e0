"""Pages of student statuses: the list, adding, editing with a plan of what follows for accounts, deleting (R3, R7)."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import statuses
from rolecall.errors import CountChanged, Invalid, Refused
from rolecall.sdk.fields import FormField
from rolecall.sdk.words import PROVIDER_ACTIONS, STATUS_TYPES
from rolecall.store.tables import StudentStatus
from rolecall.work import status_changes
from rolecall.work.status_changes import Foreseen
from rolecall_webapp import forms
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import address, problems
from rolecall_webapp.parts import Button, Buttons, Cell, Confirm, Empty, Facts, Form, Head, Note, Part, Row, State, Table, cell
from rolecall_webapp.settings import tabs

pages = Blueprint("statuses", __name__, url_prefix="/settings/statuses")

_FIELDS = (
    FormField(name="label", label="Label", kind="text", required=True, help="As the office calls it."),
    FormField(
        name="type", label="Type", kind="choice", required=True, options=tuple((each, each.capitalize()) for each in STATUS_TYPES),
        help="What rules look at: only students of a registered status can have an account.",
    ),
    FormField(
        name="provider_action", label="At providers", kind="choice", required=True, default="nothing",
        options=tuple((each, each.capitalize()) for each in PROVIDER_ACTIONS), help="What happens to accounts of such students there.",
    ),
)  # fmt: skip
_NAMES = tuple(each.name for each in _FIELDS)


@pages.get("")
@needs("settings:view")
def index() -> ResponseReturnValue:
    """The statuses, with the number of students who have each."""
    counts = statuses.counts(g.db)
    table = Table(
        caption="Student statuses",
        heads=[Head(label="Label"), Head(label="Type"), Head(label="At providers"), Head(label="Students", numeric=True)],
        rows=[_row(each, counts.get(each.id, 0)) for each in statuses.every(g.db)],
        empty=Empty(text="There is no status yet.", hint="Without one of the type “registered” no student can have an account."),
    )
    actions = [Button(label="Add a status", href=url_for("statuses.add"), look="main")] if may("settings:create") else []
    return render_template(
        "page.html", title="Student statuses", kicker="Settings", tabs_=tabs("statuses.index"), actions=actions, parts=[table]
    )


@pages.get("/new")
@needs("settings:create")
def add() -> ResponseReturnValue:
    """Ask for a new status."""
    return _form(None, forms.starting(_FIELDS))


@pages.post("/new")
@needs("settings:create")
def create() -> ResponseReturnValue:
    """Add the status."""
    try:
        status_changes.add_status(application(), g.actor, forms.collect(request.form, _FIELDS, keep_empty=True))
    except Refused as error:
        wrong, status = problems(error)
        return _form(None, forms.echo(request.form, _FIELDS), wrong), status
    say("The status is added.")
    return redirect(url_for("statuses.index"), 303)


@pages.get("/<int(max=2147483647):status_id>")
@needs("settings:edit")
def edit(status_id: int) -> ResponseReturnValue:
    """Show the status to change."""
    status = statuses.get(g.db, status_id)
    return _form(status, {name: getattr(status, name) for name in _NAMES}, version=str(status.version))


@pages.post("/<int(max=2147483647):status_id>")
@needs("settings:edit")
def save(status_id: int) -> ResponseReturnValue:
    """Change the status. Where accounts would follow, that is shown first."""
    status = statuses.get(g.db, status_id)
    values = forms.collect(request.form, _FIELDS, keep_empty=True)
    version, expected = request.form.get("version", ""), request.form.get("expected")
    foreseen = _foresee(status, values["type"])
    if foreseen.accounts and expected is None:
        return redirect(address("statuses.plan", {**values, "version": version}, status_id=status_id), 303)
    if foreseen.accounts and "agreed" not in request.form:
        return _plan(status, values, version, {"agreed": ["Tick the box first."]}), 409
    try:
        run_id = status_changes.edit_status(
            application(), g.actor, status_id, values, version=_number(version), expected=_number(expected) or 0
        )
    except Invalid as error:
        wrong, answer = problems(error)
        return _form(status, forms.echo(request.form, _FIELDS), wrong, version=version), answer
    except CountChanged as error:
        return _plan(status, values, version, {"": [str(error)]}), 409
    except Refused as error:
        wrong, answer = problems(error)
        shown = _plan(status, values, version, wrong) if expected else _form(status, values, wrong, version=version)
        return shown, answer
    if run_id is None:
        say("The status is saved.")
        return redirect(url_for("statuses.index"), 303)
    say("The status is saved, and accounts of its students followed. Here is what became of each.")
    return redirect(url_for("runs.page", run_id=run_id), 303)


@pages.get("/<int(max=2147483647):status_id>/plan")
@needs("settings:edit")
def plan(status_id: int) -> ResponseReturnValue:
    """Say what another type would mean for the accounts of its students, before it is saved."""
    status = statuses.get(g.db, status_id)
    values = {name: request.args.get(name, "")[:100] or getattr(status, name) for name in _NAMES}
    return _plan(status, values, request.args.get("version", "")[:10])


@pages.post("/<int(max=2147483647):status_id>/delete")
@needs("settings:delete")
def delete(status_id: int) -> ResponseReturnValue:
    """Delete the status, which no student has."""
    gone = status_changes.remove_status(application(), g.actor, status_id)
    say(f"The status {gone['label']} is deleted.")
    return redirect(url_for("statuses.index"), 303)


def _foresee(status: StudentStatus, new_type: str) -> Foreseen:
    return status_changes.foresee(application(), status.id, new_type if new_type in STATUS_TYPES else None)


def _plan(status: StudentStatus, values: Mapping[str, Any], version: str, wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    foreseen = _foresee(status, values["type"])
    told = (
        ("Accounts that are deactivated", foreseen.deactivated),
        ("Accounts that come back", foreseen.reactivated),
        ("Accounts that are opened", foreseen.opened),
    )
    numbers = [("Students who have it", foreseen.students), *(each for each in told if each[1])]
    facts = Facts(facts=[(label, cell(f"{number:,}", plain=True)) for label, number in numbers])
    form = Form(
        action=url_for("statuses.save", status_id=status.id),
        fields=[],
        button="Save the status",
        hidden={**{name: str(values[name]) for name in _NAMES}, "version": version, "expected": str(foreseen.accounts)},
        confirm=Confirm(grade="agree", text=_consequence(foreseen)) if foreseen.accounts else None,
        errors=wrong or {},
        cancel=url_for("statuses.edit", status_id=status.id),
        danger=foreseen.deactivated > 0,
    )
    nothing = [Note(text="No account would follow.")] if not foreseen.accounts else []
    becoming = f"It would be of the type “{values['type']}” and is “{status.type}” now." if values["type"] != status.type else ""
    return render_template(
        "page.html", title=status.label, kicker="What the change means", note=becoming, tabs_=tabs("statuses.index"),
        parts=[facts, *nothing, form],
    )  # fmt: skip


def _consequence(foreseen: Foreseen) -> str:
    told = []
    if foreseen.deactivated:
        told.append(
            "Who loses their account is signed out now. Nothing of it is lost: it comes back, with its user name and roles, "
            "when the person has a registered status again."
        )
    if foreseen.reactivated:
        told.append("Accounts that were deactivated by this rule come back; those that a person deactivated stay closed.")
    if foreseen.opened:
        told.append("Whoever has no account gets one, with a first-time password and the default role.")
    return " ".join(told)


def _form(
    status: StudentStatus | None, values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None, *, version: str = ""
) -> str:
    form = Form(
        action=url_for("statuses.create") if status is None else url_for("statuses.save", status_id=status.id),
        fields=_FIELDS,
        values=values,
        errors=wrong or {},
        button="Add the status" if status is None else "Save",
        hidden={} if status is None else {"version": version},
        cancel=url_for("statuses.index"),
    )
    parts: list[Part] = [form] if status is None or not may("settings:delete") else [form, _deleting(status)]
    title, kicker = ("Add a status", "Student statuses") if status is None else (status.label, "Edit the status")
    return render_template("page.html", title=title, kicker=kicker, tabs_=tabs("statuses.index"), parts=parts)


def _deleting(status: StudentStatus) -> Buttons:
    students = statuses.counts(g.db).get(status.id, 0)
    having = "One student has it." if students == 1 else f"{students:,} students have it."
    button = Button(
        label="Delete the status",
        href=url_for("statuses.delete", status_id=status.id),
        post=True,
        look="danger",
        why_not=f"{having} Give them another status first." if students else None,
    )
    return Buttons(groups=[("", [button])])


def _row(status: StudentStatus, students: int) -> Row:
    where = url_for("people.index", list="students", status=status.label) if students and may("people:view") else None
    return Row(
        cells=[
            Cell(text=status.label, href=url_for("statuses.edit", status_id=status.id) if may("settings:edit") else None),
            Cell(states=[State(word=status.type.capitalize(), look="ok" if status.type == "registered" else "off")]),
            cell(status.provider_action.capitalize(), plain=True),
            Cell(text=f"{students:,}", href=where, plain=True, numeric=True),
        ]
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
