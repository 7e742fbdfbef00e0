"""Compares what a source says with what is there: new, changed, unchanged or rejected, field by field.

Owns what an import would write. Used for the preview and once more when it is applied, because days may lie between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.store.bulk import among_texts
from rolecall.store.tables import Person
from rolecall.work.imports.records import NEEDED, Staged

Key = tuple[str, str]
_FIELDS = ("code", "first_name", "last_name", "email", "phone", "language", "active", "no_sync", "status_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a row comes to. ``before`` and ``after`` hold the fields that would differ (all that are set, for a new person)."""

    verdict: str
    person_id: int | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    message: str | None = None


def existing(session: Session, keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
    """Read the people with these (list, code key), as plain fields with their ``id``."""
    by_list: dict[str, list[str]] = {}
    for people_list, code_key in keys:
        by_list.setdefault(people_list, []).append(code_key)
    columns = [getattr(Person, name) for name in _FIELDS]
    found: dict[Key, dict[str, Any]] = {}
    for people_list, codes in by_list.items():
        statement = select(Person.id, Person.list, Person.code_key, *columns).where(
            Person.list == people_list, Person.code_key.in_(among_texts(session, codes))
        )
        rows = session.connection().execute(statement).all()
        for person_id, of_list, code_key, *values in rows:
            found[of_list, code_key] = {"id": person_id, **dict(zip(_FIELDS, values, strict=True))}
    return found


def compare(staged: Staged, there: Mapping[str, Any] | None, default_status: int | None) -> Verdict:
    """Compare one person's row with the person that is there, if any."""
    if staged.problem:
        return Verdict(verdict="rejected", person_id=there["id"] if there else None, message=staged.problem)
    said = {name: value for name, value in staged.data.items() if name in _FIELDS}
    if there is None:
        missing = [name.replace("_", " ") for name in NEEDED if not said.get(name)]
        if missing:
            return Verdict(verdict="rejected", message=f"A new person needs a {' and a '.join(missing)}.")
        after = {name: value for name, value in said.items() if value is not None}
        if staged.list == "students" and "status_id" not in after and default_status is not None:
            after["status_id"] = default_status
        return Verdict(verdict="new", after=after)
    # The code is the key: another spelling of it is no change.
    differing = {name: value for name, value in said.items() if name != "code" and there[name] != value}
    if not differing:
        return Verdict(verdict="unchanged", person_id=there["id"])
    return Verdict(verdict="changed", person_id=there["id"], before={name: there[name] for name in differing}, after=differing)
