"""Classes of a period and who is in them: what may be said of a class, adding, editing, ending and deleting (R60a).

Owns the rules for one class by hand. Reading many is for ``store.classes_query``, importing for ``work.imports``; providers are not known.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import escalation, periods
from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Invalid, Refused, Stale, Unknown
from rolecall.sdk.words import CLASS_ROLES, LISTS_OF_CLASS_ROLE
from rolecall.store.bulk import among, insert_into
from rolecall.store.engine import is_sqlite
from rolecall.store.folding import canonical, search_text
from rolecall.store.tables import ClassMember, Period, Person, SchoolClass

LONGEST_CODE = 100
LONGEST_NAME = 200
#: Members that one change by hand names: far beyond any class, and little enough for one transaction.
MOST_MEMBERS = 10_000
#: Sentences about members that a refusal holds.
_SENTENCES = 5
_NO_SYNC = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a change of members came to, by the person's id: role given, role had, and role before and after."""

    added: Mapping[int, str]
    removed: Mapping[int, str]
    changed: Mapping[int, tuple[str, str]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def create(session: Session, *, period_id: int, code: str, name: str, now: datetime) -> SchoolClass:
    """Add a class without members to a period.

    :raises Invalid: with the sentences of each wrong field; a code that the period has already is one of them.
    :raises Refused: when the period is closed.
    :raises Unknown: when there is no such period.
    """
    period = periods.get(session, period_id, lock=True)
    require_open(period)
    code, code_key, name = checked(code, name)
    values = {
        "key": str(uuid4()), "period_id": period.id, "code": code, "code_key": code_key, "name": name, "active": True, "version": 1,
        "search": search_text(code, name), "created_at": now,
    }  # fmt: skip
    insert = insert_into(session, SchoolClass).on_conflict_do_nothing().returning(SchoolClass.__table__.c.id)
    class_id = session.connection().execute(insert, values).scalar_one_or_none()
    if class_id is None:
        raise _code_taken(code, period)
    return session.get_one(SchoolClass, class_id)


def edit(
    session: Session,
    actor: Actor,
    class_id: int,
    *,
    code: str | None = None,
    name: str | None = None,
    active: bool | None = None,
    version: int | None = None,
) -> SchoolClass:
    """Change what is given; ``active`` false ends the class. It stays in its period.

    :raises Invalid: as :func:`create`.
    :raises Refused: when the period is closed.
    :raises Forbidden: when the class would end or go on for somebody whom the actor's rights do not reach.
    :raises Stale: when somebody else changed the class since ``version``.
    """
    made = get(session, class_id, lock=True)
    require_version(made, version)
    period = periods.get(session, made.period_id)
    new_code, code_key, new_name = checked(made.code if code is None else code, made.name if name is None else name)
    goes_on = made.active if active is None else active
    if (new_code, new_name, goes_on) == (made.code, made.name, made.active):
        return made
    require_open(period)
    if goes_on != made.active:
        require_all_reached(session, actor, made)
    same = select(SchoolClass.id).where(SchoolClass.period_id == made.period_id, SchoolClass.code_key == code_key)
    if code_key != made.code_key and session.scalar(same) is not None:
        raise _code_taken(new_code, period)
    made.code, made.code_key, made.name, made.active = new_code, code_key, new_name, goes_on
    made.search = search_text(new_code, new_name)
    made.version += 1
    session.flush()
    return made


def remove(session: Session, actor: Actor, class_id: int, *, version: int | None = None) -> SchoolClass:
    """Delete a class and who was in it, and return what it was. That no provider holds it is for the caller to see to.

    :raises Forbidden: when somebody is in it whom the actor's rights do not reach.
    :raises Stale: when somebody else changed the class since ``version``.
    """
    made = get(session, class_id, lock=True)
    require_version(made, version)
    require_all_reached(session, actor, made)
    session.execute(delete(ClassMember).where(ClassMember.class_id == made.id))
    session.delete(made)
    session.flush()
    return made


def change_members(
    session: Session,
    actor: Actor,
    class_id: int,
    *,
    put: Mapping[int, str],
    out: Collection[int] = (),
    replace: bool = False,
    version: int | None = None,
) -> Moved:
    """Give people a role in a class (``put``, by person) and take others out; with ``replace`` everybody else whom the actor reaches.

    Whoever has the role already, and whoever is not in it anyway, is no change.

    :raises Invalid: with the sentences of the first people who cannot have their role, or for a role that there is none.
    :raises Unknown: for a person who is not there, or whom the actor's rights do not reach.
    :raises Refused: when the period is closed.
    :raises Stale: when somebody else changed the class since ``version``.
    """
    made = get(session, class_id, lock=True)
    require_version(made, version)
    have = {row.person_id: row.role for row in _members(session, made.id)}
    gone = set(out) - set(put)
    if replace:
        gone |= set(have) - set(put)
        gone -= escalation.people_out_of_reach(session, actor, gone)
    _require_people(session, actor, put, gone)
    moved = Moved(
        added={each: role for each, role in put.items() if each not in have},
        removed={each: have[each] for each in sorted(gone) if each in have},
        changed={each: (have[each], role) for each, role in put.items() if each in have and have[each] != role},
    )
    if moved:
        require_open(periods.get(session, made.period_id))
        write_members(session, [(made.id, each, put[each]) for each in (*moved.added, *moved.changed)])
        theirs = ClassMember.person_id.in_(among(session, moved.removed))
        session.execute(delete(ClassMember).where(ClassMember.class_id == made.id, theirs), execution_options=_NO_SYNC)
        made.version += 1
        session.flush()
    return moved


def write_members(session: Session, rows: Sequence[tuple[int, int, str]]) -> None:
    """Write (class, person, role): new ones, and another role for those who are in the class."""
    if not rows:
        return
    insert = insert_into(session, ClassMember)
    statement = insert.on_conflict_do_update(index_elements=["class_id", "person_id"], set_={"role": insert.excluded.role})
    values = [dict(zip(("class_id", "person_id", "role"), row, strict=True)) for row in rows]
    session.connection().execute(statement, values)


def lock(session: Session, class_ids: Collection[int]) -> None:
    """Wait for whoever else is changing these classes, in the order of their ids, so that no two wait for each other."""
    if not is_sqlite(session):
        rows = select(SchoolClass.id).where(SchoolClass.id.in_(among(session, class_ids))).order_by(SchoolClass.id)
        session.execute(select(func.count()).select_from(rows.with_for_update(key_share=True).subquery()))


def bump(session: Session, class_ids: Collection[int]) -> None:
    """Say that these classes, or who is in them, are not what they were."""
    changed = update(SchoolClass).where(SchoolClass.id.in_(among(session, class_ids)))
    session.execute(changed.values(version=SchoolClass.version + 1), execution_options=_NO_SYNC)


def get(session: Session, class_id: int, *, lock: bool = False) -> SchoolClass:
    """Return a class by id; with ``lock`` as it is once nobody else is changing it or who is in it.

    :raises Unknown: when there is none.
    """
    made = session.get(SchoolClass, class_id, with_for_update={"key_share": True} if lock else None)
    if made is None:
        raise Unknown(f"There is no class with the id {class_id}.")
    return made


def by_code(session: Session, period_id: int, code: str) -> SchoolClass:
    """Return a class of a period by its code, in any case.

    :raises Unknown: naming the code that comes nearest.
    """
    of_period = SchoolClass.period_id == period_id
    key = canonical(code, what="code", words=True)
    made = session.scalar(select(SchoolClass).where(of_period, SchoolClass.code_key == key))
    if made is None:
        codes = session.scalars(select(SchoolClass.code).where(of_period)).all()
        near = get_close_matches(code, codes, 1)
        period = periods.get(session, period_id)
        hint = f"Did you mean {near[0]}?" if near else "The list of classes shows all of them."
        raise Unknown(f"There is no class {code} in {period.code}.", hint=hint)
    return made


def checked(code: str, name: str) -> tuple[str, str, str]:
    """Return a class's code, the key of it and its name as they are kept.

    :raises Invalid: with the sentences of each wrong field.
    """
    wrong: dict[str, list[str]] = {}
    code, name, key = " ".join(code.split()), " ".join(name.split()), ""
    try:
        key = canonical(code, what="code", words=True)
        if len(code) > LONGEST_CODE:
            wrong["code"] = [f"The code is too long. Use at most {LONGEST_CODE} characters."]
    except Invalid as error:
        wrong["code"] = [str(error)]
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        wrong["name"] = [f"Give the class a name of at most {LONGEST_NAME} characters."]
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    return code, key, name


def cannot_be(people_list: str, role: str) -> str | None:
    """Say why nobody of a list can have a role in a class, or none where they can."""
    if role not in CLASS_ROLES:
        return f"There is no role “{role[:40]}” in a class. The roles are {', '.join(CLASS_ROLES)}."
    allowed = LISTS_OF_CLASS_ROLE[role]
    if people_list in allowed:
        return None
    article = "an" if role[0] in "aeiou" else "a"
    return f"Nobody of the {people_list} can be {article} {role} of a class; that is for {', '.join(allowed[:-1])} and {allowed[-1]}."


def require_open(period: Period) -> None:
    """Refuse changes in a closed period.

    :raises Refused: naming it.
    """
    if not period.is_open:
        raise Refused(is_closed(period.code), hint="Open it again first.")


def is_closed(period_code: str) -> str:
    """The sentence why classes of a closed period are not changed."""
    return f"The period {period_code} is closed, so its classes stay as they are."


def require_version(made: SchoolClass, version: int | None) -> None:
    """Refuse a change of a class that is another one by now.

    :raises Stale: when somebody else changed it since ``version``.
    """
    if version is not None and version != made.version:
        raise Stale(f"The class {made.code} was changed by somebody else meanwhile.", hint="Reload the page and make your change again.")


def require_all_reached(session: Session, actor: Actor, made: SchoolClass) -> None:
    """Refuse what concerns everybody in a class to whom not all of them are reached by the actor's rights (R58).

    :raises Forbidden: without telling who it is.
    """
    if escalation.classes_beyond(session, actor, [made.id]):
        raise Forbidden(not_all_reached(made.code), hint="Ask an administrator whose role does.", code=escalation.OUT_OF_REACH)


def not_all_reached(code: str) -> str:
    """The sentence why what concerns a whole class is refused."""
    return f"The class {code} has members whom your role does not reach, and this would concern them."


def size(session: Session, class_id: int) -> int:
    """How many people are in a class."""
    return session.scalar(select(func.count()).select_from(ClassMember).where(ClassMember.class_id == class_id)) or 0


def _members(session: Session, class_id: int) -> Sequence[Any]:
    return session.execute(select(ClassMember.person_id, ClassMember.role).where(ClassMember.class_id == class_id)).all()


def _require_people(session: Session, actor: Actor, put: Mapping[int, str], gone: Collection[int]) -> None:
    if len(put) + len(gone) > MOST_MEMBERS:
        raise Invalid(f"That are more than {MOST_MEMBERS:,} people.", hint="Import them instead.")
    ids = {*put, *gone}
    rows = session.execute(
        select(Person.id, Person.list, Person.first_name, Person.last_name).where(Person.id.in_(among(session, ids)))
    ).all()
    missing = sorted((ids - {row.id for row in rows}) | escalation.people_out_of_reach(session, actor, ids))
    if missing:
        raise Unknown(f"There is no person with the id {missing[0]}.", hint="The list of people shows who there is.")
    told = [
        f"{row.first_name} {row.last_name}: {why}"
        for row in sorted(rows, key=lambda row: (row.last_name, row.first_name, row.id))
        if row.id in put and (why := cannot_be(row.list, put[row.id]))
    ]
    if told:
        raise Invalid(told[0], fields={"members": told[:_SENTENCES]})


def _code_taken(code: str, period: Period) -> Invalid:
    message = f"The period {period.code} has a class {code} already."
    return Invalid(message, fields={"code": [message]})
