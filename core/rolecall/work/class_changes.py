"""Changes of classes by hand: one transaction with its audit entry each, in which the class falls behind at its providers (R60a, R67).

Owns that none of them is left out of the audit or the sync, whichever face asks. The rules are in ``accounts.classes``.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from rolecall.accounts import audit, classes
from rolecall.accounts.actors import Actor
from rolecall.accounts.classes import Moved
from rolecall.store.engine import now
from rolecall.store.tables import SchoolClass
from rolecall.work import class_links
from rolecall.work.application import Application
from rolecall.work.documents import Document, class_facts

_EDITED = ("code", "name", "active")


def add_class(app: Application, actor: Actor, values: Mapping[str, Any], *, members: Mapping[int, str] | None = None) -> int:
    """Add a class and return its id; ``values`` are ``period_id``, ``code`` and ``name``, ``members`` roles by person.

    :raises Invalid: with the sentences of every wrong field.
    :raises Refused: when the period is closed.
    :raises Unknown: when there is no such period or person, or the actor's rights do not reach the person.
    """

    def unit(session: Session) -> int:
        made = classes.create(session, **values, now=now(session))
        moved = classes.change_members(session, actor, made.id, put=members or {})
        class_links.behind(session, [made.id])
        payload = {"class": made.id, **class_facts(session, made), "members": len(moved.added)}
        audit.append(session, actor=actor, kind="class.create", payload=payload)
        _tell_members(session, actor, made, moved)
        return made.id

    class_id = app.db.attempt(unit)
    _wake(app)
    return class_id


def edit_class(app: Application, actor: Actor, class_id: int, values: Mapping[str, Any], *, version: int | None = None) -> bool:
    """Change what is given of ``code``, ``name`` and ``active``, and tell whether anything differed; inactive ends the class.

    :raises Invalid: with the sentences of every wrong field.
    :raises Refused: when the period is closed.
    :raises Forbidden: when it would end or go on for somebody whom the actor's rights do not reach.
    :raises Stale: when somebody else changed it since ``version``.
    """

    def unit(session: Session) -> bool:
        before = class_facts(session, classes.get(session, class_id, lock=True))
        made = classes.edit(session, actor, class_id, version=version, **values)
        after = class_facts(session, made)
        differing = [name for name in _EDITED if before[name] != after[name]]
        if not differing:
            return False
        class_links.behind(session, [class_id])
        payload = {
            "class": class_id, "code": made.code,
            "before": {name: before[name] for name in differing}, "after": {name: after[name] for name in differing},
        }  # fmt: skip
        audit.append(session, actor=actor, kind="class.edit", payload=payload)
        return True

    changed = app.db.attempt(unit)
    _wake(app)
    return changed


def change_members(
    app: Application, actor: Actor, class_id: int, *, put: Mapping[int, str], out: Collection[int] = (), replace: bool = False,
    version: int | None = None,
) -> Moved:  # fmt: skip
    """Give people a role in a class and take others out, as :func:`classes.change_members`, and return what that came to."""

    def unit(session: Session) -> Moved:
        moved = classes.change_members(session, actor, class_id, put=put, out=out, replace=replace, version=version)
        if moved:
            class_links.behind(session, [class_id])
            _tell_members(session, actor, classes.get(session, class_id), moved)
        return moved

    moved = app.db.attempt(unit)
    _wake(app)
    return moved


def remove_class(app: Application, actor: Actor, class_id: int, *, version: int | None = None) -> Document:
    """Delete a class that no provider holds, and return what it was; any other can be ended.

    :raises Refused: when a provider holds it or may hold it.
    :raises Forbidden: when somebody is in it whom the actor's rights do not reach.
    :raises Stale: when somebody else changed it since ``version``.
    """

    def unit(session: Session) -> Document:
        made = classes.get(session, class_id, lock=True)
        classes.require_version(made, version)
        document = {"class": made.id, **class_facts(session, made), "members": classes.size(session, made.id)}
        class_links.forget(session, [class_id])
        classes.remove(session, actor, class_id)
        audit.append(session, actor=actor, kind="class.delete", payload=document)
        return document

    return app.db.attempt(unit)


def _tell_members(session: Session, actor: Actor, made: SchoolClass, moved: Moved) -> None:
    if moved:
        payload = {
            "class": made.id,
            "code": made.code,
            "added": [{"person": each, "role": role} for each, role in moved.added.items()],
            "removed": [{"person": each, "role": role} for each, role in moved.removed.items()],
            "changed": [{"person": each, "before": before, "after": after} for each, (before, after) in moved.changed.items()],
        }
        audit.append(session, actor=actor, kind="class.members", payload=payload)


def _wake(app: Application) -> None:
    """Providers may have something to do now; one that has nothing notices at once."""
    with app.db.read() as session:
        for provider in app.plugins.view(session).providers:
            app.nudge("drain", provider, 0)
