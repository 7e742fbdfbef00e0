"""Saved views of the accounts list: the standard ones, shared ones and one's own, as links (R14)."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from rolecall.accounts import audit, saved_views
from rolecall.accounts.actors import Actor
from rolecall.store.tables import SavedView
from rolecall_webapp import account_list
from rolecall_webapp.account_list import Asked
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say

pages = Blueprint("views", __name__, url_prefix="/views")

#: What every office looks for sooner or later; nobody has to save them.
_STANDARD = (
    ("Never signed in", "login=never"),
    ("Not active", "active=no"),
    ("Changes pending", "pending=yes"),
    ("No role this period", "role=none"),
    ("E-mail not verified", "verified=no"),
    ("Deleted", "deleted=only"),
)
#: Who may put a view into everybody's menu.
_SHARE = "settings:edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A view as the menu shows it. ``id`` is none for what this person cannot remove."""

    label: str
    href: str
    current: bool
    shared: bool = False
    id: int | None = None


def of(session: Session, actor: Actor, asked: Asked) -> list[Shown]:
    """The views that an actor sees, the one that is open marked."""
    now = sorted(_narrow(asked.query).items())
    shown = [_shown(name, query, now) for name, query in _STANDARD]
    for view in saved_views.of(session, actor.account_id):
        removable = view.account_id is not None or may_share()
        shown.append(_shown(view.name, view.query, now, shared=view.account_id is None, view_id=view.id if removable else None))
    return shown


def may_share() -> bool:
    """Whether whoever is signed in may put views into everybody's menu."""
    return may(_SHARE)


@pages.post("")
@needs("accounts:view")
def save() -> ResponseReturnValue:
    """Save the open list under a name."""
    asked = account_list.read(MultiDict(parse_qsl(request.form.get("query", ""))), g.view)
    query = urlencode(_narrow(asked.query))
    shared = "shared" in request.form
    if shared:
        g.actor.require(_SHARE)
    with application().db.write() as writing:
        owner = None if shared else g.actor.account_id
        view = saved_views.save(writing, name=request.form.get("name", ""), query=query, account_id=owner)
        audit.append(writing, actor=g.actor, kind="view.save", payload={"name": view.name, "query": query, "shared": shared})
    say(f"The view “{view.name}” is saved{' for everybody' if shared else ''}.")
    return redirect(asked.address, 303)


@pages.post("/<int:view_id>/remove")
@needs("accounts:view")
def remove(view_id: int) -> ResponseReturnValue:
    """Remove a saved view; the accounts stay as they are."""
    with application().db.write() as writing:
        view: SavedView = saved_views.remove(writing, view_id, account_id=g.actor.account_id, shared=may_share())
        audit.append(writing, actor=g.actor, kind="view.remove", payload={"name": view.name, "query": view.query})
    say(f"The view “{view.name}” is removed.")
    return redirect(url_for("accounts.index"), 303)


def _narrow(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name != "page"}


def _shown(name: str, query: str, now: list[tuple[str, str]], *, shared: bool = False, view_id: int | None = None) -> Shown:
    href = url_for("accounts.index") + (f"?{query}" if query else "")
    return Shown(label=name, href=href, current=sorted(parse_qsl(query)) == now, shared=shared, id=view_id)
