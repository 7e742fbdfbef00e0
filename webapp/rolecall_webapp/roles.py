"""Pages of roles: the list, one role with what it allows and who has it, adding and editing (R50, R57, R58)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import escalation, roles
from rolecall.accounts.roles import RoleRow
from rolecall.errors import Refused, Unknown
from rolecall.sdk.words import AREAS, MENUS, USER_TYPES, VERBS
from rolecall.work import changes
from rolecall_webapp import forms, role_form
from rolecall_webapp.frame import application, may, needs, require_fresh
from rolecall_webapp.notices import say
from rolecall_webapp.paging import address, problems
from rolecall_webapp.parts import Button, Cell, Empty, Facts, Form, Head, Link, Note, Part, Row, State, Tab, Table, cell

pages = Blueprint("roles", __name__, url_prefix="/roles")


@pages.get("")
@needs("roles:view")
def index() -> ResponseReturnValue:
    """The roles of each user type."""
    every = roles.every(g.db)
    chosen = request.args.get("type", "")
    chosen = chosen if chosen in USER_TYPES else ""
    shown = [each for each in every if not chosen or each.user_type == chosen]
    tabs = [Tab(label="All", href=url_for("roles.index"), current=not chosen, count=len(every))]
    for user_type, label in USER_TYPES.items():
        number = sum(each.user_type == user_type for each in every)
        tabs.append(Tab(label=label, href=address("roles.index", {"type": user_type}), current=user_type == chosen, count=number))
    add_role = Link(label="Add a role", href=address("roles.add", {"type": chosen}))
    table = Table(
        caption="Roles",
        heads=[
            Head(label="Name"),
            Head(label="User type"),
            Head(label="State"),
            Head(label="Permissions", numeric=True),
            Head(label="Accounts", numeric=True),
        ],
        rows=[_row(each) for each in shown],
        empty=Empty(
            text="There is no role of this type yet.",
            hint="A user needs a role to sign in.",
            links=[add_role] if may("roles:create") else [],
        ),
    )
    actions = [Button(label="Add a role", href=add_role.href, look="main")] if may("roles:create") else []
    note = "“Accounts” counts everybody who has the role in some period."
    return render_template("page.html", title="Roles", note=note, actions=actions, tabs_=tabs, parts=[table])


@pages.get("/<int(max=2147483647):role_id>")
@needs("roles:view")
def page(role_id: int) -> ResponseReturnValue:
    """One role: what it allows, by area and by plugin."""
    role = _role(role_id)
    who = url_for("accounts.index", type=role.user_type, role=role.name)
    facts = Facts(
        facts=[
            ("User type", cell(USER_TYPES[role.user_type], plain=True)),
            ("Its rights reach", cell(_reaches(role), plain=True)),
            ("Accounts that have it in some period", cell(f"{role.accounts:,}", plain=True)),
            ("Accounts that have it now", Cell(text="Show them", href=who, plain=True)),
        ]
    )
    parts: list[Part] = [facts, *_menu(role), _allows(role)]
    return render_template("page.html", title=role.name, kicker="Role", states=_states(role), actions=_role_actions(role), parts=parts)


def _role_actions(role: RoleRow) -> list[Button]:
    """What can be done with a role; what cannot says why."""
    actions = []
    if may("roles:edit"):
        actions.append(Button(label="Edit", href=url_for("roles.edit", role_id=role.id), look="main"))
    beyond = role.id in escalation.roles_beyond(g.db, g.actor, [role.id])
    more = "It holds more rights than you do." if beyond else None
    if g.account.trying is None:
        told = "See menu and pages as this role shows them; nothing can be changed meanwhile."
        actions.append(Button(label="Try this role", href=url_for("trying.start", role_id=role.id), post=True, help=told, why_not=more))
    if may("roles:create"):
        actions.append(Button(label="Copy", href=url_for("roles.copy", role_id=role.id), post=True, why_not=more))
    if may("roles:delete"):
        kept = "It is the default role." if role.is_default else f"{role.accounts:,} accounts have it." if role.accounts else None
        actions.append(Button(label="Delete", href=url_for("roles.delete", role_id=role.id), post=True, look="danger", why_not=kept))
    return actions


def _menu(role: RoleRow) -> list[Part]:
    if not role.menus:
        return []
    told = [(MENUS[each.item], cell("hidden" if each.hidden else f"shown as “{each.label}”", plain=True)) for each in role.menus]
    return [Facts(title="Menu", facts=told)]


@pages.post("/<int(max=2147483647):role_id>/copy")
@needs("roles:create")
def copy(role_id: int) -> ResponseReturnValue:
    """Add a role that allows the same, and show it."""
    require_fresh(url_for("roles.page", role_id=role_id))
    made = changes.copy_role(application(), g.actor, role_id)
    say("The role is copied. Give the copy a name of its own.")
    return redirect(url_for("roles.edit" if may("roles:edit") else "roles.page", role_id=made), 303)


@pages.post("/<int(max=2147483647):role_id>/delete")
@needs("roles:delete")
def delete(role_id: int) -> ResponseReturnValue:
    """Delete a role that nobody has."""
    require_fresh(url_for("roles.page", role_id=role_id))
    name = _role(role_id).name
    changes.remove_role(application(), g.actor, role_id)
    say(f"The role {name} is deleted.")
    return redirect(url_for("roles.index"), 303)


@pages.get("/new")
@needs("roles:create")
def add() -> ResponseReturnValue:
    """Ask for a new role."""
    require_fresh()
    return _form(None, {"user_type": request.args.get("type", ""), "active": True})


@pages.post("/new")
@needs("roles:create")
def create() -> ResponseReturnValue:
    """Add the role."""
    require_fresh(url_for("roles.add"))
    fields = role_form.fields_of(None)
    sent = forms.collect(request.form, fields)
    values = {
        "name": str(sent.get("name", "")),
        "user_type": str(sent.get("user_type", "")),
        "active": sent["active"] == "yes",
        "is_default": sent["is_default"] == "yes",
        "permissions": role_form.chosen(request.form),
        "limited_to": sent.get("limited_to"),
        "menus": role_form.menus(sent),
    }
    try:
        role_id = changes.add_role(application(), g.actor, values)
    except Refused as error:
        wrong, status = problems(error)
        return _form(None, forms.echo(request.form, fields), wrong), status
    say("The role is added.")
    return redirect(url_for("roles.page", role_id=role_id), 303)


@pages.get("/<int(max=2147483647):role_id>/edit")
@needs("roles:edit")
def edit(role_id: int) -> ResponseReturnValue:
    """Show the role to change."""
    require_fresh()
    role = _role(role_id)
    return _form(
        role,
        {
            "name": role.name,
            "active": role.active,
            "is_default": role.is_default,
            "limited_to": role.limited_to or (),
            **role_form.ticked(role),
        },
    )


@pages.post("/<int(max=2147483647):role_id>/edit")
@needs("roles:edit")
def save(role_id: int) -> ResponseReturnValue:
    """Change the role, unless somebody else did meanwhile. What is not on the form, such as a disabled plugin's rights, stays."""
    require_fresh(url_for("roles.edit", role_id=role_id))
    role = _role(role_id)
    fields = role_form.fields_of(role)
    version = request.form.get("version", "")
    sent = forms.collect(request.form, fields)
    values: dict[str, Any] = {
        "name": str(sent.get("name", "")),
        "active": sent["active"] == "yes",
        "permissions": role_form.chosen(request.form) | (frozenset(role.permissions) - role_form.offered(role)),
        "limited_to": sent.get("limited_to"),
        "menus": role_form.menus(sent),
    }
    if not role.is_default:
        values["is_default"] = sent.get("is_default") == "yes"
    try:
        known = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else role.version
        changes.edit_role(application(), g.actor, role_id, values, version=known)
    except Refused as error:
        wrong, status = problems(error)
        return _form(role, forms.echo(request.form, fields), wrong, version=version), status
    say("The role is saved.")
    return redirect(url_for("roles.page", role_id=role_id), 303)


