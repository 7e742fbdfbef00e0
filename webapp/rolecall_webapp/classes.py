"""Pages of classes: the list, one class with its states at providers, adding, editing, ending and deleting (R60a)."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import classes, periods
from rolecall.errors import Refused, Unknown
from rolecall.sdk.fields import FormField
from rolecall.sdk.words import CLASS_ROLES
from rolecall.store import classes_query
from rolecall.store.classes_query import ClassRow, MemberRow
from rolecall.work import changes, class_changes, class_links
from rolecall.work.class_links import ClassState
from rolecall_webapp import forms
from rolecall_webapp.account_list import LINK_LOOKS
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import SIZE, address, page_number, pager, problems
from rolecall_webapp.parts import (
    Button,
    Buttons,
    Cell,
    Chip,
    Empty,
    Facts,
    FilterBar,
    FilterField,
    Form,
    Head,
    Link,
    Part,
    Row,
    State,
    Table,
    cell,
)  # fmt: skip

pages = Blueprint("classes", __name__, url_prefix="/classes")

#: What the buttons below members do, with their labels.
ROLES = tuple((role, f"Make {label.lower()}") for role, label in CLASS_ROLES.items())
MEMBER_HEADS = tuple(Head(label=label) for label in ("Name", "Role", "List", "Account"))
_YES_NO = (("yes", "Yes"), ("no", "No"))


@pages.get("")
@needs("people:view")
def index() -> ResponseReturnValue:
    """The list, with its filters in the address."""
    words = {name: value.strip() for name, value in request.args.items() if name != "page" and value.strip() not in ("", "all")}
    page = page_number(request.args)
    found = classes_query.classes_page(g.db, classes_query.class_clauses(g.db, words), limit=SIZE, offset=(page - 1) * SIZE)
    if not found.rows and found.total:
        return redirect(address("classes.index", words), 303)
    bar = _bar(words)
    chips = [_chip(each, words) for each in bar.fields if each.id in words]
    counted = "1 class" if found.total == 1 else f"{found.total:,} classes"
    adds = may("people:create")
    actions = [
        Button(label="Add a class", href=url_for("classes.add")),
        Button(label="Import classes", href=url_for("imports.new"), look="main"),
    ]
    heads = [Head(label=label) for label in ("Class", "Period", "State")]
    return render_template(
        "list.html",
        title="Classes",
        actions=actions if adds else [],
        bar=bar,
        chips=chips,
        clear=url_for("classes.index"),
        sentence=f"{counted} in this selection" if chips else counted,
        rows=Table(
            caption="Classes",
            heads=[*heads, *(Head(label=f"{label}s", numeric=True) for label in CLASS_ROLES.values())],
            rows=[_row(each) for each in found.rows],
            pager=pager(page, found.total, "classes.index", words),
            empty=_empty(bool(words), adds),
        ),
    )


@pages.get("/<int(max=2147483647):class_id>")
@needs("people:view")
def page(class_id: int) -> ResponseReturnValue:
    """One class: what it is, how it stands at each provider, and who is in it."""
    shown = _class(class_id)
    number = page_number(request.args)
    members = classes_query.members_page(g.db, class_id, limit=SIZE, offset=(number - 1) * SIZE)
    edits = may("people:edit")
    puts = Button(label="Put people in", href=url_for("class_members.index", class_id=class_id), look="main")
    edit_button = Button(label="Edit", href=url_for("classes.edit", class_id=class_id))
    return render_template(
        "members.html",
        title=shown.name,
        kicker=f"Class {shown.code}",
        states=_states(shown),
        actions=[edit_button, puts] if edits else [],
        before=[_facts(shown), *_providers(class_id), *_verbs(shown)],
        rows=Table(
            caption="Members",
            title="Members",
            heads=MEMBER_HEADS,
            rows=[member(each) for each in members.rows],
            pager=pager(number, members.total, "classes.page", {}, class_id=class_id),
            empty=Empty(
                text="Nobody is in this class whom you may see.",
                hint="At providers it is made as soon as the first member has an account there.",
                links=[Link(label="Put people in", href=puts.href)] if edits else [],
            ),
        ),
        change=url_for("class_members.change", class_id=class_id) if edits else "",
        back=url_for("classes.page", class_id=class_id),
        roles=ROLES,
        takes_out=True,
    )


@pages.get("/new")
@needs("people:create")
def add() -> ResponseReturnValue:
    """Ask for a new class."""
    current = periods.current(g.db)
    return _form(None, {"period": request.args.get("period") or (current.code if current else "")})


@pages.post("/new")
@needs("people:create")
def create() -> ResponseReturnValue:
    """Add the class, without members."""
    fields = _fields(None)
    sent = forms.collect(request.form, fields, keep_empty=True)
    try:
        values = {"period_id": periods.by_code(g.db, sent["period"]).id, "code": sent["code"], "name": sent["name"]}
        class_id = class_changes.add_class(application(), g.actor, values)
    except Refused as error:
        wrong, status = problems(error)
        return _form(None, forms.echo(request.form, fields), wrong), status
    say("The class is added. Now put people in.")
    return redirect(url_for("classes.page", class_id=class_id), 303)


@pages.get("/<int(max=2147483647):class_id>/edit")
@needs("people:edit")
def edit(class_id: int) -> ResponseReturnValue:
    """Show the class to change."""
    shown = _class(class_id)
    return _form(shown, {"code": shown.code, "name": shown.name})


@pages.post("/<int(max=2147483647):class_id>/edit")
@needs("people:edit")
def save(class_id: int) -> ResponseReturnValue:
    """Change the class, unless somebody else did meanwhile."""
    shown = _class(class_id)
    fields = _fields(shown)
    try:
        values = forms.collect(request.form, fields, keep_empty=True)
        class_changes.edit_class(application(), g.actor, class_id, values, version=_version() or shown.version)
    except Refused as error:
        wrong, status = problems(error)
        return _form(shown, forms.echo(request.form, fields), wrong, version=request.form.get("version", "")), status
    say("The class is saved.")
    return redirect(url_for("classes.page", class_id=class_id), 303)


@pages.post("/<int(max=2147483647):class_id>/active")
@needs("people:edit")
def set_active(class_id: int) -> ResponseReturnValue:
    """End the class, or let it go on."""
    goes_on = request.form.get("active") == "yes"
    class_changes.edit_class(application(), g.actor, class_id, {"active": goes_on})
    say("The class is taught again." if goes_on else "The class has ended. Providers archive what they have of it.")
    return redirect(url_for("classes.page", class_id=class_id), 303)


@pages.post("/<int(max=2147483647):class_id>/retry")
@needs("integrations:edit")
def retry(class_id: int) -> ResponseReturnValue:
    """Try again now what is blocked or waits at providers."""
    _class(class_id)
    count = changes.retry_links(application(), g.actor, classes=[class_id])
    say("It is tried again now." if count else "Nothing waits for another try.", "ok" if count else "info")
    return redirect(url_for("classes.page", class_id=class_id), 303)


@pages.get("/<int(max=2147483647):class_id>/delete")
@needs("people:delete")
def ask_delete(class_id: int) -> ResponseReturnValue:
    """Ask once more before the class is deleted."""
    shown = _class(class_id)
    form = Form(
        action=url_for("classes.delete", class_id=class_id),
        fields=[],
        button=f"Delete {shown.code}",
        help="A class that a provider holds is not deleted: end it instead, then it is archived there. What the audit says of it stays.",
        hidden={"version": str(shown.version)},
        cancel=url_for("classes.page", class_id=class_id),
        danger=True,
    )
    return render_template("page.html", title=shown.name, kicker="Delete the class", parts=[form])


@pages.post("/<int(max=2147483647):class_id>/delete")
@needs("people:delete")
def delete(class_id: int) -> ResponseReturnValue:
    """Delete the class, unless a provider holds it."""
    gone = class_changes.remove_class(application(), g.actor, class_id, version=_version())
    say(f"The class {gone['code']} is deleted.")
    return redirect(url_for("classes.index"), 303)


def member(each: MemberRow) -> Row:
    """A row of somebody in a class."""
    name = f"{each.first_name} {each.last_name}"
    where = url_for("accounts.overview", account_id=each.account_id) if each.account_id and may("accounts:view") else None
    return Row(
        key=each.person_id,
        name=name,
        off=not each.active,
        cells=[
            Cell(text=name, href=url_for("people.card", person_id=each.person_id), note=each.code),
            Cell(states=[State(word=CLASS_ROLES[each.role], look="info")]),
            cell(each.list.capitalize(), plain=True),
            Cell(text=each.username or "", href=where),
        ],
    )


def _class(class_id: int) -> ClassRow:
    row = classes_query.class_row(g.db, class_id)
    if row is None:
        raise Unknown(f"There is no class with the id {class_id}.")
    return row


def _form(shown: ClassRow | None, values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None, *, version: str = "") -> str:
    form = Form(
        action=url_for("classes.create") if shown is None else url_for("classes.save", class_id=shown.id),
        fields=_fields(shown),
        values=values,
        errors=wrong or {},
        button="Add the class" if shown is None else "Save",
        hidden={} if shown is None else {"version": version or str(shown.version)},
        cancel=url_for("classes.index") if shown is None else url_for("classes.page", class_id=shown.id),
    )
    title, kicker = ("Add a class", "Classes") if shown is None else (shown.name, "Edit the class")
    return render_template("page.html", title=title, kicker=kicker, parts=[form])


def _fields(shown: ClassRow | None) -> list[FormField]:
    """The fields of the form; a class stays in the period that it was added to."""
    code_help = f"What the class is known by in its period; at most {classes.LONGEST_CODE} characters."
    period = FormField(
        name="period", label="Period", kind="choice", required=True,
        options=tuple((each.code, each.name) for each in periods.every(g.db) if each.is_open),
    )  # fmt: skip
    return [
        *([period] if shown is None else []),
        FormField(name="code", label="Code", kind="text", required=True, help=code_help),
        FormField(name="name", label="Name", kind="text", required=True, help="As providers call the course, team or section."),
    ]


def _bar(words: Mapping[str, str]) -> FilterBar:
    options = [(each.code, each.name) for each in periods.every(g.db)]
    fields = [
        FilterField(id="q", label="Search", help="Code or name", search=True, value=words.get("q", "")),
        FilterField(id="period", label="Period", options=options, value=words.get("period", "")),
        FilterField(id="active", label="Taught", options=_YES_NO, value=words.get("active", "")),
    ]
    return FilterBar(action=url_for("classes.index"), fields=fields)


def _chip(each: FilterField, words: Mapping[str, str]) -> Chip:
    spoken = dict(each.options).get(each.value, each.value if each.options else f"“{each.value}”")
    return Chip(label=f"{each.label}: {spoken}", remove=address("classes.index", {**words, each.id: ""}))


def _row(each: ClassRow) -> Row:
    counts = (each.students, each.teachers, each.assistants)
    return Row(
        off=not each.active,
        cells=[
            Cell(text=each.name, href=url_for("classes.page", class_id=each.id), note=each.code),
            cell(each.period),
            Cell(states=_states(each)),
            *(cell(f"{count:,}", plain=True, numeric=True) for count in counts),
        ],
    )


def _states(each: ClassRow) -> list[State]:
    return [State(word="Taught", look="ok") if each.active else State(word="Ended", look="off")]


def _facts(shown: ClassRow) -> Facts:
    counts = (shown.students, shown.teachers, shown.assistants)
    numbers = [(f"{label}s", cell(f"{count:,}", plain=True)) for label, count in zip(CLASS_ROLES.values(), counts, strict=True)]
    in_period = Cell(text=shown.period, href=address("classes.index", {"period": shown.period}))
    return Facts(facts=[("Code", cell(shown.code)), ("Period", in_period), *numbers])


def _providers(class_id: int) -> list[Part]:
    states = class_links.states(g.db, class_id)
    if not states:
        return []
    table = Table(
        caption="At providers",
        title="At providers",
        heads=[Head(label=label) for label in ("Provider", "State", "Why", "Next try", "Since")],
        rows=[_state(each) for each in states],
    )
    if not may("integrations:edit") or not any(each.state in ("blocked", "retrying") for each in states):
        return [table]
    again = Button(label="Try again now", href=url_for("classes.retry", class_id=class_id), post=True)
    return [table, Buttons(groups=[("", [again])])]


def _state(each: ClassState) -> Row:
    where = url_for("sync_classes.index", name=each.provider) if may("integrations:view") else None
    kind = g.view.providers.get(each.provider)
    known = f"as {each.external_id}" if each.external_id else ""
    return Row(
        cells=[
            Cell(text=kind.label if kind else each.provider, href=where, note=known),
            Cell(
                states=[State(word=each.state.capitalize(), look=LINK_LOOKS.get(each.state, "info"))],
                note="" if each.goal == "present" else f"to be {each.goal}",
            ),
            cell(each.error),
            Cell(at=each.next_at) if each.next_at else cell("–", plain=True),
            Cell(at=each.since),
        ]
    )


def _verbs(shown: ClassRow) -> list[Part]:
    where = url_for("classes.set_active", class_id=shown.id)
    verbs = []
    if may("people:edit") and shown.active:
        verbs.append(
            Button(label="End the class", href=where, post=True, values={"active": "no"}, help="Providers archive what they have.")
        )
    elif may("people:edit"):
        verbs.append(Button(label="Let it go on", href=where, post=True, values={"active": "yes"}))
    if may("people:delete"):
        verbs.append(Button(label="Delete", href=url_for("classes.ask_delete", class_id=shown.id), help="Only if no provider holds it."))
    return [Buttons(groups=[("", verbs)])] if verbs else []


def _empty(filtered: bool, adds: bool) -> Empty:
    if filtered:
        return Empty(
            kind="match",
            text="No class matches all of these filters.",
            hint="Remove one of them above, or all.",
            links=[Link(label="Clear all", href=url_for("classes.index"))],
        )
    links = [Link(label="Import classes", href=url_for("imports.new")), Link(label="Add a class", href=url_for("classes.add"))]
    return Empty(
        text="There are no classes yet.", hint="They come with a roster or a file, or are added one by one.", links=links if adds else []
    )


def _version() -> int | None:
    """The version that the form was drawn from."""
    sent = request.form.get("version", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else None
