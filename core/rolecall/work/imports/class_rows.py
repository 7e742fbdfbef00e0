"""Classes, and who is in them, as staged rows: what a source says, checked field by field (R6, R60a).

Knows no database: whether there is such a period, class or person is for ``class_verdicts``.
"""

from collections.abc import Iterator
from typing import Any

from rolecall.accounts import classes
from rolecall.errors import Invalid
from rolecall.sdk.roster import BadRecord, ClassRecord, MembershipRecord
from rolecall.store.folding import canonical
from rolecall.work.imports.extras import LONGEST_PERIOD, pair_of
from rolecall.work.imports.records import Staged, shown
from rolecall.work.imports.source import Source


def staged_classes(source: Source) -> Iterator[Staged]:
    """The classes of a source as staged rows.

    :raises TypeError: when the source yields something else.
    """
    for record in source.classes():
        given: object = record
        # What a plugin yields is known only now, whatever the annotations say.
        if not isinstance(given, ClassRecord | BadRecord) or type(given.row) is not int:
            raise TypeError(f"it yielded {record!r:.100}, which is neither a ClassRecord nor a BadRecord with the number of its row")
        yield _unread("class", record) if isinstance(record, BadRecord) else _class(record)


def staged_memberships(source: Source) -> Iterator[Staged]:
    """Who is in the classes of a source, as staged rows.

    :raises TypeError: when the source yields something else.
    """
    for record in source.memberships():
        given: object = record
        if not isinstance(given, MembershipRecord | BadRecord) or type(given.row) is not int:
            raise TypeError(f"it yielded {record!r:.100}, which is neither a MembershipRecord nor a BadRecord with the number of its row")
        yield _unread("membership", record) if isinstance(record, BadRecord) else _membership(record)


def _class(record: ClassRecord) -> Staged:
    active: object = record.active
    wrong = _not_texts({"code": record.code}, {"name": record.name, "period": record.period})
    if not wrong and not isinstance(active, bool | None):
        wrong = f"“{shown(active, 40)}” is neither yes nor no."
    data: dict[str, Any] = {"kind": "class", "code": shown(record.code, classes.LONGEST_CODE)}
    if wrong:
        return Staged(row=record.row, data=data, problem=wrong)
    try:
        period, period_key = _period(record.period)
        code, class_key, name = classes.checked(record.code, record.name or record.code)
    except Invalid as error:
        return Staged(row=record.row, data=data, problem=error.message)
    data |= {"code": code, "period": period}
    if record.name:
        data["name"] = name
    if record.active is not None:
        data["active"] = record.active
    return Staged(row=record.row, data=data, period_key=period_key, class_key=class_key)


def _membership(record: MembershipRecord) -> Staged:
    people_list, code = pair_of(record.person, "a member")
    wrong = _not_texts({"code of the class": record.class_code, "role": record.role}, {"period": record.period})
    data: dict[str, Any] = {"kind": "membership", "code": shown(code.strip())}
    active: object = record.active
    if wrong or not isinstance(active, bool):
        return Staged(row=record.row, data=data, problem=wrong or f"“{shown(active, 40)}” is neither yes nor no.")
    try:
        period, period_key = _period(record.period)
        class_code, class_key, _ = classes.checked(record.class_code, record.class_code)
        code_key = canonical(code, what="code", words=True)
    except Invalid as error:
        return Staged(row=record.row, data=data, problem=error.message)
    data |= {"class": class_code, "period": period, "role": shown(record.role, 20), "in": record.active}
    return Staged(row=record.row, list=shown(people_list, 20), code_key=code_key, data=data, period_key=period_key, class_key=class_key)


def _unread(kind: str, record: BadRecord) -> Staged:
    return Staged(row=record.row, data={"kind": kind, "code": shown(record.code)}, problem=shown(record.message, 1_000))


def _period(code: str | None) -> tuple[str | None, str | None]:
    """A period's code as it was written and as it is compared; none for the current one."""
    if code is None or not code.strip():
        return None, None
    return shown(code.strip(), LONGEST_PERIOD), canonical(code, what="period", words=True, longest=LONGEST_PERIOD)


def _not_texts(needed: dict[str, object], optional: dict[str, object]) -> str:
    for name, value in (needed | {each: value for each, value in optional.items() if value is not None}).items():
        if not isinstance(value, str):
            return f"The {name} is {shown(value, 40)}, which is no text."
    return ""
