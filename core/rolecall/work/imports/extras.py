"""What roster sources bring besides people: academic periods and who is guardian of whom (R6, R60a)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.errors import Invalid
from rolecall.store.folding import canonical
from rolecall.store.tables import ImportRow, Period, Relation
from rolecall.work.imports.compare import Key, Verdict, existing
from rolecall.work.imports.records import Staged
from rolecall.work.imports.source import Source


def staged_periods(source: Source) -> Iterator[Staged]:
    """The periods of a source as staged rows."""
    for record in source.periods():
        data = {
            "kind": "period", "code": record.code, "name": record.name, "starts_on": record.starts_on.isoformat(),
            "ends_on": record.ends_on.isoformat(),
        }  # fmt: skip
        try:
            data["key"] = canonical(record.code, what="code", words=True, longest=60)
        except Invalid as error:
            yield Staged(row=0, data=data, problem=str(error))
            continue
        wrong = record.ends_on < record.starts_on
        yield Staged(row=0, data=data, problem=f"The period {record.code} ends before it starts." if wrong else None)


def staged_relations(source: Source) -> Iterator[Staged]:
    """The relations of a source as staged rows."""
    for record in source.relations():
        data: dict[str, Any] = {"kind": "relation", "relation": record.kind[:40]}
        try:
            for name, (people_list, code) in (("person", record.person), ("child", record.child)):
                data[name] = [people_list, canonical(code, what="code", words=True)]
        except Invalid as error:
            yield Staged(row=record.row, data={"kind": "relation"}, problem=str(error))
            continue
        yield Staged(row=record.row, data=data)


def verdicts(session: Session, run_id: int, staged: Sequence[Staged]) -> list[tuple[Staged, Verdict]]:
    """Judge staged periods or relations for the preview."""
    keys = [key for each in staged if each.kind == "relation" and not each.problem for key in _keys(each.data)]
    people = existing(session, keys)
    coming = _coming(session, run_id, [key for key in keys if key not in people])
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


def apply_period(session: Session, data: Mapping[str, Any]) -> None:
    """Create a period or bring its name and dates up to date; whether it is open or current is an administrator's word."""
    period = session.scalar(select(Period).where(Period.code_key == data["key"]))
    if period is None:
        period = Period(code=data["code"], code_key=data["key"])
        session.add(period)
    period.name, period.starts_on, period.ends_on = data["name"], date.fromisoformat(data["starts_on"]), date.fromisoformat(data["ends_on"])
    session.flush()


def apply_relation(session: Session, data: Mapping[str, Any]) -> int | None:
    """Record a relation; returns the id of the guardian, or none when one of the two is not there."""
    people = existing(session, list(_keys(data)))
    person, child = (people.get(key) for key in _keys(data))
    if person is None or child is None:
        return None
    if (person["id"], child["id"], data["relation"]) not in _have(session, [person["id"]]):
        session.add(Relation(person_id=person["id"], child_id=child["id"], kind=data["relation"]))
        session.flush()
    return int(person["id"])


def _judge_period(data: Mapping[str, Any], there: Period | None) -> Verdict:
    said = {name: data[name] for name in ("name", "starts_on", "ends_on")}
    if there is None:
        return Verdict(verdict="new", after={"period": data["code"], **said}, message=f"Period {data['name']}")
    has = {"name": there.name, "starts_on": there.starts_on.isoformat(), "ends_on": there.ends_on.isoformat()}
    differing = {name: value for name, value in said.items() if has[name] != value}
    if not differing:
        return Verdict(verdict="unchanged")
    return Verdict(
        verdict="changed", before={name: has[name] for name in differing}, after=differing, message=f"Period {there.name}"
    )


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


def _coming(session: Session, run_id: int, keys: Sequence[Key]) -> set[Key]:
    """Keys of people whom this very import brings."""
    codes = [code for _, code in keys]
    rows = session.execute(
        select(ImportRow.list, ImportRow.code_key).where(ImportRow.run_id == run_id, ImportRow.list.is_not(None), ImportRow.code_key.in_(codes))
    )
    return {(row.list, row.code_key) for row in rows}


def _have(session: Session, people: Sequence[int]) -> set[tuple[int, int, str]]:
    rows = session.execute(select(Relation.person_id, Relation.child_id, Relation.kind).where(Relation.person_id.in_(people)))
    return set(rows)


