"""Pages of people: the list, one person's card, adding and editing by hand (R1, R2, R6)."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import eligibility, people, statuses
from rolecall.errors import Refused
from rolecall.sdk.fields import FormField
from rolecall.sdk.words import CLASS_ROLES, LISTS
from rolecall.store import classes_query, people_query
from rolecall.store.classes_query import OwnClass
from rolecall.store.people_query import PersonRow
from rolecall.work import changes, leaving
from rolecall_webapp import forms
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import SIZE, address, page_number, pager, problems
from rolecall_webapp.parts import (
    Button,
    Cell,
    Chip,
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
    Table,
    cell,
)  # fmt: skip

pages = Blueprint("people", __name__, url_prefix="/people")

_YES_NO = (("yes", "Yes"), ("no", "No"))
_LISTS = tuple((each, each.capitalize()) for each in LISTS)


@pages.get("")
@needs("people:view")
def index() -> ResponseReturnValue:
    """The list, with its filters in the address."""
    words = {name: value.strip() for name, value in request.args.items() if name != "page" and value.strip() not in ("", "all")}
    page = page_number(request.args)
    clauses = people_query.people_clauses(g.db, words)
    found = people_query.people_page(g.db, clauses, limit=SIZE, offset=(page - 1) * SIZE)
    if not found.rows and found.total:
        return redirect(address("people.index", words), 303)
    bar = _bar(words)
    chips = [_chip(each, words) for each in bar.fields if each.id in words]
    actions = [
        Button(label="Add a person", href=url_for("people.add")) if may("people:create") else None,
        Button(label="Import people", href=url_for("imports.new"), look="main") if may("people:create") else None,
    ]
    return render_template(
        "people.html",
        title="People",
        actions=[each for each in actions if each],
        bar=bar,
        chips=chips,
        clear=url_for("people.index"),
        sentence=_sentence(found.total, chips),
        rows=Table(
            caption="People",
            heads=[Head(label=label) for label in ("Name", "List", "State", "E-mail", "Phone", "Account")],
            rows=[_row(each) for each in found.rows],
            pager=pager(page, found.total, "people.index", words),
            empty=_empty(bool(words)),
        ),
        can_open=may("accounts:create"),
        people_list=words.get("list", ""),
    )


@pages.get("/<int(max=2147483647):person_id>")
@needs("people:view")
def card(person_id: int) -> ResponseReturnValue:
    """One person: the record, the account, the classes, and who is related."""
    people.get(g.db, person_id)
    (person,) = people_query.person_rows(g.db, [person_id])
    parts: list[Part] = [_facts(person), _account(person)]
    taught = classes_query.classes_of(g.db, person_id)
    if taught:
        heads = [Head(label=label) for label in ("Class", "Role", "Period")]
        parts.append(Table(caption="Classes", title="Classes", heads=heads, rows=[_class(each) for each in taught]))
    related = people.relations(g.db, person_id)
    if related:
        rows = [_relative(each) for each in related]
        parts.append(
            Table(caption="Related people", title="Related people", heads=[Head(label="Who"), Head(label="What they are")], rows=rows)
        )
    edit_button = Button(label="Edit", href=url_for("people.edit", person_id=person_id), look="main")
    return render_template(
        "page.html",
        title=f"{person.first_name} {person.last_name}",
        kicker=f"{_one_of(person.list)} {person.code}",
        states=_states(person),
        actions=[edit_button] if may("people:edit") else [],
        parts=parts,
    )


@pages.get("/new")
@needs("people:create")
def add() -> ResponseReturnValue:
    """Ask for a new person."""
    given = {"list": request.args.get("list", "")}
    return _form(None, forms.starting(_fields(None), given))


@pages.post("/new")
@needs("people:create")
def create() -> ResponseReturnValue:
    """Add the person."""
    fields = _fields(None)
    try:
        person_id = changes.add_person(application(), g.actor, forms.collect(request.form, fields))
    except Refused as error:
        wrong, status = problems(error)
        return _form(None, forms.echo(request.form, fields), wrong), status
    say("The person is added.")
    return redirect(url_for("people.card", person_id=person_id), 303)


@pages.get("/<int(max=2147483647):person_id>/edit")
@needs("people:edit")
def edit(person_id: int) -> ResponseReturnValue:
    """Show the record to change."""
    person = people.get(g.db, person_id)
    given = {name: getattr(person, name) for name in people.FIELDS if name != "status"}
    given["status"] = people.status_label(g.db, person)
    return _form(person_id, forms.starting(_fields(person.list), given), version=person.version)


@pages.post("/<int(max=2147483647):person_id>/edit")
@needs("people:edit")
def save(person_id: int) -> ResponseReturnValue:
    """Change the record, unless somebody else did meanwhile."""
    person = people.get(g.db, person_id)
    fields = _fields(person.list)
    version = request.form.get("version", "")
    values = forms.collect(request.form, fields, keep_empty=True)
    if not values.get("status"):
        # A student keeps the status: none at all is nothing that an office could mean.
        values.pop("status", None)
    try:
        known = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
        follows = changes.edit_person(application(), g.actor, person_id, values, version=known)
    except Refused as error:
        wrong, status = problems(error)
        return _form(person_id, forms.echo(request.form, fields), wrong, version=version), status
    say(f"The record is saved. {follows.message}" if follows else "The record is saved.")
    return redirect(url_for("people.card", person_id=person_id), 303)


def _form(
    person_id: int | None, values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None, *, version: int | str = ""
) -> str:
    fields = _fields(None if person_id is None else people.get(g.db, person_id).list)
    notes = {} if person_id is None else _notes(person_id)
    if person_id is None:
        title, action, back, button = "Add a person", url_for("people.create"), url_for("people.index"), "Add the person"
    else:
        person = people.get(g.db, person_id)
        title, button = f"{person.first_name} {person.last_name}", "Save"
        action, back = url_for("people.save", person_id=person_id), url_for("people.card", person_id=person_id)
    form = Form(
        action=action, fields=fields, button=button, values=values, errors=wrong or {}, hidden={"version": str(version)}, cancel=back,
        notes=notes,
    )  # fmt: skip
    return render_template("page.html", title=title, kicker="Edit the record" if person_id else "People", parts=[form])


def _notes(person_id: int) -> dict[str, str]:
    """What a change would mean for the account, beside the fields that decide it (R7)."""
    found = leaving.outlook(g.db, person_id)
    student = people.get(g.db, person_id).list == "students"
    if found.closes:
        no_longer, with_another = (
            f"Their account {found.closes} is deactivated and they are signed out",
            "if the status is not a registered one",
        )
        return {"active": f"{no_longer} if this is not ticked.", **({"status": f"{no_longer} {with_another}."} if student else {})}
    if found.returns:
        becomes = f"Their account {found.returns}, which was deactivated for this, is active again"
    elif found.opens:
        becomes = "An account is opened for them"
    else:
        return {}
    when = " as soon as they are active and the status is a registered one." if student else " as soon as they are active."
    return {"status" if student else "active": becomes + when}


def _fields(people_list: str | None) -> list[FormField]:
    """The fields of the form: a new person also has a list, and only a student has a status."""
    labels = [(each.label, each.label) for each in statuses.every(g.db)]
    which = FormField(name="list", label="List", kind="choice", required=True, options=_LISTS)
    told = "Only for students. Without one a new student is registered." if people_list is None else ""
    status = FormField(name="status", label="Status", kind="choice", options=tuple(labels), help=told)
    return [
        *([which] if people_list is None else []),
        FormField(name="code", label="Code", kind="text", required=True, help="What the person is known by in the list; unique there."),
        FormField(name="first_name", label="First name", kind="text", required=True),
        FormField(name="last_name", label="Last name", kind="text", required=True),
        FormField(name="email", label="Personal e-mail", kind="email"),
        FormField(name="phone", label="Mobile phone", kind="text"),
        FormField(name="language", label="Language", kind="text", help="A tag such as el or pt-BR."),
        *([status] if people_list in (None, "students") else []),
        FormField(name="active", label="Active", kind="yesno", default=True, help="Only active people can have an account."),
        FormField(name="no_sync", label="Keep out of sync", kind="yesno", help="Nothing about this person is sent to any provider."),
    ]


def _bar(words: Mapping[str, str]) -> FilterBar:
    status = [(each.label, each.label) for each in statuses.every(g.db)]
    fields = [
        FilterField(id="q", label="Search", help="Name, code, e-mail or phone", search=True, value=words.get("q", "")),
        FilterField(id="list", label="List", options=_LISTS, value=words.get("list", "")),
        FilterField(id="account", label="Has an account", options=_YES_NO, value=words.get("account", "")),
        FilterField(id="active", label="Active", options=_YES_NO, value=words.get("active", "")),
        FilterField(id="status", label="Student status", options=status, value=words.get("status", ""), advanced=True),
        FilterField(id="no_sync", label="Kept out of sync", options=_YES_NO, value=words.get("no_sync", ""), advanced=True),
    ]
    return FilterBar(action=url_for("people.index"), fields=fields, selects=may("accounts:create"))


def _chip(each: FilterField, words: Mapping[str, str]) -> Chip:
    spoken = dict(each.options).get(each.value, each.value if each.options else f"“{each.value}”")
    return Chip(label=f"{each.label}: {spoken}", remove=address("people.index", {**words, each.id: ""}))


def _sentence(total: int, chips: Sequence[Chip]) -> str:
    counted = "1 person" if total == 1 else f"{total:,} people"
    return f"{counted} in this selection" if chips else counted


def _row(person: PersonRow) -> Row:
    name = f"{person.first_name} {person.last_name}"
    opened = (
        Cell(text=person.username or "", href=url_for("accounts.overview", account_id=person.account_id)) if person.account_id else Cell()
    )
    return Row(
        key=person.id,
        name=name,
        off=not person.active,
        cells=[
            Cell(text=name, href=url_for("people.card", person_id=person.id), note=person.code),
            cell(person.list.capitalize(), plain=True),
            Cell(states=_states(person)),
            cell(person.email),
            cell(person.phone),
            opened,
        ],
    )


def _states(person: PersonRow) -> list[State]:
    states = [State(word="Active", look="ok") if person.active else State(word="Not active", look="off")]
    if person.status:
        states.append(State(word=person.status, look="info" if person.status_type == "registered" else "off"))
    if person.no_sync:
        states.append(State(word="Kept out of sync", look="wait"))
    return states


def _facts(person: PersonRow) -> Facts:
    said = (
        ("List", cell(person.list.capitalize(), plain=True)),
        ("Code", cell(person.code)),
        ("First name", cell(person.first_name)),
        ("Last name", cell(person.last_name)),
        ("Personal e-mail", cell(person.email)),
        ("Mobile phone", cell(person.phone)),
        ("Language", cell(person.language)),
        ("Status", cell(person.status)),
    )
    return Facts(title="Record", facts=[each for each in said if each[0] != "Status" or person.list == "students"])


def _account(person: PersonRow) -> Part:
    if person.account_id is not None:
        where = url_for("accounts.overview", account_id=person.account_id)
        return Facts(title="Account", facts=[("User name", Cell(text=person.username or "", href=where))])
    why_not = eligibility.refusal_of(g.db, person.id)
    if why_not is None and not may("accounts:create"):
        why_not = "Your role does not allow opening accounts."
    if why_not is not None:
        return Note(text="There is no account.", hint=why_not)
    opens = Link(label="Open the account", href=url_for("opening.ask", ids=person.id))
    return Note(text="There is no account yet, and the person may have one.", links=[opens])


def _class(each: OwnClass) -> Row:
    ended = "" if each.active else ", ended"
    return Row(
        off=not each.active,
        cells=[
            Cell(text=each.name, href=url_for("classes.page", class_id=each.id), note=f"{each.code}{ended}"),
            Cell(text=CLASS_ROLES[each.role], plain=True),
            cell(each.period),
        ],
    )


def _relative(each: people.Relative) -> Row:
    who = Cell(
        text=f"{each.first_name} {each.last_name}", href=url_for("people.card", person_id=each.person_id), note=f"{each.list}, {each.code}"
    )
    what = f"This person is their {each.kind}" if each.direction == "of" else f"Is this person's {each.kind}"
    return Row(cells=[who, cell(what)])


def _empty(filtered: bool) -> Empty:
    if filtered:
        return Empty(
            kind="match",
            text="Nobody matches all of these filters.",
            hint="Remove one of them above, or all.",
            links=[Link(label="Clear all", href=url_for("people.index"))],
        )
    links = [Link(label="Import people", href=url_for("imports.new")), Link(label="Add a person", href=url_for("people.add"))]
    return Empty(
        text="There are no people yet.",
        hint="Import a file with the people of the school, or add them one by one.",
        links=links if may("people:create") else [],
    )


def _one_of(people_list: str) -> str:
    return {"alumni": "Alumni"}.get(people_list, people_list.capitalize().removesuffix("s"))
