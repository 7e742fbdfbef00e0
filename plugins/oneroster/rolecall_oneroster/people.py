"""One row of people in any of the formats: the parts that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rolecall.sdk.person_fields import problem_of
from rolecall.sdk.roster import BadRecord, PersonRecord

#: Columns that say how people sign in elsewhere. They are never read: user names and passwords are Rolecall's own.
CREDENTIALS = ("username", "password", "activedirectorymatchid")


def person(
    values: Mapping[str, str], columns: Mapping[str, str | tuple[str, ...]], *, row: int, file: str, code: str, list_: str, active: bool
) -> PersonRecord | BadRecord:
    """Make the record of a row. ``columns`` says for each field where it stands: a column, or several, the first that is filled."""
    fields: dict[str, str] = {"code": code}
    for field, column in columns.items():
        for name in (column,) if isinstance(column, str) else column:
            if text := values.get(name, "").strip():
                fields[field] = text
                break
    for field, text in fields.items():
        if problem := problem_of(field, text):
            return BadRecord(row=row, file=file, code=code[:100], message=problem)
    return PersonRecord(
        row=row,
        file=file,
        list=list_,
        code=code,
        first_name=fields.get("first_name"),
        last_name=fields.get("last_name"),
        email=fields.get("email"),
        phone=fields.get("phone"),
        active=active,
    )


def notes_on_columns(file: str, columns: Iterable[str], read: Iterable[str]) -> Iterable[str]:
    """Yield sentences about the columns of a file that are not read."""
    unread = [column for column in columns if column.lower() not in set(read)]
    secret = [column for column in unread if column.lower() in CREDENTIALS]
    if secret:
        yield f"{file}: {', '.join(secret)}: not read, Rolecall gives user names and passwords itself."
    if rest := [column for column in unread if column not in secret]:
        yield f"{file}: {', '.join(rest)}: not read."
