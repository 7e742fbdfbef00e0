"""Finds users: by our key, then by user name.

Owns the look-ups and their traps: a filter may be refused, or ignored without a word, so each row is looked at before it is believed. Where
filters are good for nothing everybody is walked, once per plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rolecall.errors import Conflict, ProviderError
from rolecall_scim.client import USERS, id_of, literal
from rolecall_scim.errors import Refused, Unsupported
from rolecall_scim.service import Service
from rolecall_scim.users import folded, path_of, value_of

#: Look-ups that travel in one filter, joined by *or*: far below the length of an address that any server takes.
TOGETHER = 20

Row = Mapping[str, Any]


class Lookups:
    """The look-ups of one plan."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._everybody: list[Row] | None = None
        #: Attributes whose filter turned out to be good for nothing.
        self._blind: set[str] = set()

    def find(self, wanted: Mapping[int, tuple[str, str]]) -> dict[int, Row | ProviderError]:
        """Look many accounts up; ``wanted`` is account id → (our key, user name). What is not found is absent."""
        found: dict[int, Row | ProviderError] = {}
        slot = self._service.slot
        if slot is not None:
            by_key = self._by(slot, [key for key, _ in wanted.values()])
            for number, (key, name) in wanted.items():
                rows = by_key.get(str(folded(slot, key)), [])
                if rows:
                    found[number] = self._only(rows, name)
        missing = {number: name for number, (_, name) in wanted.items() if number not in found}
        by_name = self._by("userName", list(missing.values()))
        for number, name in missing.items():
            rows = by_name.get(name.lower(), [])
            if rows:
                found[number] = rows[0]
        return found

    def by_name(self, name: str) -> Row | None:
        """Return who has this user name; none if nobody has."""
        return next(iter(self._by("userName", [name]).get(name.lower(), [])), None)

    def _only(self, rows: Sequence[Row], name: str) -> Row | Conflict:
        """Choose among users that all carry our key: the one with our user name, if there is exactly one."""
        named = [row for row in rows if value_of(row, "userName") == name.lower()] if len(rows) > 1 else list(rows)
        if len(named) == 1:
            return named[0]
        ids = ", ".join(id_of(row) for row in rows[:5])
        return Conflict(
            f"Several users at the SCIM service carry the key of this account (users {ids}).",
            hint="Clear the key of all but the right one there, then retry.",
        )

    def _by(self, name: str, values: Sequence[str]) -> dict[str, list[Row]]:
        """Return the users by the value of an attribute, of those whose value is one of these."""
        found: dict[str, list[Row]] = {}
        size = TOGETHER if self._service.can.described else 1
        for start in range(0, len(values), size):
            part = [value for value in values[start : start + size] if value]
            rows = self._asked(name, part) if part else []
            for row in rows:
                value = value_of(row, name)
                if value is not None and value in {folded(name, each) for each in part}:
                    found.setdefault(value, []).append(row)
        return found

    def _asked(self, name: str, values: Sequence[str]) -> Sequence[Row]:
        """Return the users who may have one of the values: those of a filter that works, else everybody."""
        if not self._service.can.filter or name in self._blind:
            return self._all()
        rows = self._filtered(name, values)
        if rows is None and len(values) > 1:
            each = [self._filtered(name, [value]) for value in values]
            rows = None if any(part is None for part in each) else [row for part in each if part is not None for row in part]
        if rows is None:
            self._blind.add(name)
            return self._all()
        return rows

    def _filtered(self, name: str, values: Sequence[str]) -> list[Row] | None:
        """Return the rows of one filter; none where it was refused, or ignored so that it answered with somebody else."""
        text = " or ".join(f"{path_of(name)} eq {literal(value)}" for value in values)
        try:
            page = self._service.client.page(USERS, filter=text, count=self._service.can.page)
            complete = len(page.rows) >= (page.total or 0)
            rows = page.rows if complete else list(self._service.client.pages(USERS, filter=text, count=self._service.can.page))
        except (Refused, Unsupported):
            return None
        wanted = {folded(name, value) for value in values}
        if any(value_of(row, name) not in wanted for row in rows):
            return None
        return rows

    def _all(self) -> list[Row]:
        if self._everybody is None:
            self._everybody = list(self._service.client.pages(USERS, count=self._service.can.page))
        return self._everybody
