"""The form of a role: its fields, the boxes of its permissions by area and plugin, and how its menu differs (R57, R58)."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from flask import g
from werkzeug.datastructures import MultiDict

from rolecall.accounts import roles
from rolecall.accounts.roles import RoleRow
from rolecall.sdk.action import Action, Grade
from rolecall.sdk.fields import FormField
from rolecall.sdk.words import AREAS, MENUS, USER_TYPES, VERBS
from rolecall_webapp import forms
from rolecall_webapp.frame import may

#: Before the name of a field of permissions.
_AREA, _ACTIONS = "area.", "actions."
#: The fields of the menu: what is hidden, and before an entry's id its name.
_HIDDEN, _LABEL = "menu.hidden", "menu.label."


def fields_of(role: RoleRow | None) -> list[FormField]:
    """The fields of the form, for a new role with its type."""
    types = FormField(name="user_type", label="User type", kind="choice", required=True, options=tuple(USER_TYPES.items()))
    told = "Given to accounts of the type when they are opened. To change it, make another role the default."
    return [
        FormField(name="name", label="Name", kind="text", required=True),
        *([types] if role is None else []),
        FormField(name="active", label="Active", kind="yesno", help="Otherwise it gives no access and is not given to anybody."),
        FormField(name="is_default", label="Default role of its type", kind="yesno", help=told),
        FormField(
            name="limited_to", label="Its rights reach", kind="choices", options=tuple(USER_TYPES.items()), group="Whose accounts",
            help="Lists, searches and actions are about these user types alone. None chosen: all of them.",
        ),
        *_permission_fields(role),
        *_menu_fields(),
    ]  # fmt: skip


def _menu_fields() -> list[FormField]:
    """What the menu hides, and the names of its entries (R57)."""
    told = "Hiding takes no right away: whoever may open a page still can, by its address."
    return [
        FormField(name=_HIDDEN, label="Hidden entries", kind="choices", options=tuple(MENUS.items()), group="Menu", help=told),
        *(FormField(name=_LABEL + item, label=f"Another name for “{label}”", kind="text", group="Menu") for item, label in MENUS.items()),
    ]


def menus(sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the form said of the menu, as the rules take it."""
    hidden = sent.get(_HIDDEN, [])
    return [{"id": item, "hidden": item in hidden, "label": sent.get(_LABEL + item)} for item in MENUS]


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
    for (plugin, group), actions in action_groups().items():
        options = _offer(actions, held)
        label = group.replace("_", " ").capitalize()
        # Long lists would not be shown as boxes.
        for number, start in enumerate(range(0, len(options), forms.MOST_BOXES)):
            name, named = f"{_ACTIONS}{plugin}.{group}.{number}", label if not number else f"{label}, continued"
            part = options[start : start + forms.MOST_BOXES]
            heading = "Actions on accounts" if plugin == "core" else f"Actions of {g.view.plugins[plugin].label}"
            fields.append(FormField(name=name, label=named, kind="choices", options=part, group=heading))
    return fields


def action_groups() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(permission, label) of every action, by plugin and group."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    given = roles.granted(g.db)
    for plugin in g.view.plugins.values():
        for action in plugin.actions.values():
            groups.setdefault((plugin.name, action.group), []).append((action.permission, _labelled(action, given)))
    return groups


def _labelled(action: Action, given: Collection[str]) -> str:
    """The action's label, with what makes it dangerous and whether nobody has the right yet."""
    marks = []
    if action.grade is not Grade.PLAIN or action.fresh_login:
        marks.append("asks for consent" if action.grade is not Grade.PLAIN else "asks for the password")
    if action.permission not in given:
        marks.append("new, granted to nobody")
    return f"{action.label} ({', '.join(marks)})" if marks else action.label


def _offer(options: Iterable[tuple[str, str]], held: Collection[str]) -> tuple[tuple[str, str], ...]:
    return tuple((permission, label) for permission, label in options if may(permission) or permission in held)


def offered(role: RoleRow | None) -> frozenset[str]:
    """The permissions that have a box."""
    return frozenset(permission for each in _permission_fields(role) for permission, _ in each.options)


def chosen(sent: MultiDict[str, str]) -> frozenset[str]:
    """The permissions that were ticked."""
    return frozenset(value for name in sent if name.startswith((_AREA, _ACTIONS)) for value in sent.getlist(name) if value)


def ticked(role: RoleRow) -> dict[str, Any]:
    """What the boxes and the menu show of a role."""
    renamed = {_LABEL + each.item: each.label for each in role.menus if each.label}
    boxes = {each.name: [key for key, _ in each.options if key in role.permissions] for each in _permission_fields(role)}
    return {**boxes, _HIDDEN: [each.item for each in role.menus if each.hidden], **renamed}
