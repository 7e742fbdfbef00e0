"""The rows of an import between the source and the database: plain JSON values under fixed names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rolecall.errors import Invalid
from rolecall.sdk.person_fields import language_tag, problem_of
from rolecall.sdk.roster import Clear, PersonRecord
from rolecall.sdk.words import LISTS
from rolecall.store.folding import canonical

TEXTS = ("first_name", "last_name", "email", "phone", "language")
FLAGS = ("active", "no_sync")
#: What may not be emptied: a person without a name is nobody.
NEEDED = ("first_name", "last_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """One row as it is staged: what it is about (person, period or relation), and what the source says of it."""

    row: int
    list: str | None = None
    code_key: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None

    @property
    def kind(self) -> str:
        """``person``, ``period`` or ``relation``."""
        return str(self.data.get("kind", "person"))


def stage_person(record: PersonRecord, statuses: Mapping[str, int]) -> Staged:
    """Turn a record into a staged row; what is wrong with it becomes its problem, in a sentence."""
    try:
        code_key = canonical(record.code, what="code", words=True)
    except Invalid as error:
        return Staged(row=record.row, data={"code": record.code[:100]}, problem=str(error))
    said: dict[str, Any] = {"code": record.code.strip()}
    problems = list(_problems(record))
    for name in TEXTS:
        value = getattr(record, name)
        if value is not None:
            said[name] = None if isinstance(value, Clear) else value.strip()
    if said.get("language"):
        said["language"] = language_tag(said["language"])
    for name in FLAGS:
        if getattr(record, name) is not None:
            said[name] = getattr(record, name)
    if record.status is not None:
        status = statuses.get(record.status.strip().casefold())
        if record.list != "students":
            problems.append("Only students have a status.")
        elif status is None:
            problems.append(f"There is no student status “{record.status}”.")
        else:
            said["status_id"] = status
    if record.list not in LISTS:
        return Staged(row=record.row, data=said, problem=f"There is no list “{record.list}”.")
    return Staged(row=record.row, list=record.list, code_key=code_key, data=said, problem=" ".join(problems) or None)


def _problems(record: PersonRecord) -> Iterator[str]:
    for name in ("code", *TEXTS):
        value = getattr(record, name)
        if isinstance(value, str) and (problem := problem_of(name, value.strip())):
            yield problem
        if name in NEEDED and isinstance(value, Clear):
            yield f"The {name.replace('_', ' ')} cannot be cleared."
