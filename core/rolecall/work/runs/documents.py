"""Runs and their items as the outside contract words them, for the API, the command line and downloads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from rolecall.sdk.words import OUTCOMES
from rolecall.store.tables import Account, Link, Person, Run, RunItem

Document = dict[str, Any]
#: A statement of items with user name, account's names, person's code, list and names.
Items = Select[RunItem, str, str, str, str, str, str, str]


def counts(session: Session, run_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Items per outcome of each run, in one statement."""
    found = {run_id: dict.fromkeys(OUTCOMES, 0) for run_id in run_ids}
    grouped = (
        select(RunItem.run_id, RunItem.outcome, func.count()).where(RunItem.run_id.in_(run_ids)).group_by(RunItem.run_id, RunItem.outcome)
    )
    for run_id, outcome, n in session.execute(grouped):
        found[run_id][outcome] = n
    return found


def at_providers(session: Session, run_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """How many accounts of each run still wait for a provider, and how many are blocked there until somebody looks, in one statement.

    An account that a later run put behind waits for that one.
    """
    found = {run_id: {"waiting": 0, "blocked": 0} for run_id in run_ids}
    behind = select(Link.run_id, Link.blocked, func.count(Link.account_id.distinct())).where(
        Link.run_id.in_(run_ids), Link.synced < Link.wanted
    )
    for run_id, blocked, n in session.execute(behind.group_by(Link.run_id, Link.blocked)):
        if run_id is not None:
            found[run_id]["blocked" if blocked else "waiting"] = n
    return found


def run_document(session: Session, run: Run) -> Document:
    """One run."""
    return run_documents(session, [run])[0]


def run_documents(session: Session, runs: Sequence[Run]) -> list[Document]:
    """Several runs, with their counts in one statement."""
    by_run = counts(session, [run.id for run in runs])
    pending = at_providers(session, [run.id for run in runs])
    return [
        {
            "id": run.id,
            "kind": run.kind,
            "action": run.action,
            "actor": run.actor_label,
            "reason": run.reason,
            "state": run.state,
            "params": run.params,
            "filter": run.filter,
            "counts": by_run[run.id],
            "at_providers": pending[run.id],
            "facts": {k: v for k, v in run.facts.items() if k != "had_secrets"},
            "error": run.error,
            "created_at": _time(run.created_at),
            "finished_at": _time(run.finished_at),
            "undoes": run.undoes,
        }
        for run in runs
    ]


def items_query(run_id: int, *, outcome: str | None = None, code: str | None = None) -> Items:
    """The items of a run with the names of whom they are about, in their order."""
    statement = (
        select(
            RunItem, Account.username, Account.first_name, Account.last_name, Person.code, Person.list, Person.first_name, Person.last_name
        )
        .outerjoin(Account, Account.id == RunItem.account_id)
        .outerjoin(Person, Person.id == RunItem.person_id)
        .where(RunItem.run_id == run_id)
        .order_by(RunItem.n)
    )
    if outcome:
        statement = statement.where(RunItem.outcome == outcome)
    return statement.where(RunItem.code == code) if code else statement


def item_documents(session: Session, statement: Items) -> list[Document]:
    """The items of a query built by :func:`items_query`."""
    documents = []
    for item, username, first, last, code, people_list, person_first, person_last in session.execute(statement):
        name = f"{first or person_first or ''} {last or person_last or ''}".strip()
        documents.append(
            {
                "n": item.n,
                "account": {"id": item.account_id, "username": username, "name": name} if item.account_id else None,
                "person": {"id": item.person_id, "list": people_list, "code": code, "name": name} if item.person_id else None,
                "outcome": item.outcome,
                "code": item.code,
                "message": item.message,
                "before": item.before,
                "after": item.after,
            }
        )
    return documents


def changes_in_words(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """(field, before, after) as a person reads them, for pages and exports; what changed of a person's account follows the person."""
    was, becomes = dict(before or {}), dict(after or {})
    of_account = (dict(was.pop("account", None) or {}), dict(becomes.pop("account", None) or {}))
    return [
        (f"{whose}{_field(name)}", _value(old.get(name)), _value(new.get(name)))
        for whose, (old, new) in (("", (was, becomes)), ("account ", of_account))
        for name in {**old, **new}
    ]


def _field(name: str) -> str:
    if name.startswith("class:"):
        return f"role in class {name.removeprefix('class:')}"
    return f"role in {name.removeprefix('role:')}" if name.startswith("role:") else name.replace("_", " ")


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict) and "role" in value:
        return str(value["role"]) if value.get("enabled", True) else f"{value['role']} (disabled)"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return str(value)


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