def _role(role_id: int) -> RoleRow:
    found = next((each for each in roles.every(g.db) if each.id == role_id), None)
    if found is None:
        raise Unknown(f"There is no role with the id {role_id}.")
    return found


def _row(role: RoleRow) -> Row:
    return Row(
        off=not role.active,
        cells=[
            Cell(text=role.name, href=url_for("roles.page", role_id=role.id)),
            cell(USER_TYPES[role.user_type], plain=True),
            Cell(states=_states(role)),
            cell(len(role.permissions), plain=True, numeric=True),
            cell(f"{role.accounts:,}", plain=True, numeric=True),
        ],
    )


def _states(role: RoleRow) -> list[State]:
    states = [State(word="Active", look="ok") if role.active else State(word="Not active", look="off")]
    return [*states, State(word=f"Default of {USER_TYPES[role.user_type].lower()}", look="info")] if role.is_default else states


def _reaches(role: RoleRow) -> str:
    return "everybody" if role.limited_to is None else ", ".join(USER_TYPES[each].lower() for each in role.limited_to)


def _form(role: RoleRow | None, values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None, *, version: str = "") -> str:
    parts: list[Part] = []
    if g.actor.permissions is not None:
        text = "Only rights that you hold yourself can be given; the others are not offered here."
        parts.append(Note(text=text, hint="A right that the role has already stays until you take it away."))
    parts.append(
        Form(
            action=url_for("roles.create") if role is None else url_for("roles.save", role_id=role.id),
            fields=role_form.fields_of(role),
            values=values,
            errors=wrong or {},
            button="Add the role" if role is None else "Save",
            hidden={} if role is None else {"version": version or str(role.version)},
            cancel=url_for("roles.index") if role is None else url_for("roles.page", role_id=role.id),
            locked=["is_default"] if role is not None and role.is_default else [],
        )
    )
    return render_template(
        "page.html", title="Add a role" if role is None else role.name, kicker="Roles" if role is None else "Edit the role", parts=parts
    )


def _allows(role: RoleRow) -> Part:
    labels = {permission: (area.capitalize(), verb) for area in AREAS for verb in VERBS if (permission := f"{area}:{verb}")}
    rows: dict[str, list[str]] = {}
    for permission in role.permissions:
        if permission in labels:
            area, verb = labels[permission]
            rows.setdefault(area, []).append(verb)
    verbs_first = [Row(cells=[cell(area, plain=True), cell(", ".join(_in_order(found)), plain=True)]) for area, found in rows.items()]
    known = {permission: (plugin, label) for (plugin, _), actions in role_form.action_groups().items() for permission, label in actions}
    for permission in role.permissions:
        if permission in known:
            plugin, label = known[permission]
            source = "Action on accounts" if plugin == "core" else g.view.plugins[plugin].label
            verbs_first.append(Row(cells=[cell(source, plain=True), cell(label, plain=True)]))
        elif permission not in labels:
            verbs_first.append(Row(off=True, cells=[cell("A plugin that is not enabled", plain=True), cell(permission)]))
    return Table(
        title="What it allows",
        caption="What the role allows",
        heads=[Head(label="Area"), Head(label="Allowed")],
        rows=verbs_first,
        empty=Empty(text="This role allows nothing but signing in.", hint="That is right for most people who are no administrators."),
    )


def _in_order(verbs: Iterable[str]) -> list[str]:
    return sorted(verbs, key=VERBS.index)
