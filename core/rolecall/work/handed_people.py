"""People as a plugin's endpoint may see and change them: those whom the system behind it handed in, for whoever's token it uses.

Owns how such a system knows somebody, and that a person who is there already is taken over and not doubled. The record itself changes as
by hand, with the same rules and audit (``changes``). Knows no protocol.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit, escalation
from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid, Stale, Taken, Unknown
from rolecall.sdk.people import Condition, Found, HandedPerson, Identity, Order
from rolecall.store import handed_query
from rolecall.store.bulk import insert_into
from rolecall.store.engine import now
from rolecall.store.folding import canonical
from rolecall.store.tables import Account, Handed, HandedGroup, HandedMember, Person
from rolecall.work import changes
from rolecall.work.application import Application

#: Characters of a name, an identifier or a fact.
LONGEST = 254
_FACTS = 20


class HandedPeople:
    """What :class:`rolecall.sdk.people.People` says, over the tables."""

    def __init__(self, app: Application, actor: Actor, plugin: str) -> None:
        self._app = app
        self._actor = actor
        self._plugin = plugin

    def find(self, condition: Condition | None = None, *, order: Order | None = None, offset: int = 0, limit: int = 100) -> Found:
        """Return those of whom the condition is true."""
        with self._app.read_as(self._actor) as session:
            return handed_query.people_page(session, self._plugin, condition, order, offset=offset, limit=limit)

    def get(self, key: str) -> HandedPerson:
        """Return one of them."""
        with self._app.read_as(self._actor) as session:
            found = handed_query.person(session, self._plugin, key) if "\0" not in key else None
        if found is None:
            raise _unknown(key)
        return found

    def add(self, people_list: str, values: Mapping[str, Any], identity: Identity) -> HandedPerson:
        """Add a person, or take over the one who is there."""

        def unit(session: Session) -> str:
            person_id = self._taken_over(session, people_list, values)
            if person_id is None:
                person_id = changes.person_added(session, self._actor, {**values, "list": people_list})
            moment = now(session)
            row = {
                "key": str(uuid4()), "plugin": self._plugin, "person_id": person_id, **_columns(identity), "version": 1,
                "created_at": moment, "changed_at": moment,
            }  # fmt: skip
            insert = insert_into(session, Handed).values(row).on_conflict_do_nothing().returning(Handed.__table__.c.key)
            if session.connection().execute(insert).scalar_one_or_none() is None:
                raise _taken(identity.name)
            self._note(session, "person.link", person_id, {"name": identity.name, "external_id": identity.external_id})
            return str(row["key"])

        key = self._app.db.attempt(unit)
        changes.wake(self._app)
        return self.get(key)

    def change(self, key: str, values: Mapping[str, Any], identity: Identity, *, version: str | None = None) -> HandedPerson:
        """Change what is given of a person, and how the other system knows them."""
        self.get(key)  # whom the token's rights do not reach is not there

        def unit(session: Session) -> None:
            row, person = self._locked(session, key)
            _check(version, f"{person.version}.{row.version}")
            changes.person_edited(self._app, session, self._actor, person.id, values)
            self._rename(session, row, identity)

        self._app.db.attempt(unit)
        changes.wake(self._app)
        return self.get(key)

    def release(self, key: str, *, version: str | None = None) -> None:
        """Make a person inactive and forget how the other system knew them."""
        self.get(key)

        def unit(session: Session) -> None:
            row, person = self._locked(session, key)
            _check(version, f"{person.version}.{row.version}")
            changes.person_edited(self._app, session, self._actor, person.id, {"active": False})
            groups = select(HandedMember.group_key).where(HandedMember.handed_key == key)
            session.execute(
                update(HandedGroup).where(HandedGroup.key.in_(groups)).values(version=HandedGroup.version + 1, changed_at=now(session)),
                execution_options={"synchronize_session": False},
            )
            session.execute(delete(HandedMember).where(HandedMember.handed_key == key))
            facts = {"name": row.name, "external_id": row.external_id}
            session.execute(delete(Handed).where(Handed.key == key))
            self._note(session, "person.unlink", person.id, facts)

        self._app.db.attempt(unit)
        changes.wake(self._app)

    def _taken_over(self, session: Session, people_list: str, values: Mapping[str, Any]) -> int | None:
        """The person who has this code already, changed to what is given; none where there is nobody."""
        code = str(values.get("code") or "").strip()
        if not code:
            return None  # adding says what is missing
        found = session.scalar(
            select(Person.id).where(Person.list == people_list, Person.code_key == canonical(code, what="code", words=True))
        )
        if found is None:
            return None
        escalation.require_list(people_list, self._actor)
        if session.scalar(select(Handed.key).where(Handed.plugin == self._plugin, Handed.person_id == found)) is not None:
            raise _taken(code)
        given = {name: value for name, value in values.items() if value is not None and name not in ("code", "list")}
        changes.person_edited(self._app, session, self._actor, found, {"active": True, **given})
        return found

    def _locked(self, session: Session, key: str) -> tuple[Handed, Person]:
        row = session.scalar(select(Handed).where(Handed.plugin == self._plugin, Handed.key == key).with_for_update())
        if row is None:
            raise _unknown(key)
        return row, session.get_one(Person, row.person_id)

    def _rename(self, session: Session, row: Handed, identity: Identity) -> None:
        columns = _columns(identity)
        before = {name: getattr(row, name) for name, value in columns.items() if getattr(row, name) != value}
        if not before:
            return
        others = select(Handed.key).where(Handed.plugin == self._plugin, Handed.name_key == columns["name_key"], Handed.key != row.key)
        if session.scalar(others) is not None:
            raise _taken(identity.name)
        for name in before:
            setattr(row, name, columns[name])
        row.version += 1
        row.changed_at = now(session)
        session.flush()
        before.pop("name_key", None)
        self._note(session, "person.identity", row.person_id, {"before": before, "after": {name: columns[name] for name in before}})

    def _note(self, session: Session, kind: str, person_id: int, facts: Mapping[str, Any]) -> None:
        account_id = session.scalar(select(Account.id).where(Account.person_id == person_id))
        payload = {"person": person_id, "plugin": self._plugin, **facts}
        audit.append(session, actor=self._actor, kind=kind, payload=payload, account_id=account_id)


def usable(text: str, what: str) -> str:
    """Return a text without the spaces around it.

    :raises Invalid: when nothing is left, it is too long, or it holds what no page could show.
    """
    clean = text.strip()
    if not clean or len(clean) > LONGEST or not clean.isprintable():
        message = f"The {what} has to have 1 to {LONGEST} characters that can be shown."
        raise Invalid(message, fields={what: [message]})
    return clean


def _columns(identity: Identity) -> dict[str, Any]:
    if len(identity.facts) > _FACTS:
        raise Invalid(f"At most {_FACTS} facts are kept of a person.")
    name = usable(identity.name, "name")
    return {
        "name": name,
        "name_key": canonical(name, words=True, longest=LONGEST),
        "external_id": None if identity.external_id is None else usable(identity.external_id, "external_id"),
        "facts": {fact: usable(text, fact) for fact, text in sorted(identity.facts.items())},
    }


def _check(expected: str | None, present: str) -> None:
    if expected is not None and expected != present:
        raise Stale("The record was changed by somebody else meanwhile.", hint="Read it again and make the change again.")


def _unknown(key: str) -> Unknown:
    return Unknown(f"Nobody with the key {key[:60]!r} was handed in.")


def _taken(name: str) -> Taken:
    message = f"Somebody was handed in as {name[:100]} already."
    return Taken(message, fields={"name": [message]})
