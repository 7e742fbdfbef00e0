"""Applies one batch of a confirmed import: people (set-based) with what follows for their accounts, periods, relations, classes.

Every row is compared again with what is there now, so applying twice, or after somebody's edit, does the right thing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.store import listing
from rolecall.store.bulk import among
from rolecall.store.tables import Account, ImportRow, Person, StudentStatus
from rolecall.work import class_links, leaving, links
from rolecall.work.imports import extras
from rolecall.work.imports.class_apply import apply_classes
from rolecall.work.imports.compare import Key, Verdict, compare, existing
from rolecall.work.imports.guard import barred, guarded
from rolecall.work.imports.records import Staged
from rolecall.work.leaving import Consequence
from rolecall.work.runs.unit import Effects, Outcome, Unit
from rolecall.work.runs.validators import Validators


def process_import(unit: Unit) -> Effects:
    """Write one batch; people whom a plugin refuses are taken out and the batch is repeated without them."""
    staged = _staged(unit)
    refused: dict[int, tuple[str, str]] = {}
    while True:
        savepoint = unit.session.begin_nested()
        effects, validators, people_of = _write(unit, staged, refused)
        newly = validators.refusals(list(people_of))
        if not newly:
            savepoint.commit()
            return effects
        savepoint.rollback()
        unit.session.expire_all()
        refused.update({people_of[account_id]: why for account_id, why in newly.items()})


def _staged(unit: Unit) -> dict[int, Staged]:
    numbers = [item.n for item in unit.items]
    rows = unit.session.execute(
        select(
            ImportRow.n, ImportRow.row, ImportRow.list, ImportRow.code_key, ImportRow.period_key, ImportRow.class_key, ImportRow.verdict,
            ImportRow.data,
        ).where(ImportRow.run_id == unit.run.id, ImportRow.n.in_(among(unit.session, numbers)))
    )  # fmt: skip
    return {
        row.n: Staged(
            row=row.row, list=row.list, code_key=row.code_key, period_key=row.period_key, class_key=row.class_key,
            data={**row.data, "leaving": True} if row.verdict == "leaving" else row.data,
        )
        for row in rows
    }  # fmt: skip


def _write(unit: Unit, staged: Mapping[int, Staged], refused: Mapping[int, tuple[str, str]]) -> tuple[Effects, Validators, dict[int, int]]:
    session = unit.session
    people = {n: each for n, each in staged.items() if each.kind == "person"}
    there = existing(session, [(each.list or "", each.code_key or "") for each in people.values()])
    default = session.scalar(select(StudentStatus.id).where(StudentStatus.type == "registered").order_by(StudentStatus.id).limit(1))
    compared = [(each, _judge(each, there, default)) for each in people.values()]
    judged = dict(zip(people, guarded(session, unit.actor, compared), strict=True))
    changed = [
        verdict.person_id
        for verdict in judged.values()
        if verdict.verdict == "changed" and verdict.person_id is not None and verdict.person_id not in refused
    ]
    accounts = dict(session.execute(select(Account.id, Account.person_id).where(Account.person_id.in_(among(session, changed)))).all())
    links.lock_accounts(session, list(accounts))
    were_eligible = leaving.eligible_among(session, changed)
    validators = Validators(unit)
    validators.remember(list(accounts))
    outcomes: list[Outcome] = []
    updates: list[dict[str, Any]] = []
    for n, verdict in judged.items():
        if verdict.person_id is not None and verdict.person_id in refused:
            code, message = refused[verdict.person_id]
            outcomes.append(Outcome(n=n, outcome="skipped", code=code, message=message, person_id=verdict.person_id))
        elif verdict.verdict == "changed":
            updates.append({"b_id": verdict.person_id, **(verdict.after or {})})
        elif verdict.verdict == "unchanged":
            outcomes.append(_unchanged(n, verdict.person_id))
        elif verdict.verdict == "rejected":
            outcomes.append(Outcome(n=n, outcome="failed", code="rejected", message=_at_row(people[n], verdict.message)))
    _update_people(session, updates, unit.now)
    new = {n: verdict for n, verdict in judged.items() if verdict.verdict == "new"}
    created = _insert_people(session, [(people[n], verdict) for n, verdict in new.items()], unit.now)
    outcomes += [_done(n, verdict, created[people[n].list or "", people[n].code_key or ""]) for n, verdict in new.items()]
    session.flush()
    moved = {each["b_id"] for each in updates if "no_sync" in each}
    class_links.behind_of_accounts(session, [account_id for account_id, person_id in accounts.items() if person_id in moved])
    listing.refresh_people(session, [*created.values(), *(each["b_id"] for each in updates)])
    # People who are new are not looked at: accounts for them are opened by somebody who means to (R1).
    followed = leaving.follow(unit, unit.actor, changed, were_eligible, now=unit.now)
    outcomes += [
        _done(n, verdict, follows=followed.get(verdict.person_id or 0))
        for n, verdict in judged.items()
        if verdict.verdict == "changed" and verdict.person_id not in refused
    ]
    outcomes += _extras(session, unit.actor, staged)
    told, moved_classes = apply_classes(session, unit.actor, staged, unit.now)
    outcomes += told
    outcomes += [_vanished(item.n) for item in unit.items if item.n not in staged]
    fresh = leaving.opened(followed)
    effects = Effects(
        outcomes=outcomes, touched=leaving.flagged(followed), renamed=fresh, behind=fresh.union(accounts), classes=moved_classes
    )
    return effects, validators, accounts


def _judge(each: Staged, there: Mapping[Key, Any], default: int | None) -> Verdict:
    person = there.get((each.list or "", each.code_key or ""))
    if not each.data.get("leaving"):
        return compare(each, person, default)
    if person is None or not person["active"]:
        return Verdict(verdict="unchanged", person_id=person["id"] if person else None)
    return Verdict(verdict="changed", person_id=person["id"], before={"active": True}, after={"active": False})


def _done(n: int, verdict: Verdict, person_id: int | None = None, *, follows: Consequence | None = None) -> Outcome:
    before, after = dict(verdict.before or {}), dict(verdict.after or {})
    if follows is not None:
        before, after = leaving.told(before, after, follows)
    return Outcome(
        n=n, outcome="done", code=verdict.verdict, message=follows.message if follows else None, before=before or None, after=after or None,
        person_id=person_id or verdict.person_id, account_id=follows.account_id if follows else None,
    )  # fmt: skip


def _extras(session: Session, actor: Actor, staged: Mapping[int, Staged]) -> list[Outcome]:
    """Periods one by one, because there are a handful; relations together."""
    outcomes, staged = _barred(actor, staged)
    outcomes += [
        _period_done(n, each, extras.apply_period(session, each.data)) for n, each in sorted(staged.items()) if each.kind == "period"
    ]
    relations = {n: each for n, each in sorted(staged.items()) if each.kind == "relation"}
    for n, answer in extras.apply_relations(session, {n: each.data for n, each in relations.items()}).items():
        each = relations[n]
        if answer is None:
            message = f"Row {each.row}: one of the two people was not imported."
            outcomes.append(Outcome(n=n, outcome="failed", code="rejected", message=message))
        elif answer[1]:
            child_list, child = each.data["child"]
            after = {"relation": each.data["relation"], "of": f"{child_list}/{child}"}
            outcomes.append(Outcome(n=n, outcome="done", code="relation", person_id=answer[0], after=after))
        else:
            outcomes.append(_unchanged(n, answer[0]))
    return outcomes


def _barred(actor: Actor, staged: Mapping[int, Staged]) -> tuple[list[Outcome], dict[int, Staged]]:
    """Take out what the actor may not bring: its outcomes, and the rest."""
    extra = {n: each for n, each in staged.items() if each.kind in ("period", "relation")}
    why = {n: sentence for n, each in extra.items() if (sentence := barred(actor, each))}
    outcomes = [Outcome(n=n, outcome="failed", code="rejected", message=_at_row(extra[n], told)) for n, told in why.items()]
    return outcomes, {n: each for n, each in extra.items() if n not in why}


def _at_row(each: Staged, message: str | None) -> str | None:
    return f"Row {each.row}: {message}" if each.row else message


def _period_done(n: int, each: Staged, verdict: Verdict) -> Outcome:
    if verdict.verdict == "unchanged":
        return _unchanged(n, None)
    before, after = (dict(fields) if fields else None for fields in (verdict.before, verdict.after))
    return Outcome(n=n, outcome="done", code="period", message=f"Period {each.data['name']}", before=before, after=after)


def _unchanged(n: int, person_id: int | None) -> Outcome:
    return Outcome(n=n, outcome="skipped", code="unchanged", message="Nothing differs.", person_id=person_id)


def _vanished(n: int) -> Outcome:
    return Outcome(n=n, outcome="failed", code="gone", message="The staged row is gone; upload the file again.")


def _update_people(session: Session, updates: Sequence[dict[str, Any]], at: Any) -> None:
    by_fields: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for each in updates:
        by_fields.setdefault(tuple(sorted(set(each) - {"b_id"})), []).append(each)
    table = Person.__table__
    for names, rows in by_fields.items():
        values: dict[str, Any] = {name: bindparam(name) for name in names}
        values |= {"version": table.c.version + 1, "updated_at": at}
        session.connection().execute(update(table).where(table.c.id == bindparam("b_id")).values(values), rows)  # type: ignore[arg-type]
    if updates:
        session.expire_all()


def _insert_people(session: Session, pairs: Sequence[tuple[Staged, Verdict]], at: Any) -> dict[Key, int]:
    if not pairs:
        return {}
    rows = []
    for staged, verdict in pairs:
        said = verdict.after or {}
        rows.append(
            {
                "list": staged.list,
                "code": said["code"],
                "code_key": staged.code_key,
                "first_name": said["first_name"],
                "last_name": said["last_name"],
                "email": said.get("email"),
                "phone": said.get("phone"),
                "language": said.get("language"),
                "active": said.get("active", True),
                "no_sync": said.get("no_sync", False),
                "status_id": said.get("status_id"),
                "search": "",
                "version": 1,
                "created_at": at,
                "updated_at": at,
            }
        )
    session.connection().execute(insert(Person), rows)
    found = existing(session, [(row["list"], row["code_key"]) for row in rows])
    return {key: person["id"] for key, person in found.items()}
