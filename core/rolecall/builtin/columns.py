"""Columns that an administrator may add to the accounts list beside the fixed ones (R14)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from rolecall.sdk.lists import Column
from rolecall.store.tables import Account, Person


def _of(expression: ColumnElement[Any]) -> Callable[[Session, Sequence[int]], Mapping[int, str]]:
    def values(session: Session, ids: Sequence[int]) -> Mapping[int, str]:
        statement = select(Account.id, expression).join(Person, Person.id == Account.person_id).where(Account.id.in_(ids))
        return {account_id: str(value) for account_id, value in session.execute(statement) if value is not None}

    return values


COLUMNS = (
    Column(id="code", label="Code", values=_of(Person.code.expression)),
    Column(id="list", label="List", values=_of(Person.list.expression)),
    Column(id="phone", label="Phone", values=_of(Person.phone.expression)),
    Column(id="person_email", label="Personal e-mail", values=_of(Person.email.expression)),
    Column(id="language", label="Language", values=_of(Person.language.expression)),
)
