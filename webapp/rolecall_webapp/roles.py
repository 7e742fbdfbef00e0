"""Pages of roles: the list, one role with what it allows and who has it, adding and editing (R50, R57, R58)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from rolecall.accounts import roles
from rolecall.accounts.roles import RoleRow
from rolecall.errors import Refused, Unknown
from rolecall.sdk.fields import FormField
from rolecall.sdk.words import AREAS, USER_TYPES, VERBS
from rolecall.work import changes
from rolecall_webapp import forms
from rolecall_webapp.frame import application, may, needs, require_fresh
from rolecall_webapp.notices import say
from rolecall_webapp.paging import address, problems
from rolecall_webapp.parts import Button, Cell, Empty, Facts, Form, Head, Link, Note, Part, Row, State, Tab, Table, cell

pages = Blueprint("roles", __name__, url_prefix="/roles")

#: Before the name of a field of permissions.
_AREA, _ACTIONS = "area.", "actions."


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
            ("Accounts that have it in some period", cell(f"{role.accounts:,}", plain=True)),
            ("Accounts that have it now", Cell(text="Show them", href=who, plain=True)),
        ]
    )
    actions = [Button(label="Edit", href=url_for("roles.edit", role_id=role.id), look="main")] if may("roles:edit") else []
    parts: list[Part] = [facts, _allows(role)]
    return render_template("page.html", title=role.name, kicker="Role", states=_states(role), actions=actions, parts=parts)


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
    fields = _fields(None)
    sent = forms.collect(request.form, fields)
    values = {
        "name": str(sent.get("name", "")),
        "user_type": str(sent.get("user_type", "")),
        "active": sent["active"] == "yes",
        "is_default": sent["is_default"] == "yes",
        "permissions": _chosen(request.form),
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
    return _form(role, {"name": role.name, "active": role.active, "is_default": role.is_default, **_ticked(role)})


@pages.post("/<int(max=2147483647):role_id>/edit")
@needs("roles:edit")
def save(role_id: int) -> ResponseReturnValue:
    """Change the role, unless somebody else did meanwhile. What is not on the form, such as a disabled plugin's rights, stays."""
    require_fresh(url_for("roles.edit", role_id=role_id))
    role = _role(role_id)
    fields = _fields(role)
    version = request.form.get("version", "")
    sent = forms.collect(request.form, fields)
    values: dict[str, Any] = {
        "name": str(sent.get("name", "")),
        "active": sent["active"] == "yes",
        "permissions": _chosen(request.form) | (frozenset(role.permissions) - _offered(role)),
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


def _form(role: RoleRow | None, values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None, *, version: str = "") -> str:
    parts: list[Part] = []
    if g.actor.permissions is not None:
        text = "Only rights that you hold yourself can be given; the others are not offered here."
        parts.append(Note(text=text, hint="A right that the role has already stays until you take it away."))
    parts.append(
        Form(
            action=url_for("roles.create") if role is None else url_for("roles.save", role_id=role.id),
            fields=_fields(role),
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


def _fields(role: RoleRow | None) -> list[FormField]:
    types = FormField(name="user_type", label="User type", kind="choice", required=True, options=tuple(USER_TYPES.items()))
    told = "Given to accounts of the type when they are opened. To change it, make another role the default."
    return [
        FormField(name="name", label="Name", kind="text", required=True),
        *([types] if role is None else []),
        FormField(name="active", label="Active", kind="yesno", help="Otherwise it gives no access and is not given to anybody."),
        FormField(name="is_default", label="Default role of its type", kind="yesno", help=told),
        *_permission_fields(role),
    ]


def _permission_fields(role: RoleRow | None) -> list[FormField]:
    """One group of boxes per area and per group of a plugin's actions; boxes for what one holds or the role has."""
    held = frozenset(role.permissions) if role else frozenset()
    fields = []
    for area in AREAS:
        options = _offer([(f"{area}:{verb}", verb.capitalize()) for verb in VERBS], held)
        if options:
            fields.append(
                FormField(name=_AREA + area, label=area.capitalize(), kind="choices", options=options, group="What it may see and change")
            )
    for (plugin, group), actions in _action_groups().items():
        options = _offer(actions, held)
        label = group.replace("_", " ").capitalize()
        # Long lists would not be shown as boxes.
        for number, start in enumerate(range(0, len(options), forms.MOST_BOXES)):
            name, named = f"{_ACTIONS}{plugin}.{group}.{number}", label if not number else f"{label}, continued"
            part = options[start : start + forms.MOST_BOXES]
            heading = "Actions on accounts" if plugin == "core" else f"Actions of {g.view.plugins[plugin].label}"
            fields.append(FormField(name=name, label=named, kind="choices", options=part, group=heading))
    return fields


def _action_groups() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(permission, label) of every action, by plugin and group."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for plugin in g.view.plugins.values():
        for action in plugin.actions.values():
            groups.setdefault((plugin.name, action.group), []).append((action.permission, action.label))
    return groups


def _offer(options: Iterable[tuple[str, str]], held: Collection[str]) -> tuple[tuple[str, str], ...]:
    return tuple((permission, label) for permission, label in options if may(permission) or permission in held)


def _offered(role: RoleRow | None) -> frozenset[str]:
    return frozenset(permission for each in _permission_fields(role) for permission, _ in each.options)


def _chosen(sent: MultiDict[str, str]) -> frozenset[str]:
    return frozenset(value for name in sent if name.startswith((_AREA, _ACTIONS)) for value in sent.getlist(name) if value)


def _ticked(role: RoleRow) -> dict[str, list[str]]:
    return {each.name: [key for key, _ in each.options if key in role.permissions] for each in _permission_fields(role)}


def _allows(role: RoleRow) -> Part:
    labels = {permission: (area.capitalize(), verb) for area in AREAS for verb in VERBS if (permission := f"{area}:{verb}")}
    rows: dict[str, list[str]] = {}
    for permission in role.permissions:
        if permission in labels:
            area, verb = labels[permission]
            rows.setdefault(area, []).append(verb)
    verbs_first = [Row(cells=[cell(area, plain=True), cell(", ".join(_in_order(found)), plain=True)]) for area, found in rows.items()]
    known = {permission: (plugin, label) for (plugin, _), actions in _action_groups().items() for permission, label in actions}
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
