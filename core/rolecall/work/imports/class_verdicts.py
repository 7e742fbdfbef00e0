"""What rows about classes come to: new, changed, unchanged or rejected (R6, R60a).

Asked for the preview and once more when a batch is applied, because days may lie between. Reads only.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import classes, escalation
from rolecall.accounts.actors import Actor
from rolecall.store.bulk import among, among_texts
from rolecall.store.tables import ClassMember, ImportRow, Period, SchoolClass
from rolecall.work.imports.compare import Verdict, existing
from rolecall.work.imports.extras import coming_people
from rolecall.work.imports.records import Staged

#: The keys of a period and of a class in it.
ClassKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownClass:
    """A class that is there."""

    id: int
    code: str
    name: str
    active: bool


def known_classes(session: Session, keys: Iterable[ClassKey]) -> dict[ClassKey, KnownClass]:
    """Read the classes with these keys."""
    by_period: dict[str, set[str]] = {}
    for period_key, class_key in keys:
        by_period.setdefault(period_key, set()).add(class_key)
    found = {}
    for period_key, codes in by_period.items():
        statement = (
            select(SchoolClass.id, SchoolClass.code_key, SchoolClass.code, SchoolClass.name, SchoolClass.active)
            .join(Period, Period.id == SchoolClass.period_id)
            .where(Period.code_key == period_key, SchoolClass.code_key.in_(among_texts(session, codes)))
        )
        for class_id, code_key, code, name, active in session.connection().execute(statement):
            found[period_key, code_key] = KnownClass(id=class_id, code=code, name=name, active=active)
    return found


def known_roles(session: Session, class_ids: Collection[int], person_ids: Collection[int]) -> dict[tuple[int, int], str]:
    """Read which of these people are in which of these classes, with the role, by (class, person)."""
    statement = select(ClassMember.class_id, ClassMember.person_id, ClassMember.role).where(
        ClassMember.class_id.in_(among(session, class_ids)), ClassMember.person_id.in_(among(session, person_ids))
    )
    return {(row.class_id, row.person_id): row.role for row in session.execute(statement)}


def open_periods(session: Session) -> dict[str, bool]:
    """Every period by its key, and whether it is open."""
    return {row.code_key: row.is_open for row in session.execute(select(Period.code_key, Period.is_open))}


def class_verdicts(session: Session, actor: Actor, run_id: int, staged: Sequence[Staged]) -> list[tuple[Staged, Verdict]]:
    """Judge staged classes for the preview."""
    staged, periods = _in_periods(session, run_id, staged)
    keys = {key for each in staged if (key := key_of_class(each))}
    there = known_classes(session, keys)
    rows_of = _rows_of_classes(session, run_id, keys)
    beyond = escalation.classes_beyond(session, actor, [each.id for each in there.values()])
    judged = []
    for each in staged:
        key = key_of_class(each)
        verdict = judge_class(each, periods, there.get(key) if key else None, beyond)
        if key is not None and key in rows_of:
            verdict = Verdict(verdict="rejected", message=f"The class is in row {rows_of[key]} already.")
        elif key is not None and verdict.verdict != "rejected":
            rows_of[key] = each.row
        judged.append((each, verdict))
    return judged


def membership_verdicts(session: Session, run_id: int, staged: Sequence[Staged]) -> list[tuple[Staged, Verdict]]:
    """Judge for the preview who is in classes."""
    staged, periods = _in_periods(session, run_id, staged)
    keys = {key for each in staged if (key := key_of_class(each))}
    named = {(each.list, each.code_key) for each in staged if each.list and each.code_key}
    there, people = known_classes(session, keys), existing(session, sorted(named))
    coming = set(_rows_of_classes(session, run_id, keys))
    arriving = coming_people(session, run_id, [key for key in named if key not in people])
    roles = known_roles(session, [each.id for each in there.values()], [each["id"] for each in people.values()])
    rows_of = _rows_of_members(session, run_id, keys, named)
    judged = []
    for each in staged:
        key, who = key_of_class(each), (each.list or "", each.code_key or "")
        known, person = there.get(key) if key else None, people.get(who)
        role = roles.get((known.id, person["id"])) if known and person else None
        verdict = judge_membership(
            each, periods, known, comes=key in coming, person_id=person["id"] if person else None, arrives=who in arriving, role=role,
        )  # fmt: skip
        if key is not None and (*key, *who) in rows_of:
            verdict = Verdict(verdict="rejected", person_id=verdict.person_id, message=_twice(each, rows_of[(*key, *who)]))
        elif key is not None and verdict.verdict != "rejected":
            rows_of[(*key, *who)] = each.row
        judged.append((each, verdict))
    return judged


def judge_class(each: Staged, periods: Mapping[str, bool], there: KnownClass | None, beyond: Collection[int]) -> Verdict:
    """Compare one class with the one that is there, if any; ``beyond`` are those that the actor may not end."""
    if why := _no_period(each, periods):
        return Verdict(verdict="rejected", message=why)
    said = {name: each.data[name] for name in ("name", "active") if name in each.data}
    if each.data.get("leaving"):
        said = {"active": False}
    if there is None:
        if said.get("active") is False:
            return Verdict(verdict="unchanged")
        after = {"class": each.data["code"], "name": said.get("name", each.data["code"]), "period": each.data["period"]}
        return _in_open(each, periods, Verdict(verdict="new", after=after, message=f"Class {after['name']}"))
    differing = {name: value for name, value in said.items() if getattr(there, name) != value}
    if not differing:
        return Verdict(verdict="unchanged")
    if "active" in differing and there.id in beyond:
        return Verdict(verdict="rejected", message=classes.not_all_reached(there.code))
    before = {name: getattr(there, name) for name in differing}
    return _in_open(each, periods, Verdict(verdict="changed", before=before, after=differing, message=f"Class {there.name}"))


def judge_membership(
    each: Staged, periods: Mapping[str, bool], there: KnownClass | None, *, comes: bool, person_id: int | None, arrives: bool,
    role: str | None,
) -> Verdict:  # fmt: skip
    """Compare who is in a class with what the source says; ``role`` is the one that the person has in it now.

    ``comes`` and ``arrives`` tell that the class or the person is not there yet, and in the same import.
    """

    def rejected(why: str) -> Verdict:
        return Verdict(verdict="rejected", person_id=person_id, message=why)

    if why := _no_period(each, periods):
        return rejected(why)
    data, field = each.data, f"class:{there.code if there else each.data['class']}"
    if not data["in"]:
        if role is None:
            return Verdict(verdict="unchanged", person_id=person_id)
        return _in_open(each, periods, Verdict(verdict="changed", person_id=person_id, before={field: role}, after={field: None}))
    if there is None and not comes:
        return rejected(f"There is no class {data['class']} in {data['period']}.")
    if person_id is None and not arrives:
        return rejected(f"The class {data['class']} names {data['code']} of the {each.list}, who is not in the roster.")
    if why := classes.cannot_be(each.list or "", data["role"]):
        return rejected(why)
    if role == data["role"]:
        return Verdict(verdict="unchanged", person_id=person_id)
    verdict, before = ("new", None) if role is None else ("changed", {field: role})
    return _in_open(each, periods, Verdict(verdict=verdict, person_id=person_id, before=before, after={field: data["role"]}))


def key_of_class(each: Staged) -> ClassKey | None:
    """Which class a row is about, or none where it does not say so properly."""
    return (each.period_key, each.class_key) if each.period_key and each.class_key else None


def _in_periods(session: Session, run_id: int, staged: Sequence[Staged]) -> tuple[list[Staged], dict[str, bool]]:
    """The rows with the current period where they name none, and which periods there are or come with this import."""
    periods = open_periods(session)
    coming = select(ImportRow.period_key).where(
        ImportRow.run_id == run_id, ImportRow.period_key.is_not(None), ImportRow.class_key.is_(None), ImportRow.list.is_(None),
        ImportRow.verdict != "rejected",
    )  # fmt: skip
    # The periods of an import are its first rows and few.
    periods = dict.fromkeys(filter(None, session.scalars(coming)), True) | periods
    current = session.execute(select(Period.code, Period.code_key).where(Period.is_current)).one_or_none()
    placed = []
    for each in staged:
        if each.class_key and each.period_key is None and current is not None:
            each = replace(each, period_key=current.code_key, data={**each.data, "period": current.code})
        placed.append(each)
    return placed, periods


def _no_period(each: Staged, periods: Mapping[str, bool]) -> str | None:
    if each.problem:
        return each.problem
    if each.period_key is None:
        return "The row names no period, and none is the current one."
    return None if each.period_key in periods else f"There is no period {each.data['period']}. Add it first, or import it."


def _in_open(each: Staged, periods: Mapping[str, bool], verdict: Verdict) -> Verdict:
    if periods[each.period_key or ""]:
        return verdict
    return Verdict(verdict="rejected", person_id=verdict.person_id, message=classes.is_closed(each.data["period"]))


def _twice(each: Staged, row: int) -> str:
    return f"{each.data['code']} of the {each.list} is in the class {each.data['class']} in row {row} already."


def _rows_of_classes(session: Session, run_id: int, keys: Collection[ClassKey]) -> dict[ClassKey, int]:
    """Rows of this import about these classes themselves, from the chunks before."""
    rows = session.execute(
        select(ImportRow.period_key, ImportRow.class_key, ImportRow.row).where(
            ImportRow.run_id == run_id, ImportRow.class_key.is_not(None), ImportRow.list.is_(None), ImportRow.verdict != "rejected",
            ImportRow.period_key.in_(among_texts(session, {key[0] for key in keys})),
            ImportRow.class_key.in_(among_texts(session, {key[1] for key in keys})),
        )
    )  # fmt: skip
    found = {(row.period_key or "", row.class_key or ""): row.row for row in rows}
    return {key: row for key, row in found.items() if key in keys}


def _rows_of_members(
    session: Session, run_id: int, keys: Collection[ClassKey], people: Collection[tuple[str, str]]
) -> dict[tuple[Any, ...], int]:
    """Rows of this import about these people in these classes, from the chunks before, by period, class, list and code."""
    rows = session.execute(
        select(ImportRow.period_key, ImportRow.class_key, ImportRow.list, ImportRow.code_key, ImportRow.row).where(
            ImportRow.run_id == run_id, ImportRow.list.in_({each[0] for each in people}), ImportRow.verdict != "rejected",
            ImportRow.code_key.in_(among_texts(session, {each[1] for each in people})),
            ImportRow.class_key.in_(among_texts(session, {key[1] for key in keys})),
        )
    )  # fmt: skip
    return {(row.period_key, row.class_key, row.list, row.code_key): row.row for row in rows}
