"""Applies the rows of one batch that are about classes: classes first, then who is in them (R6, R60a).

Set-based. Every row is judged again with what is there now, so applying twice, or after somebody's edit, does the right thing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import classes, escalation
from rolecall.accounts.actors import Actor
from rolecall.store.bulk import chunks, insert_into
from rolecall.store.folding import search_text
from rolecall.store.tables import ClassMember, Period, SchoolClass
from rolecall.work.imports.class_verdicts import (
    ClassKey,
    KnownClass,
    judge_class,
    judge_membership,
    key_of_class,
    known_classes,
    known_roles,
    open_periods,
)
from rolecall.work.imports.compare import Verdict, existing
from rolecall.work.imports.guard import guarded
from rolecall.work.imports.records import Staged
from rolecall.work.runs.unit import Outcome

Judged = dict[int, tuple[Staged, Verdict]]
_OPTIONS = {"synchronize_session": False}
#: Pairs in one clause that names them.
_PAIRS = 400


def apply_classes(session: Session, actor: Actor, staged: Mapping[int, Staged], now: datetime) -> tuple[list[Outcome], frozenset[int]]:
    """Write classes and members; returns the outcomes, and the classes that are not what they were."""
    of_class = {n: each for n, each in sorted(staged.items()) if each.kind == "class"}
    of_member = {n: each for n, each in sorted(staged.items()) if each.kind == "membership"}
    if not of_class and not of_member:
        return [], frozenset()
    keys = {key for each in (*of_class.values(), *of_member.values()) if (key := key_of_class(each))}
    classes.lock(session, [each.id for each in known_classes(session, keys).values()])
    outcomes, touched = _write_classes(session, actor, of_class, now)
    told, moved = _write_members(session, actor, of_member)
    # Who is new is in a class that has this version already: only what was there before becomes another one.
    classes.bump(session, (touched | moved) - _made(session, of_class, outcomes))
    session.expire_all()
    return [*outcomes, *told], frozenset(touched | moved)


def _write_classes(session: Session, actor: Actor, staged: Mapping[int, Staged], now: datetime) -> tuple[list[Outcome], set[int]]:
    periods = open_periods(session)
    keys = {key for each in staged.values() if (key := key_of_class(each))}
    there = known_classes(session, keys)
    beyond = escalation.classes_beyond(session, actor, [each.id for each in there.values()])
    judged: Judged = {}
    for n, each in staged.items():
        known = there.get(key_of_class(each) or ("", ""))
        each = _named(each, known)
        judged[n] = (each, judge_class(each, periods, known, beyond))
    _insert(session, [(each, verdict) for each, verdict in judged.values() if verdict.verdict == "new"], now)
    for each, verdict in judged.values():
        known = there.get(key_of_class(each) or ("", ""))
        if verdict.verdict == "changed" and known is not None:
            values = dict(verdict.after or {})
            if "name" in values:
                values["search"] = search_text(known.code, values["name"])
            session.execute(update(SchoolClass).where(SchoolClass.id == known.id).values(**values), execution_options=_OPTIONS)
    now_there = known_classes(session, keys)
    touched = {
        now_there[key].id
        for each, verdict in judged.values()
        if verdict.verdict in ("new", "changed") and (key := key_of_class(each)) in now_there and key is not None
    }
    return [_outcome(n, each, verdict, "class") for n, (each, verdict) in judged.items()], touched


def _insert(session: Session, new: Sequence[tuple[Staged, Verdict]], now: datetime) -> None:
    if not new:
        return
    period_ids = dict(session.execute(select(Period.code_key, Period.id)).all())
    rows = []
    for each, verdict in new:
        said = verdict.after or {}
        rows.append(
            {
                "key": str(uuid4()), "period_id": period_ids[each.period_key or ""], "code": said["class"], "code_key": each.class_key,
                "name": said["name"], "active": True, "search": search_text(said["class"], said["name"]), "version": 1, "created_at": now,
            }
        )  # fmt: skip
    # Somebody may add the same class by hand at this moment: then there is one all the same.
    session.connection().execute(insert_into(session, SchoolClass).on_conflict_do_nothing(), rows)


def _write_members(session: Session, actor: Actor, staged: Mapping[int, Staged]) -> tuple[list[Outcome], set[int]]:
    periods = open_periods(session)
    there = known_classes(session, {key for each in staged.values() if (key := key_of_class(each))})
    people = existing(session, sorted({(each.list or "", each.code_key or "") for each in staged.values()}))
    roles = known_roles(session, [each.id for each in there.values()], [each["id"] for each in people.values()])
    compared: list[tuple[Staged, Verdict]] = []
    for each in staged.values():
        known, person = _pair(each, there, people)
        each = _named(each, known)
        role = roles.get((known.id, person)) if known and person else None
        verdict = judge_membership(each, periods, known, comes=False, person_id=person, arrives=False, role=role)
        if each.data.get("leaving") and known is not None and not known.active:
            # A class that ended keeps who was in it.
            verdict = Verdict(verdict="unchanged", person_id=person)
        compared.append((each, verdict))
    judged = dict(zip(staged, zip((each for each, _ in compared), guarded(session, actor, compared), strict=True), strict=True))
    put, out = [], []
    for each, verdict in judged.values():
        known, person = _pair(each, there, people)
        if verdict.verdict not in ("new", "changed") or known is None or person is None:
            continue
        if each.data["in"]:
            put.append((known.id, person, str(each.data["role"])))
        else:
            out.append((known.id, person))
    classes.write_members(session, put)
    for part in chunks(out, _PAIRS):
        pairs = or_(*(and_(ClassMember.class_id == class_id, ClassMember.person_id == person_id) for class_id, person_id in part))
        session.execute(delete(ClassMember).where(pairs), execution_options=_OPTIONS)
    touched = {row[0] for row in put} | {row[0] for row in out}
    return [_outcome(n, each, verdict, "membership") for n, (each, verdict) in judged.items()], touched


def _pair(
    each: Staged, there: Mapping[ClassKey, KnownClass], people: Mapping[tuple[str, str], Mapping[str, int]]
) -> tuple[KnownClass | None, int | None]:
    person = people.get((each.list or "", each.code_key or ""))
    return there.get(key_of_class(each) or ("", "")), person["id"] if person else None


def _named(each: Staged, known: KnownClass | None) -> Staged:
    """A row of what is missing says no more than the keys: the words for it are those of what is there."""
    if not each.data.get("leaving"):
        return each
    code = known.code if known else each.class_key
    words = {"period": each.period_key, "in": False, "code": code if each.kind == "class" else each.code_key, "class": code}
    return replace(each, data={**words, **each.data})


def _made(session: Session, staged: Mapping[int, Staged], outcomes: Sequence[Outcome]) -> set[int]:
    new = {key for each in outcomes if each.code == "class" and each.before is None and (key := key_of_class(staged[each.n]))}
    return {each.id for each in known_classes(session, new).values()}


def _outcome(n: int, each: Staged, verdict: Verdict, code: str) -> Outcome:
    if verdict.verdict == "unchanged":
        return Outcome(n=n, outcome="skipped", code="unchanged", message="Nothing differs.", person_id=verdict.person_id)
    if verdict.verdict == "rejected":
        message = f"Row {each.row}: {verdict.message}" if each.row else verdict.message
        return Outcome(n=n, outcome="failed", code="rejected", message=message, person_id=verdict.person_id)
    before, after = (dict(fields) if fields else None for fields in (verdict.before, verdict.after))
    return Outcome(n=n, outcome="done", code=code, message=verdict.message, before=before, after=after, person_id=verdict.person_id)
