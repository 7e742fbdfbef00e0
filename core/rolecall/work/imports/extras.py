"""What roster sources bring besides people: academic periods and who is guardian of whom (R6, R60a)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from rolecall.errors import Invalid
from rolecall.sdk.roster import BadRecord, PeriodRecord, RelationRecord
from rolecall.store.bulk import among, among_texts
from rolecall.store.folding import canonical
from rolecall.store.tables import ImportRow, Period, Relation
from rolecall.work.imports.compare import Key, Verdict, existing
from rolecall.work.imports.records import Staged, shown
from rolecall.work.imports.source import Source

#: Width of a period's code.
LONGEST_PERIOD = 60


def staged_periods(source: Source) -> Iterator[Staged]:
    """The periods of a source as staged rows."""
    for record in source.periods():
        # What a plugin yields is known only now, whatever the annotations say.
        given: object = record
        if not isinstance(given, PeriodRecord) or type(record.starts_on) is not date or type(record.ends_on) is not date:
            raise TypeError(f"it yielded {record!r:.100}, which is no PeriodRecord with two dates")
        name, code = shown(record.name).strip(), shown(record.code)
        starts, ends = record.starts_on.isoformat(), record.ends_on.isoformat()
        data = {"kind": "period", "code": code.strip(), "name": name, "starts_on": starts, "ends_on": ends}
        try:
            data["key"] = canonical(code, what="code", words=True, longest=LONGEST_PERIOD)
        except Invalid as error:
            yield Staged(row=0, data=data, problem=str(error))
            continue
        problem = None
        if len(data["code"]) > LONGEST_PERIOD or not name:
            problem = f"The period {code} needs a name, and a code of at most {LONGEST_PERIOD} characters."
        elif record.ends_on < record.starts_on:
            problem = f"The period {code} ends before it starts."
        yield Staged(row=0, data=data, problem=problem, period_key=data["key"])


def staged_relations(source: Source) -> Iterator[Staged]:
    """The relations of a source as staged rows."""
    for record in source.relations():
        if isinstance(record, BadRecord):
            yield Staged(row=record.row, data={"kind": "relation"}, problem=shown(record.message, 1_000))
            continue
        given: object = record
        if not isinstance(given, RelationRecord) or type(record.row) is not int:
            raise TypeError(f"it yielded {record!r:.100}, which is no RelationRecord with the number of its row")
        data: dict[str, Any] = {"kind": "relation", "relation": shown(record.kind, 40)}
        try:
            for name, pair in (("person", record.person), ("child", record.child)):
                people_list, code = pair_of(pair, "a relation")
                data[name] = [shown(people_list, 20), canonical(shown(code), what="code", words=True)]
        except Invalid as error:
            yield Staged(row=record.row, data={"kind": "relation"}, problem=str(error))
            continue
        yield Staged(row=record.row, data=data)


def pair_of(given: object, what: str) -> tuple[str, str]:
    """Return a (list, code) as a source gives it.

    :raises TypeError: when it is something else.
    """
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(each, str) for each in given):
        return given
    raise TypeError(f"it yielded {what} of {given!r:.100}, which is no (list, code)")


def verdicts(session: Session, run_id: int, staged: Sequence[Staged]) -> list[tuple[Staged, Verdict]]:
    """Judge staged periods or relations for the preview."""
    keys = [key for each in staged if each.kind == "relation" and not each.problem for key in _keys(each.data)]
    people = existing(session, keys)
    coming = coming_people(session, run_id, [key for key in keys if key not in people])
    have = _have(session, [person["id"] for person in people.values()])
    periods = {period.code_key: period for period in session.scalars(select(Period))}
    judged = []
    for each in staged:
        if each.problem:
            judged.append((each, Verdict(verdict="rejected", message=each.problem)))
        elif each.kind == "period":
            judged.append((each, _judge_period(each.data, periods.get(each.data["key"]))))
        else:
            judged.append((each, _judge_relation(each.data, people, coming, have)))
    return judged


def apply_period(session: Session, data: Mapping[str, Any]) -> Verdict:
    """Create a period or bring its name and dates up to date; whether it is open or current is an administrator's word."""
    period = session.scalar(select(Period).where(Period.code_key == data["key"]))
    verdict = _judge_period(data, period)
    if verdict.verdict == "unchanged":
        return verdict
    if period is None:
        period = Period(code=data["code"], code_key=data["key"])
        session.add(period)
    else:
        period.version += 1
    period.name, period.starts_on, period.ends_on = data["name"], date.fromisoformat(data["starts_on"]), date.fromisoformat(data["ends_on"])
    session.flush()
    return verdict


