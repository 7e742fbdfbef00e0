"""Groups as the system behind a plugin's endpoint keeps them here: names, and who of those it handed in is in them.

Owns that each change is one transaction with its entry in the audit, and that members whom the token's rights do not reach stay as they
are. Knows no protocol, and gives nobody a right: a group is the other system's, until somebody here makes something of it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, rights
from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid, Stale, Unknown
from rolecall.sdk.people import Condition, Found, HandedGroup, Order
from rolecall.store import handed_query
from rolecall.store.bulk import among_texts
from rolecall.store.engine import now
from rolecall.store.tables import Handed, HandedMember
from rolecall.store.tables import HandedGroup as Row
from rolecall.work.application import Application
from rolecall.work.handed_people import usable


class HandedGroups:
    """What :class:`rolecall.sdk.people.Groups` says, over the tables."""

    def __init__(self, app: Application, actor: Actor, plugin: str) -> None:
        self._app = app
        self._actor = actor
        self._plugin = plugin

    def find(
        self, condition: Condition | None = None, *, order: Order | None = None, offset: int = 0, limit: int = 100, members: bool = True
    ) -> Found:
        """Return those of which the condition is true."""
        with self._app.read_as(self._actor) as session:
            return handed_query.groups_page(session, self._plugin, condition, order, offset=offset, limit=limit, members=members)

    def get(self, key: str, *, members: bool = True) -> HandedGroup:
        """Return one of them."""
        with self._app.read_as(self._actor) as session:
            found = handed_query.group(session, self._plugin, key, members=members) if "\0" not in key else None
        if found is None:
            raise _unknown(key)
        return found

    def of_people(self, keys: Collection[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """Return for each person the groups they are in."""
        with self._app.read_as(self._actor) as session:
            return handed_query.groups_of(session, self._plugin, keys)

    def add(self, name: str, external_id: str | None, members: Collection[str]) -> HandedGroup:
        """Add a group."""
        columns = _columns(name, external_id)

        def unit(session: Session) -> str:
            rights.narrow(session, self._actor)
            moment = now(session)
            row = Row(key=str(uuid4()), plugin=self._plugin, **columns, version=1, created_at=moment, changed_at=moment)
            session.add(row)
            session.flush()
            added = self._put(session, row.key, self._people(session, members), {})
            self._note(session, "group.create", row, {"added": added})
            return row.key

        return self.get(self._app.db.attempt(unit))

    def change(self, key: str, name: str, external_id: str | None, members: Collection[str], *, version: str | None = None) -> HandedGroup:
        """Make a group what is given; members whom the token's rights do not reach stay in it."""
        columns = _columns(name, external_id)

        def unit(session: Session) -> None:
            rights.narrow(session, self._actor)
            row = self._locked(session, key, version)
            wanted = self._people(session, members)
            there = self._members(session, key)
            before = {name: getattr(row, name) for name, value in columns.items() if getattr(row, name) != value}
            added, removed = self._put(session, key, wanted, there), self._take(session, key, wanted, there)
            if not (before or added or removed):
                return
            for name in before:
                setattr(row, name, columns[name])
            row.version += 1
            row.changed_at = now(session)
            facts = {"before": before, "after": {name: columns[name] for name in before}, "added": added, "removed": removed}
            self._note(session, "group.edit", row, facts)

        self._app.db.attempt(unit)
        return self.get(key)

    def remove(self, key: str, *, version: str | None = None) -> None:
        """Delete a group."""

        def unit(session: Session) -> None:
            row = self._locked(session, key, version)
            removed = sorted(self._members(session, key).values())
            session.execute(delete(HandedMember).where(HandedMember.group_key == key))
            session.execute(delete(Row).where(Row.key == key))
            self._note(session, "group.delete", row, {"removed": removed})

        self._app.db.attempt(unit)

    def _locked(self, session: Session, key: str, version: str | None) -> Row:
        statement = select(Row).where(Row.plugin == self._plugin, Row.key == key).with_for_update()
        row = session.scalar(statement) if "\0" not in key else None
        if row is None:
            raise _unknown(key)
        if version is not None and version != str(row.version):
            raise Stale("The group was changed by somebody else meanwhile.", hint="Read it again and make the change again.")
        return row

    def _people(self, session: Session, keys: Collection[str]) -> dict[str, int]:
        """The people of these keys, by key.

        :raises Invalid: when one of them is nobody.
        """
        wanted = {key for key in keys if "\0" not in key}
        rows = session.execute(
            select(Handed.key, Handed.person_id).where(Handed.plugin == self._plugin, Handed.key.in_(among_texts(session, wanted)))
        )
        found = {row.key: row.person_id for row in rows}
        missing = sorted(set(keys) - set(found))
        if missing:
            message = f"Nobody with the key {missing[0][:60]!r} was handed in."
            raise Invalid(message, hint="Hand the person in first, then put them into the group.", fields={"members": [message]})
        return found

    def _members(self, session: Session, key: str) -> dict[str, int]:
        rows = session.execute(
            select(HandedMember.handed_key, Handed.person_id)
            .join(Handed, Handed.key == HandedMember.handed_key)
            .where(HandedMember.group_key == key)
        )
        return {row.handed_key: row.person_id for row in rows}

    def _put(self, session: Session, key: str, wanted: Mapping[str, int], there: Mapping[str, int]) -> list[int]:
        new = wanted.keys() - there.keys()
        if new:
            session.execute(insert(HandedMember), [{"group_key": key, "handed_key": each} for each in sorted(new)])
        return sorted(wanted[each] for each in new)

    def _take(self, session: Session, key: str, wanted: Mapping[str, int], there: Mapping[str, int]) -> list[int]:
        gone = there.keys() - wanted.keys()
        if gone:
            theirs = HandedMember.handed_key.in_(among_texts(session, gone))
            session.execute(
                delete(HandedMember).where(HandedMember.group_key == key, theirs), execution_options={"synchronize_session": False}
            )
        return sorted(there[each] for each in gone)

    def _note(self, session: Session, kind: str, row: Row, facts: Mapping[str, Any]) -> None:
        audit.append(session, actor=self._actor, kind=kind, payload={"group": row.key, "name": row.name, "plugin": self._plugin, **facts})


def _columns(name: str, external_id: str | None) -> dict[str, Any]:
    return {"name": usable(name, "name"), "external_id": None if external_id is None else usable(external_id, "external_id")}


def _unknown(key: str) -> Unknown:
    return Unknown(f"There is no group with the key {key[:60]!r}.")
