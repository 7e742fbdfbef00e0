"""Pages of settings: the institution's own, user names tried on real people, student statuses, this installation (R3, R49, R56)."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import statuses, username_samples
from rolecall.accounts.core_settings import CoreSettings, username_formats
from rolecall.accounts.formula import DEFAULT, FIELDS
from rolecall.errors import Invalid, Refused
from rolecall.sdk.fields import FormField
from rolecall.sdk.words import PROVIDER_ACTIONS, STATUS_TYPES, USER_TYPES
from rolecall.work import changes
from rolecall_webapp import forms, settings_form
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import (
    Button,
    Cell,
    Empty,
    Facts,
    FilterBar,
    FilterField,
    Form,
    Head,
    Link,
    Note,
    Part,
    Row,
    State,
    Tab,
    Table,
    cell,
)  # fmt: skip

pages = Blueprint("settings", __name__, url_prefix="/settings")

_FORMAT = "username_format_"
_STATUS_FIELDS = (
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


@pages.get("")
@needs("settings:view")
def index() -> ResponseReturnValue:
    """Every setting of the institution, in groups; a search narrows them."""
    return _index(request.args.get("q", "").strip()[:100])


@pages.post("")
@needs("settings:edit")
def save() -> ResponseReturnValue:
    """Save what the form showed; settings that a search had hidden stay."""
    shown = settings_form.only(settings_form.fields_of(CoreSettings), request.form.get("shown", "").split(","))
    words = request.form.get("q", "")[:100]
    try:
        changes.set_plugin(application(), g.actor, "core", values=settings_form.collect(request.form, shown))
    except Refused as error:
        wrong, status = problems(error)
        return _index(words, forms.echo(request.form, shown), wrong), status
    say("The settings are saved.")
    return redirect(url_for("settings.index", q=words or None), 303)


@pages.get("/usernames")
@needs("settings:view")
def usernames() -> ResponseReturnValue:
    """Try a formula of user names on real people; nothing is saved or claimed."""
    user_type = request.args.get("type", "")
    user_type = user_type if user_type in USER_TYPES else "student"
    saved = username_formats(g.db)[user_type]
    formula = request.args.get("format", "").strip() or saved
    fields = [
        FilterField(id="type", label="For", options=tuple(USER_TYPES.items()), value=user_type, default="student"),
        FilterField(id="format", label="Format", value=formula, search=True, help=saved),
    ]
    rows: Part
    below: list[Part] = []
    try:
        rows = _samples(user_type, formula)
    except Invalid as error:
        rows = Note(text=error.message, hint=error.hint, look="bad")
    else:
        if formula != saved and may("settings:edit"):
            below = [
                Form(
                    action=url_for("settings.save_format"),
                    fields=[],
                    button=f"Use it for {USER_TYPES[user_type].lower()}",
                    help="For accounts that are opened from now on; user names that exist stay.",
                    hidden={"type": user_type, "format": formula},
                )
            ]
    return render_template(
        "list.html",
        title="User names",
        kicker="Settings",
        tabs_=_tabs("usernames"),
        before=[Note(text=_format_help())],
        bar=FilterBar(action=url_for("settings.usernames"), fields=fields),
        sentence="The format in use" if formula == saved else "Tried, and not saved yet",
        rows=rows,
        below=below,
    )


@pages.post("/usernames")
@needs("settings:edit")
def save_format() -> ResponseReturnValue:
    """Use the formula for a user type."""
    user_type, formula = request.form.get("type", ""), request.form.get("format", "").strip()
    if user_type not in USER_TYPES:
        raise Invalid("There is no such user type.", hint=f"The types are {', '.join(USER_TYPES)}.")
    changes.set_plugin(application(), g.actor, "core", values={f"{_FORMAT}{user_type}": formula})
    say(f"New user names of {USER_TYPES[user_type].lower()} are made by this format.")
    return redirect(url_for("settings.usernames", type=user_type), 303)


@pages.get("/statuses")
@needs("settings:view")
def status_list() -> ResponseReturnValue:
    """The student statuses (R3)."""
    found = statuses.every(g.db)
    counts = statuses.counts(g.db)
    add = Button(label="Add a status", href=url_for("settings.add_status"), look="main")
    table = Table(
        caption="Student statuses",
        heads=[Head(label="Label"), Head(label="Type"), Head(label="At providers"), Head(label="Students", numeric=True)],
        rows=[
            Row(
                cells=[
                    Cell(text=each.label, href=url_for("settings.edit_status", status_id=each.id) if may("settings:edit") else None),
                    Cell(states=[State(word=each.type.capitalize(), look="ok" if each.type == "registered" else "off")]),
                    cell(each.provider_action.capitalize(), plain=True),
                    cell(f"{counts.get(each.id, 0):,}", plain=True, numeric=True),
                ]
            )
            for each in found
        ],
        empty=Empty(text="There is no status yet.", hint="Without one of the type “registered” no student can have an account."),
    )
    actions = [add] if may("settings:edit") else []
    return render_template(
        "page.html", title="Student statuses", kicker="Settings", tabs_=_tabs("status_list"), actions=actions, parts=[table]
    )


@pages.get("/statuses/new")
@needs("settings:edit")
def add_status() -> ResponseReturnValue:
    """Ask for a new status."""
    return _status_form(None, forms.starting(_STATUS_FIELDS))


@pages.post("/statuses/new")
@needs("settings:edit")
def create_status() -> ResponseReturnValue:
    """Add the status."""
    try:
        changes.add_status(application(), g.actor, forms.collect(request.form, _STATUS_FIELDS, keep_empty=True))
    except Refused as error:
        wrong, status = problems(error)
        return _status_form(None, forms.echo(request.form, _STATUS_FIELDS), wrong), status
    say("The status is added.")
    return redirect(url_for("settings.status_list"), 303)


@pages.get("/statuses/<int(max=2147483647):status_id>")
@needs("settings:edit")
def edit_status(status_id: int) -> ResponseReturnValue:
    """Show the status to change."""
    status = statuses.get(g.db, status_id)
    return _status_form(status_id, {each.name: getattr(status, each.name) for each in _STATUS_FIELDS})


@pages.post("/statuses/<int(max=2147483647):status_id>")
@needs("settings:edit")
def save_status(status_id: int) -> ResponseReturnValue:
    """Change the status; accounts follow at their providers where that is different now."""
    try:
        changes.edit_status(application(), g.actor, status_id, forms.collect(request.form, _STATUS_FIELDS, keep_empty=True))
    except Refused as error:
        wrong, status = problems(error)
        return _status_form(status_id, forms.echo(request.form, _STATUS_FIELDS), wrong), status
    say("The status is saved.")
    return redirect(url_for("settings.status_list"), 303)


@pages.get("/installation")
@needs("settings:view")
def installation() -> ResponseReturnValue:
    """What the operator decides, with where each value comes from; secrets are never shown."""
    rows = []
    for each in application().config.values.values():
        shown = ("set, never shown" if each.value else "not set") if each.key.secret else each.value or "–"
        # An address of a database holds its password.
        shown = shown if "@" not in shown else "set, never shown"
        rows.append(Row(cells=[cell(each.key.variable), cell(shown), cell(each.origin), cell(each.key.help, plain=True)]))
    table = Table(
        caption="Settings of this installation", heads=[Head(label=label) for label in ("Variable", "Value", "From", "Meaning")], rows=rows
    )
    note = "The operator sets these in the environment or a file; a change needs a restart."
    return render_template("page.html", title="This installation", kicker="Settings", note=note, tabs_=_tabs("installation"), parts=[table])


def _index(words: str, values: Mapping[str, Any] | None = None, wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    fields = settings_form.fields_of(CoreSettings)
    shown = settings_form.matching(fields, words)
    known = settings_form.stored("core", CoreSettings)
    rows: Part
    if not shown:
        rows = Empty(kind="match", text="No setting matches.", links=[Link(label="Show all", href=url_for("settings.index"))])
    elif may("settings:edit"):
        rows = Form(
            action=url_for("settings.save"),
            fields=settings_form.once(shown),
            values=values or settings_form.values_of(known),
            errors=wrong or {},
            notes=settings_form.notes_of(shown, known),
            hidden={"shown": ",".join(each.name for each in shown), "q": words},
            button="Save",
        )
    else:
        rows = Facts(facts=[(each.label, cell(settings_form.spoken(known[each.name].value, each))) for each in shown])
    bar = FilterBar(
        action=url_for("settings.index"), fields=[FilterField(id="q", label="Search", search=True, value=words, help="A word of a setting")]
    )
    return render_template("list.html", title="Settings", tabs_=_tabs("index"), bar=bar, rows=rows)


def _samples(user_type: str, formula: str) -> Part:
    found = username_samples.preview(g.db, user_type, formula)
    return Table(
        caption="User names that the format would give",
        heads=[Head(label=label) for label in ("Person", "Language", "User name now")],
        rows=[
            Row(cells=[cell(f"{person.first_name} {person.last_name}", note=person.code), cell(person.language), cell(username)])
            for person, username in found
        ],
        empty=Empty(text="There is nobody of this type to try it on yet."),
    )


def _format_help() -> str:
    fields = ", ".join(f"{{{name}}} {meaning}" for name, meaning in FIELDS.items())
    return f"Write fields in braces, cut with a colon: {DEFAULT}. Fields: {fields}."


def _status_form(status_id: int | None, values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    form = Form(
        action=url_for("settings.create_status") if status_id is None else url_for("settings.save_status", status_id=status_id),
        fields=_STATUS_FIELDS,
        values=values,
        errors=wrong or {},
        button="Add the status" if status_id is None else "Save",
        cancel=url_for("settings.status_list"),
    )
    title = "Add a status" if status_id is None else "Edit the status"
    return render_template("page.html", title=title, kicker="Student statuses", tabs_=_tabs("status_list"), parts=[form])


def _tabs(current: str) -> list[Tab]:
    tabs = (("index", "General"), ("usernames", "User names"), ("status_list", "Student statuses"), ("installation", "This installation"))
    return [Tab(label=label, href=url_for(f"settings.{endpoint}"), current=endpoint == current) for endpoint, label in tabs]