def apply_relations(session: Session, relations: Mapping[int, Mapping[str, Any]]) -> dict[int, tuple[int, bool] | None]:
    """Record relations, by number; answers (id of the guardian, whether it is new), or none where one of the two is not there."""
    people = existing(session, [key for data in relations.values() for key in _keys(data)])
    have = _have(session, [person["id"] for person in people.values()])
    answers: dict[int, tuple[int, bool] | None] = {}
    rows = []
    for n, data in relations.items():
        person, child = (people.get(key) for key in _keys(data))
        if person is None or child is None:
            answers[n] = None
            continue
        triple = (int(person["id"]), int(child["id"]), str(data["relation"]))
        answers[n] = (triple[0], triple not in have)
        if triple not in have:
            have.add(triple)
            rows.append(dict(zip(("person_id", "child_id", "kind"), triple, strict=True)))
    if rows:
        session.connection().execute(insert(Relation), rows)
    return answers


def _judge_period(data: Mapping[str, Any], there: Period | None) -> Verdict:
    said = {name: data[name] for name in ("name", "starts_on", "ends_on")}
    if there is None:
        return Verdict(verdict="new", after={"period": data["code"], **said}, message=f"Period {data['name']}")
    has = {"name": there.name, "starts_on": there.starts_on.isoformat(), "ends_on": there.ends_on.isoformat()}
    differing = {name: value for name, value in said.items() if has[name] != value}
    if not differing:
        return Verdict(verdict="unchanged")
    return Verdict(verdict="changed", before={name: has[name] for name in differing}, after=differing, message=f"Period {there.name}")


def _judge_relation(data: Mapping[str, Any], people: Mapping[Key, Any], coming: set[Key], have: set[tuple[int, int, str]]) -> Verdict:
    person, child = _keys(data)
    for key in (person, child):
        if key not in people and key not in coming:
            return Verdict(verdict="rejected", message=f"The relation names {key[1]} of the {key[0]}, who is not in the roster.")
    if person in people and child in people and (people[person]["id"], people[child]["id"], data["relation"]) in have:
        return Verdict(verdict="unchanged", person_id=people[person]["id"])
    person_id = people[person]["id"] if person in people else None
    return Verdict(verdict="new", person_id=person_id, after={"relation": data["relation"], "of": f"{child[0]}/{child[1]}"})


def _keys(data: Mapping[str, Any]) -> tuple[Key, Key]:
    (person_list, person_code), (child_list, child_code) = data["person"], data["child"]
    return (person_list, person_code), (child_list, child_code)


def coming_people(session: Session, run_id: int, keys: Sequence[Key]) -> set[Key]:
    """Keys of people whom this very import brings."""
    codes = [code for _, code in keys]
    if not codes:
        return set()
    rows = session.execute(
        select(ImportRow.list, ImportRow.code_key).where(
            ImportRow.run_id == run_id,
            ImportRow.list.is_not(None),
            ImportRow.class_key.is_(None),
            ImportRow.code_key.in_(among_texts(session, codes)),
            ImportRow.verdict != "rejected",
        )
    )
    return {(row.list, row.code_key) for row in rows}


def _have(session: Session, people: Sequence[int]) -> set[tuple[int, int, str]]:
    rows = session.execute(
        select(Relation.person_id, Relation.child_id, Relation.kind).where(Relation.person_id.in_(among(session, people)))
    )
    return {(row[0], row[1], row[2]) for row in rows}
