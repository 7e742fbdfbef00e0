"""Questions about people and groups that another system hands in: conditions as SQL, pages of rows, members.

Owns what can be compared and how. Upper and lower case of texts are the database's; names and codes are compared by their keys. Knows
nothing of protocols, and reads as far as the session's own limit reaches.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, literal, not_, or_, select, true
from sqlalchemy.orm import Session

from rolecall.errors import Invalid
from rolecall.sdk.people import GROUP_FIELDS, PEOPLE_FIELDS, AllOf, AnyOf, Compare, Condition, Found, Identity, NotSo, Order
from rolecall.sdk.people import HandedGroup as GroupValue
from rolecall.sdk.people import HandedPerson as PersonValue
from rolecall.store.bulk import among_texts
from rolecall.store.cursors import LARGEST_ID
from rolecall.store.folding import canonical
from rolecall.store.tables import Handed, HandedGroup, HandedMember, Person

#: Rows of a page.
MOST = 1_000
#: Conditions within a condition, and comparisons in all: what a person would write fits many times.
DEEPEST, LARGEST = 20, 200
_FACT = re.compile(r"facts\.([A-Za-z][A-Za-z0-9_]{0,39})")
_CHANGED: ColumnElement[datetime] = case((Person.updated_at > Handed.changed_at, Person.updated_at), else_=Handed.changed_at)
_PEOPLE: dict[str, Any] = {
    "key": Handed.key, "name": Handed.name_key, "external_id": Handed.external_id, "list": Person.list, "code": Person.code_key,
    "first_name": Person.first_name, "last_name": Person.last_name, "email": Person.email, "phone": Person.phone,
    "language": Person.language, "active": Person.active, "created_at": Handed.created_at, "changed_at": _CHANGED,
}  # fmt: skip
_GROUPS: dict[str, Any] = {
    "key": HandedGroup.key, "name": HandedGroup.name, "external_id": HandedGroup.external_id, "created_at": HandedGroup.created_at,
    "changed_at": HandedGroup.changed_at,
}  # fmt: skip
_TIMES = frozenset({"created_at", "changed_at"})
_ORDERING: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
}


def people_page(session: Session, plugin: str, condition: Condition | None, order: Order | None, *, offset: int, limit: int) -> Found:
    """One page of the people that a plugin's system hands in.

    :raises Invalid: for what cannot be compared, or an impossible page.
    """
    clauses = [Handed.plugin == plugin, *_where(condition, _person_clause)]
    total = session.scalar(select(func.count()).select_from(Handed).join(Person, Person.id == Handed.person_id).where(*clauses)) or 0
    statement = _people().where(*clauses).order_by(*_ordered(order, _people_column), Person.id)
    rows = session.execute(_paged(statement, offset, limit)).all()
    return Found(total=total, people=tuple(_person(row) for row in rows))


def person(session: Session, plugin: str, key: str) -> PersonValue | None:
    """The person whom the other system was told this key for."""
    row = session.execute(_people().where(Handed.plugin == plugin, Handed.key == key)).one_or_none()
    return None if row is None else _person(row)


def groups_page(
    session: Session, plugin: str, condition: Condition | None, order: Order | None, *, offset: int, limit: int, members: bool
) -> Found:
    """One page of the groups that a plugin's system keeps.

    :raises Invalid: for what cannot be compared, or an impossible page.
    """
    clauses = [HandedGroup.plugin == plugin, *_where(condition, _group_clause)]
    total = session.scalar(select(func.count()).select_from(HandedGroup).where(*clauses)) or 0
    statement = select(HandedGroup).where(*clauses).order_by(*_ordered(order, _group_column), HandedGroup.created_at, HandedGroup.key)
    rows = session.scalars(_paged(statement, offset, limit)).all()
    inside = members_of(session, [row.key for row in rows]) if members else {}
    return Found(total=total, groups=tuple(_group(row, inside.get(row.key, ())) for row in rows))


def group(session: Session, plugin: str, key: str, *, members: bool) -> GroupValue | None:
    """The group with this key."""
    row = session.scalar(select(HandedGroup).where(HandedGroup.plugin == plugin, HandedGroup.key == key))
    return None if row is None else _group(row, members_of(session, [key]).get(key, ()) if members else ())


def members_of(session: Session, keys: Collection[str]) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """The (key, name) of the people in each of these groups, by name."""
    rows = session.execute(
        select(HandedMember.group_key, Handed.key, Handed.name)
        .join(Handed, Handed.key == HandedMember.handed_key)
        .where(HandedMember.group_key.in_(among_texts(session, keys)))
        .order_by(Handed.name_key)
    )
    return _gathered(rows)


def groups_of(session: Session, plugin: str, keys: Collection[str]) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """The (key, name) of the groups that each of these people is in, by name."""
    rows = session.execute(
        select(HandedMember.handed_key, HandedGroup.key, HandedGroup.name)
        .join(HandedGroup, HandedGroup.key == HandedMember.group_key)
        .where(HandedGroup.plugin == plugin, HandedMember.handed_key.in_(among_texts(session, keys)))
        .order_by(HandedGroup.name, HandedGroup.key)
    )
    return _gathered(rows)


def _gathered(rows: Any) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for owner, key, name in rows:
        found[owner].append((key, name))
    return {owner: tuple(each) for owner, each in found.items()}


def _people() -> Select[*tuple[Any, ...]]:
    return select(Handed, Person, _CHANGED.label("changed")).join(Person, Person.id == Handed.person_id)


def _person(row: Any) -> PersonValue:
    handed, person, changed = row
    return PersonValue(
        key=handed.key, identity=Identity(name=handed.name, external_id=handed.external_id, facts=dict(handed.facts)),
        list=person.list, code=person.code, first_name=person.first_name, last_name=person.last_name, email=person.email,
        phone=person.phone, language=person.language, active=person.active, version=f"{person.version}.{handed.version}",
        created_at=handed.created_at, changed_at=changed,
    )  # fmt: skip


def _group(row: HandedGroup, members: tuple[tuple[str, str], ...]) -> GroupValue:
    return GroupValue(
        key=row.key, name=row.name, external_id=row.external_id, members=members, version=str(row.version), created_at=row.created_at,
        changed_at=row.changed_at,
    )  # fmt: skip


def _paged(statement: Select[Any], offset: int, limit: int) -> Select[Any]:
    if not 0 <= limit <= MOST or not 0 <= offset <= LARGEST_ID:
        raise Invalid(f"A page has at most {MOST:,} rows and begins at row 0 or later.")
    return statement.offset(offset).limit(limit)


def _ordered(order: Order | None, column_of: Callable[[str], Any]) -> list[Any]:
    if order is None:
        return []
    column = column_of(order.field)
    empty = column.is_(None)
    return [empty.desc(), column.desc()] if order.descending else [empty, column]


def _where(condition: Condition | None, clause: Callable[[Compare], ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    if condition is None:
        return []
    _check_size(condition)
    return [_clause(condition, clause)]


def _check_size(condition: Condition) -> None:
    level, depth, count = [condition], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > DEEPEST or count > LARGEST:
            raise Invalid("The filter is too long.", hint=f"Use at most {LARGEST} comparisons, {DEEPEST} levels deep.")
        level = [inner for each in level for inner in _inside(each)]


def _inside(condition: Condition) -> tuple[Condition, ...]:
    if isinstance(condition, AllOf | AnyOf):
        return condition.conditions
    return (condition.condition,) if isinstance(condition, NotSo) else ()


def _clause(condition: Condition, clause: Callable[[Compare], ColumnElement[bool]]) -> ColumnElement[bool]:
    if isinstance(condition, AllOf):
        return and_(true(), *(_clause(each, clause) for each in condition.conditions))
    if isinstance(condition, AnyOf):
        return or_(false(), *(_clause(each, clause) for each in condition.conditions))
    if isinstance(condition, NotSo):
        return not_(func.coalesce(_clause(condition.condition, clause), false()))
    if isinstance(condition, Compare):
        return clause(condition)
    raise Invalid(f"{condition!r} is not a condition.")


def _person_clause(asked: Compare) -> ColumnElement[bool]:
    if asked.field in ("name", "code") and isinstance(asked.value, str):
        return _by_key(_PEOPLE[asked.field], asked)
    return _compared(_people_column(asked.field), asked)


def _group_clause(asked: Compare) -> ColumnElement[bool]:
    if asked.field != "members":
        return _compared(_group_column(asked.field), asked)
    inside = exists().where(HandedMember.group_key == HandedGroup.key)
    if asked.operator == "pr":
        return inside
    if asked.operator not in ("eq", "ne") or not isinstance(asked.value, str):
        raise Invalid("Members can only be compared by “eq” and “ne” with a key.")
    member = inside.where(HandedMember.handed_key == asked.value) if "\0" not in asked.value else false()
    return member if asked.operator == "eq" else not_(member)


def _people_column(field: str) -> Any:
    if match := _FACT.fullmatch(field):
        return Handed.facts[match[1]].as_string()
    if field not in _PEOPLE:
        raise Invalid(f"People cannot be compared by “{field[:60]}”.", hint=f"Use one of {', '.join(PEOPLE_FIELDS)}.")
    return _PEOPLE[field]


def _group_column(field: str) -> Any:
    if field not in _GROUPS:
        raise Invalid(f"Groups cannot be compared by “{field[:60]}”.", hint=f"Use one of {', '.join(GROUP_FIELDS)}.")
    return _GROUPS[field]


def _by_key(column: ColumnElement[Any], asked: Compare) -> ColumnElement[bool]:
    """Compare by a canonical key: whole values by their own key, parts of values case folded."""
    if asked.operator in ("eq", "ne"):
        try:
            key = canonical(asked.value, words=True, longest=254)
        except Invalid:
            return false() if asked.operator == "eq" else true()  # it can be nobody's
        return column == key if asked.operator == "eq" else column != key
    return _compared(column, Compare(asked.field, asked.operator, asked.value.casefold(), exact=True))


def _compared(column: ColumnElement[Any], asked: Compare) -> ColumnElement[bool]:
    if asked.operator == "pr":
        return column.is_not(None) if asked.field in _TIMES or asked.field == "active" else func.coalesce(column, "") != ""
    if asked.value is None:
        return column.is_(None) if asked.operator == "eq" else column.is_not(None)
    if asked.field == "active":
        if asked.operator not in ("eq", "ne") or not isinstance(asked.value, bool):
            raise Invalid("“active” can only be compared by “eq” and “ne” with true or false.")
        return column.is_(asked.value if asked.operator == "eq" else not asked.value)
    if asked.field in _TIMES:
        return _timed(column, asked)
    if not isinstance(asked.value, str):
        raise Invalid(f"“{asked.field}” can only be compared with a text.")
    return _texts(column, asked)


def _timed(column: ColumnElement[Any], asked: Compare) -> ColumnElement[bool]:
    if not isinstance(asked.value, datetime) or asked.value.tzinfo is None:
        raise Invalid(f"“{asked.field}” can only be compared with a time that has a zone.")
    if asked.operator in ("eq", "ne"):
        return column == asked.value if asked.operator == "eq" else column != asked.value
    if asked.operator not in _ORDERING:
        raise Invalid(f"A time cannot be compared by “{asked.operator}”.")
    return _ORDERING[asked.operator](column, asked.value)


def _texts(column: ColumnElement[Any], asked: Compare) -> ColumnElement[bool]:
    if "\0" in asked.value:
        return true() if asked.operator == "ne" else false()  # no text holds it
    # The same function on both sides: what the database makes of a letter does not matter then.
    value: ColumnElement[Any] = literal(asked.value) if asked.exact else func.lower(literal(asked.value))
    shown: ColumnElement[str] = column if asked.exact else func.lower(column)
    if asked.operator in _ORDERING:
        return _ORDERING[asked.operator](shown, value)
    if asked.operator == "eq":
        return shown == value
    if asked.operator == "ne":
        return or_(column.is_(None), shown != value)
    return _parts(shown, asked.operator, value)


def _parts(column: ColumnElement[str], operator: str, value: ColumnElement[str]) -> ColumnElement[bool]:
    """Beginnings, ends and parts, case and all: LIKE would look at no case on SQLite."""
    if operator == "co":
        return and_(column.is_not(None), or_(value == "", func.replace(column, value, "") != column))
    if operator == "sw":
        return func.substr(column, 1, func.length(value)) == value
    if operator == "ew":
        long_enough = func.length(column) >= func.length(value)
        return and_(long_enough, func.substr(column, func.length(column) - func.length(value) + 1) == value)
    raise Invalid(f"There is no comparison “{operator[:20]}”.")
