"""What can be chosen: the pages of the main menu, and the actions that the enabled plugins register. Only what one may do is offered."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import current_app, g, request, url_for

from rolecall.accounts import role_menus
from rolecall.accounts.role_menus import MenuChange
from rolecall.sdk.action import Action
from rolecall.sdk.words import MENUS
from rolecall.translation import gettext as _
from rolecall_webapp.frame import may, permission_of
from rolecall_webapp.parts import Link


@dataclass(frozen=True, slots=True)
class _Entry:
    #: The id by which a role hides or renames it (R57).
    id: str
    endpoint: str
    #: Blueprints whose pages lie under this entry besides its own.
    also: tuple[str, ...] = ()


#: Of whoever may open none of the others; who may finds it under their name.
_OWN = _Entry("", "me.index", also=("me_profile", "me_sessions", "me_second_factor"))
_ENTRIES = (
    _Entry("accounts", "accounts.index", also=("acting",)),
    _Entry("people", "people.index"),
    _Entry("classes", "classes.index", also=("class_members",)),
    _Entry("imports", "imports.index"),
    _Entry("runs", "runs.index", also=("slips",)),
    _Entry("sync", "sync.index", also=("sync_classes", "sync_comparison", "sync_held", "sync_match")),
    _Entry("messages", "messages.index"),
    _Entry("integrations", "integrations.index", also=("mapping",)),
    _Entry("roles", "roles.index", also=("trying",)),
    _Entry("periods", "periods.index"),
    _Entry("audit", "audit.index"),
    _Entry("templates", "message_texts.index"),
    _Entry("settings", "settings.index", also=("statuses", "username_formats")),
)


def entries() -> list[Link]:
    """The pages that whoever is signed in may open, in the order of the menu and as their role shows them; there is always one."""
    changes = _changes()
    shown = [each for each in _ENTRIES if _may_open(each) and not (each.id in changes and changes[each.id].hidden)]
    return [_link(each, changes) for each in shown] or [_link(_OWN, {})]


def _changes() -> Mapping[str, MenuChange]:
    """What the role of whoever is signed in hides and renames."""
    account = g.get("account")
    if account is None or account.role_id is None:
        return {}
    return {each.item: each for each in role_menus.of_role(g.db, account.role_id)}


def _may_open(entry: _Entry) -> bool:
    view = current_app.view_functions.get(entry.endpoint)
    permission = permission_of(view)
    # A page that everybody may open is about what they did, so it is empty for whoever may do nothing.
    return view is not None and (may(permission) if permission else g.actor.permissions is None or bool(g.actor.permissions))


def _link(entry: _Entry, changes: Mapping[str, MenuChange]) -> Link:
    change = changes.get(entry.id)
    label = (change.label if change else None) or MENUS.get(entry.id, _("My account"))
    current = (request.blueprint or "") in (entry.endpoint.partition(".")[0], *entry.also)
    return Link(label=label, href=url_for(entry.endpoint), current=current)


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
