"""What can be chosen: the pages of the main menu, and the actions that the enabled plugins register. Only what one may do is offered."""

from dataclasses import dataclass

from flask import current_app, g, request, url_for

from rolecall.sdk.action import Action
from rolecall_webapp.frame import may, permission_of
from rolecall_webapp.parts import Link


@dataclass(frozen=True, slots=True)
class _Entry:
    label: str
    endpoint: str


_ENTRIES = (
    _Entry("Accounts", "accounts.index"),
    _Entry("People", "people.index"),
    _Entry("Imports", "imports.index"),
    _Entry("Runs", "runs.index"),
    _Entry("Sync", "sync.index"),
    _Entry("Integrations", "integrations.index"),
    _Entry("Roles", "roles.index"),
    _Entry("Periods", "periods.index"),
    _Entry("Audit", "audit.index"),
    _Entry("Settings", "settings.index"),
)


def entries() -> list[Link]:
    """The pages that whoever is signed in may open, in the order of the menu."""
    links = []
    for entry in _ENTRIES:
        view = current_app.view_functions.get(entry.endpoint)
        permission = permission_of(view)
        if view is not None and (permission is None or may(permission)):
            current = (request.blueprint or "") == entry.endpoint.partition(".")[0]
            links.append(Link(label=entry.label, href=url_for(entry.endpoint), current=current))
    return links


@dataclass(frozen=True, slots=True)
class Group:
    """The actions under one heading of a menu."""

    label: str
    actions: list[Action]


def action_groups(*, bulk: bool) -> list[Group]:
    """The actions that whoever is signed in may run, as the registry groups them; only those for many when ``bulk``."""
    groups: dict[str, Group] = {}
    for action in g.view.actions.values():
        if may(action.permission) and (action.bulk or not bulk):
            label = action.group.replace("_", " ").capitalize()
            groups.setdefault(action.group, Group(label=label, actions=[])).actions.append(action)
    return list(groups.values())
