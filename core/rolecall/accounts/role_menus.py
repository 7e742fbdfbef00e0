"""How the menu of a role differs from what its rights allow: entries hidden, or under another name (R57).

Owns the rows and what may be said in them. Hiding takes no right away: a page that may be opened is opened by its address.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from rolecall.errors import Invalid
from rolecall.sdk.words import MENUS
from rolecall.store.tables import RoleMenu

_LONGEST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuChange:
    """One entry that a role hides or renames; ``label`` is none where it keeps its own."""

    item: str
    hidden: bool = False
    label: str | None = None


def read(entries: Iterable[Mapping[str, Any]]) -> tuple[MenuChange, ...]:
    """Read what a face was given: ``{"id", "hidden", "label"}`` each. Entries that change nothing are left out.

    :raises Invalid: naming the entry that there is not, that comes twice, or whose label cannot be shown.
    """
    found: dict[str, MenuChange] = {}
    for entry in entries:
        item = str(entry.get("id", ""))
        if item not in MENUS:
            near = get_close_matches(item[:60], list(MENUS), 1)
            hint = f" Did you mean {near[0]}?" if near else f" There are: {', '.join(MENUS)}."
            _refuse(f"{item[:60]!r} is not an entry of the menu.{hint}")
        if item in found:
            _refuse(f"{item} comes twice.")
        label = " ".join(str(entry.get("label") or "").split())
        if len(label) > _LONGEST or not label.isprintable():
            _refuse(f"The name of the entry {item} is too long or cannot be shown. Use at most {_LONGEST} characters.")
        found[item] = MenuChange(item=item, hidden=bool(entry.get("hidden")), label=label if label and label != MENUS[item] else None)
    return tuple(found[item] for item in MENUS if item in found and (found[item].hidden or found[item].label))


def of_role(session: Session, role_id: int) -> tuple[MenuChange, ...]:
    """What a role hides and renames, in the order of the menu."""
    return of_roles(session, [role_id]).get(role_id, ())


def of_roles(session: Session, role_ids: Collection[int] | None = None) -> dict[int, tuple[MenuChange, ...]]:
    """The same of several roles, or of all, in one statement."""
    statement = select(RoleMenu)
    rows = session.scalars(statement if role_ids is None else statement.where(RoleMenu.role_id.in_(role_ids))).all()
    found: dict[int, list[MenuChange]] = {}
    order = list(MENUS)
    for row in sorted((row for row in rows if row.item in MENUS), key=lambda row: order.index(row.item)):
        found.setdefault(row.role_id, []).append(MenuChange(item=row.item, hidden=row.hidden, label=row.label))
    return {role_id: tuple(changes) for role_id, changes in found.items()}


def write(session: Session, role_id: int, changes: Iterable[MenuChange]) -> None:
    """Replace what a role hides and renames."""
    session.execute(delete(RoleMenu).where(RoleMenu.role_id == role_id))
    session.add_all(RoleMenu(role_id=role_id, item=each.item, hidden=each.hidden, label=each.label) for each in changes)
    session.flush()


def _refuse(sentence: str) -> None:
    raise Invalid(sentence, fields={"menus": [sentence]})
