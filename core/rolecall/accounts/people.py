"""People of the seven lists: what may be said of them, adding and editing by hand, and who is related to whom (R1, R2, R6).

Owns the rules for one person's record. Reading many of them is for ``store.people_query``, importing for ``work.imports``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import statuses
from rolecall.errors import Invalid, Refused, Stale, Taken, Unknown
from rolecall.sdk.person_fields import language_tag, problem_of
from rolecall.sdk.words import LISTS
from rolecall.store import listing
from rolecall.store.bulk import insert_into
from rolecall.store.folding import canonical, email_key
from rolecall.store.tables import Person, Relation, StudentStatus

#: What a person has besides the list, in the order of forms.
FIELDS = ("code", "first_name", "last_name", "email", "phone", "language", "active", "status", "no_sync")
_TEXTS = ("code", "first_name", "last_name", "email", "phone", "language")
_NEEDED = ("code", "first_name", "last_name")
_FLAGS = {"active": True, "no_sync": False}
_WORDS = {"yes": True, "no": False, "true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An edit and what differed: fields with their value before and after."""

    person: Person
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """Somebody related to a person. ``direction`` is ``of`` where the person is their ``kind``, ``has`` where they are the person's."""

    person_id: int
    list: str
    code: str
    first_name: str
    last_name: str
    kind: str
    direction: str


def validate_person(values: Mapping[str, Any], *, people_list: str, known_statuses: Mapping[str, int], new: bool) -> dict[str, Any]:
    """Return the columns that ``values`` mean: texts trimmed, ``status`` as ``status_id``, ``code_key`` beside ``code``.

    Absent fields are left out, or get their default for a new person; an empty text or none clears. ``active`` and ``no_sync`` are
    booleans or ``yes`` and ``no``. ``known_statuses`` maps canonical labels to ids.

    :raises Invalid: with the sentences of every wrong field.
    """
    wrong: dict[str, list[str]] = {}
    if people_list not in LISTS:
        wrong["list"] = [f"There is no list {people_list!r}. The lists are {', '.join(LISTS)}."]
    for name in values:
        if name not in FIELDS and name != "list":
            wrong[str(name)[:60]] = [f"A person has no field {str(name)[:60]!r}."]
    clean = _texts(values, new, wrong)
    for name, default in _FLAGS.items():
        if name in values:
            clean[name] = _flag(name, values[name], wrong)
        elif new:
            clean[name] = default
    if values.get("status"):
        clean["status_id"] = _status(values["status"], people_list, known_statuses, wrong)
    elif "status" in values:
        clean["status_id"] = None
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    return clean


def create(session: Session, values: Mapping[str, Any], *, now: datetime) -> Person:
    """Add a person. A student whose record names no status is *Registered*.

    :raises Invalid: with the sentences of every wrong field; a code that the list has already is one of them.
    """
    people_list = str(values.get("list", ""))
    clean = validate_person(values, people_list=people_list, known_statuses=statuses.ids_by_key(session), new=True)
    if people_list == "students" and "status_id" not in clean:
        clean["status_id"] = statuses.first_status(session)
    insert = insert_into(session, Person).on_conflict_do_nothing().returning(Person.__table__.c.id)
    row = clean | {"list": people_list, "search": "", "version": 1, "created_at": now, "updated_at": now}
    person_id = session.connection().execute(insert, row).scalar_one_or_none()
    if person_id is None:
        raise _code_taken(clean["code"], people_list)
    listing.refresh_people(session, [person_id])
    return session.get_one(Person, person_id)


def edit(session: Session, person_id: int, values: Mapping[str, Any], *, now: datetime, version: int | None = None) -> Edited:
    """Change what is given of a person; nothing of their account changes with it but what lists and searches show.

    :raises Invalid: as :func:`create`.
    :raises Refused: when the list would change: an account's type hangs on it.
    :raises Stale: when somebody else changed the record since ``version``.
    """
    person = get(session, person_id, lock=True)
    if version is not None and version != person.version:
        raise Stale("The record was changed by somebody else meanwhile.", hint="Reload the page and make your change again.")
    if values.get("list", person.list) != person.list:
        raise Refused("A person stays in their list.", hint="Add them to the other list, and make this record inactive.")
    clean = validate_person(values, people_list=person.list, known_statuses=statuses.ids_by_key(session), new=False)
    if "code_key" in clean and clean["code_key"] != person.code_key:
        taken = select(Person.id).where(Person.list == person.list, Person.code_key == clean["code_key"])
        if session.scalar(taken) is not None:
            raise _code_taken(clean["code"], person.list)
    before = {name: getattr(person, name) for name, value in clean.items() if getattr(person, name) != value}
    if before:
        for name in before:
            setattr(person, name, clean[name])
        person.version += 1
        person.updated_at = now
        session.flush()
        listing.refresh_people(session, [person.id])
    before.pop("code_key", None)
    return Edited(person=person, before=before, after={name: clean[name] for name in before})


