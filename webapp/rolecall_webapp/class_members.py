"""Pages of who is in a class: choosing people to put in, and changing those who are ticked (R60a)."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import classes
from rolecall.accounts.classes import Moved
from rolecall.errors import Invalid
from rolecall.sdk.words import CLASS_ROLES, LISTS
from rolecall.store import classes_query, people_query
from rolecall.store.cursors import LARGEST_ID
from rolecall.store.people_query import PersonRow
from rolecall.work import class_changes
from rolecall_webapp.classes import ROLES
from rolecall_webapp.frame import application, local_path, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import SIZE, address, page_number, pager
from rolecall_webapp.parts import Button, Cell, Chip, Empty, FilterBar, FilterField, Head, Link, Row, State, Table, cell

pages = Blueprint("class_members", __name__, url_prefix="/classes/<int(max=2147483647):class_id>/members")

#: Words of the list of people that narrow whom to choose from.
_WORDS = ("q", "list")
#: More boxes than a page has (X-11).
_MOST = 1_000


@pages.get("")
@needs("people:edit")
def index(class_id: int) -> ResponseReturnValue:
    """Choose people by name, code or list; each is put in with the button of the role."""
    made = classes.get(g.db, class_id)
    words = {name: value.strip() for name in _WORDS if (value := request.args.get(name, "")).strip() not in ("", "all")}
    number = page_number(request.args)
    clauses = people_query.people_clauses(g.db, {**words, "active": "yes"})
    found = people_query.people_page(g.db, clauses, limit=SIZE, offset=(number - 1) * SIZE)
    roles = classes_query.roles_in(g.db, class_id, [each.id for each in found.rows])
    lists = [(each, each.capitalize()) for each in LISTS]
    fields = [
        FilterField(id="q", label="Search", help="Name, code, e-mail or phone", search=True, value=words.get("q", "")),
        FilterField(id="list", label="List", options=lists, value=words.get("list", "")),
    ]
    here = url_for("class_members.index", class_id=class_id)
    return render_template(
        "members.html",
        title=made.name,
        kicker="Put people in",
        actions=[Button(label="Back to the class", href=url_for("classes.page", class_id=class_id))],
        bar=FilterBar(action=here, fields=fields, selects=True),
        chips=[
            Chip(label=f"{each.label}: {each.value}", remove=address("class_members.index", {**words, each.id: ""}, class_id=class_id))
            for each in fields
            if each.value
        ],
        clear=here,
        sentence="1 active person" if found.total == 1 else f"{found.total:,} active people",
        rows=Table(
            caption="People",
            heads=[Head(label=label) for label in ("Name", "List", "E-mail", "In this class")],
            rows=[_row(each, roles.get(each.id)) for each in found.rows],
            pager=pager(number, found.total, "class_members.index", words, class_id=class_id),
            empty=Empty(kind="match", text="Nobody matches.", links=[Link(label="Show everybody", href=here)]),
        ),
        change=url_for("class_members.change", class_id=class_id),
        back=address("class_members.index", words, class_id=class_id),
        roles=tuple((role, f"Put in as {label.lower()}") for role, label in CLASS_ROLES.items()),
        takes_out=False,
    )


@pages.post("")
@needs("people:edit")
def change(class_id: int) -> ResponseReturnValue:
    """Give the ticked people a role in the class, or take them out."""
    what, back = request.form.get("what", ""), local_path(request.form.get("back") or url_for("classes.page", class_id=class_id))
    ids = _ticked()
    if not ids:
        say("Tick somebody first.", "info")
        return redirect(back, 303)
    if what == "out":
        moved = class_changes.change_members(application(), g.actor, class_id, put={}, out=ids)
    elif what in dict(ROLES):
        moved = class_changes.change_members(application(), g.actor, class_id, put=dict.fromkeys(ids, what))
    else:
        raise Invalid("This is nothing that can be done with members.", hint="Go back to the class and choose a button there.")
    say(_told(moved), "ok" if moved else "info")
    return redirect(back, 303)


def _ticked() -> list[int]:
    sent = request.form.getlist("ids")
    if len(sent) > _MOST or not all(each.isascii() and each.isdigit() and int(each[:10]) <= LARGEST_ID for each in sent):
        raise Invalid("These are no people of a page.", hint="Go back to the class and tick them there.")
    return [int(each) for each in sent]


def _told(moved: Moved) -> str:
    numbers = (("put in", len(moved.added)), ("given another role", len(moved.changed)), ("taken out", len(moved.removed)))
    parts = [f"{number:,} {'person is' if number == 1 else 'people are'} {word}" for word, number in numbers if number]
    return f"{', '.join(parts)}." if parts else "Nothing was to be changed: they are in the class just so."


def _row(person: PersonRow, role: str | None) -> Row:
    name = f"{person.first_name} {person.last_name}"
    return Row(
        key=person.id,
        name=name,
        cells=[
            Cell(text=name, href=url_for("people.card", person_id=person.id), note=person.code),
            cell(person.list.capitalize(), plain=True),
            cell(person.email),
            Cell(states=[State(word=CLASS_ROLES[role], look="ok")] if role else []),
        ],
    )