def get(session: Session, person_id: int, *, lock: bool = False) -> Person:
    """Return a person by id; with ``lock`` as it is once nobody else is changing it, for whoever goes by what it says.

    :raises Unknown: when there is none.
    """
    person = session.get(Person, person_id, with_for_update={"key_share": True} if lock else None)
    if person is None:
        raise Unknown(f"There is no person with the id {person_id}.")
    return person


def by_code(session: Session, people_list: str, code: str) -> Person:
    """Return a person by list and code, in any case.

    :raises Unknown: when there is none.
    """
    key = canonical(code, what="code", words=True)
    person = session.scalar(select(Person).where(Person.list == people_list, Person.code_key == key))
    if person is None:
        raise Unknown(f"Nobody in the list {people_list} has the code {code}.")
    return person


def relate(session: Session, person_id: int, child_id: int, kind: str) -> bool:
    """Record that one person is ``kind`` (guardian, parent ...) of another; false where that is known already.

    :raises Invalid: when it is the same person or the kind is no word.
    """
    if person_id == child_id:
        raise Invalid("Nobody is related to themselves.")
    if not kind.strip() or len(kind) > 40 or not kind.isprintable():
        raise Invalid("Say in a word what they are to each other, such as guardian.")
    insert = insert_into(session, Relation).on_conflict_do_nothing().returning(Relation.__table__.c.id)
    row = {"person_id": person_id, "child_id": child_id, "kind": kind.strip()}
    return session.connection().execute(insert, row).scalar_one_or_none() is not None


def relations(session: Session, person_id: int) -> Sequence[Relative]:
    """Who is related to a person, by name."""
    found: list[Relative] = []
    for direction, own, other in (("of", Relation.person_id, Relation.child_id), ("has", Relation.child_id, Relation.person_id)):
        rows = session.execute(
            select(Person.id.label("person_id"), Person.list, Person.code, Person.first_name, Person.last_name, Relation.kind)
            .join(Relation, other == Person.id)
            .where(own == person_id)
            .order_by(Person.last_name, Person.first_name, Person.id)
        )
        found += [Relative(**row._asdict(), direction=direction) for row in rows]
    return found


def status_label(session: Session, person: Person) -> str | None:
    """The label of a student's status."""
    return None if person.status_id is None else session.scalar(select(StudentStatus.label).where(StudentStatus.id == person.status_id))


def _texts(values: Mapping[str, Any], new: bool, wrong: dict[str, list[str]]) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for name in _TEXTS:
        if name in values or (new and name in _NEEDED):
            clean[name] = _text(name, values.get(name), wrong)
    if clean.get("language"):
        clean["language"] = language_tag(clean["language"])
    if clean.get("code"):
        clean["code_key"] = _checked("code", wrong, lambda: canonical(clean["code"], what="code", words=True))
    if clean.get("email") and "email" not in wrong:
        _checked("email", wrong, lambda: email_key(clean["email"]))
    return clean


def _text(name: str, value: Any, wrong: dict[str, list[str]]) -> str | None:
    text = value.strip() if isinstance(value, str) else value
    if text is None or text == "":
        if name in _NEEDED:
            wrong[name] = [f"A person needs a {name.replace('_', ' ')}."]
        return None
    if not isinstance(text, str):
        wrong[name] = [f"The {name.replace('_', ' ')} is not a text."]
        return None
    if problem := problem_of(name, text):
        wrong[name] = [problem]
    return text


def _flag(name: str, value: Any, wrong: dict[str, list[str]]) -> bool:
    meant = _WORDS.get(value.strip().casefold()) if isinstance(value, str) else value
    if not isinstance(meant, bool):
        wrong[name] = ["Write yes or no."]
        return False
    return meant


def _status(value: Any, people_list: str, known: Mapping[str, int], wrong: dict[str, list[str]]) -> int | None:
    if people_list != "students":
        wrong["status"] = ["Only students have a status."]
        return None
    key = _checked("status", wrong, lambda: statuses.label_key(str(value)))
    if "status" not in wrong and key not in known:
        wrong["status"] = [f"There is no student status “{str(value)[:60]}”."]
    return known.get(key)


def _checked(name: str, wrong: dict[str, list[str]], check: Callable[[], str]) -> str:
    try:
        return check()
    except Invalid as error:
        wrong[name] = [str(error)]
        return ""


def _code_taken(code: str, people_list: str) -> Taken:
    message = f"The list {people_list} has somebody with the code {code} already."
    return Taken(message, fields={"code": [message]})
