"""Writes changes of users: by PATCH, or by reading, changing and writing the whole resource where there is no PATCH.

Owns the choice between the two. A PUT carries the version that was read, so that it never overwrites what somebody else did meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rolecall.errors import ProviderError
from rolecall_scim import changes
from rolecall_scim.bulk import send
from rolecall_scim.client import USERS, Answer, Operation, one, version_of
from rolecall_scim.errors import Outdated, Unsupported
from rolecall_scim.service import Service

#: Attempts at a user that somebody else changes in the same moment.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What is to be changed of one user; ``row`` is the user as it was read a moment ago, where it was."""

    user: str
    row: Mapping[str, Any] | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    active: bool | None = None


#: Makes the call for an edit of a user as it is; none where there is nothing to do.
Build = Callable[[Edit, Mapping[str, Any]], Operation | None]


class Writer:
    """Writes users of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def truth(self, value: bool) -> str | bool:
        """Return a truth value as the service takes it."""
        return str(value) if self._service.entra else value

    def write(self, edits: Sequence[Edit]) -> list[ProviderError | None]:
        """Write the edits; returns for each what went wrong, none where nothing did."""
        if not self._service.can.patch:
            return self._put(edits)
        errors = self._patch(edits)
        if self._service.may_fall_back and any(isinstance(error, Unsupported) for error in errors):
            # The service said nothing of itself, or something else than it does.
            self._service.without(patch=False)
            left = [number for number, error in enumerate(errors) if isinstance(error, Unsupported)]
            for number, error in zip(left, self._put([edits[number] for number in left]), strict=True):
                errors[number] = error
        return errors

    def _patch(self, edits: Sequence[Edit]) -> list[ProviderError | None]:
        def operation(edit: Edit, row: Mapping[str, Any]) -> Operation | None:
            entra = self._service.entra
            steps = changes.operations(edit.fields, row, entra=entra)
            if edit.active is not None:
                steps += changes.activation(edit.active, entra=entra)
            if not steps:
                return None
            return Operation(method="PATCH", path=one(USERS, edit.user), body=changes.patch(steps), repeatable=True)

        return self._send(edits, [edit.row is None and changes.needs_reading(edit.fields) for edit in edits], operation)

    def _put(self, edits: Sequence[Edit]) -> list[ProviderError | None]:
        def operation(edit: Edit, row: Mapping[str, Any]) -> Operation:
            active = None if edit.active is None else self.truth(edit.active)
            body = changes.replaced(row, edit.fields, active)
            version = version_of(row) if self._service.can.etag else None
            return Operation(method="PUT", path=one(USERS, edit.user), body=body, repeatable=True, version=version)

        errors = self._send(edits, [True] * len(edits), operation)
        for _ in range(ATTEMPTS - 1):
            left = [number for number, error in enumerate(errors) if isinstance(error, Outdated)]
            if not left:
                break
            for number, error in zip(left, self._send([edits[number] for number in left], [True] * len(left), operation), strict=True):
                errors[number] = error
        return errors

    def _send(self, edits: Sequence[Edit], reading: Sequence[bool], operation: Build) -> list[ProviderError | None]:
        """Read the users where that is needed, and send one operation for each; nothing to send is nothing wrong."""
        rows = [
            self._service.client.ask(Operation(method="GET", path=one(USERS, edit.user))) if needed else Answer(body=edit.row or {})
            for edit, needed in zip(edits, reading, strict=True)
        ]
        errors = [row.error for row in rows]
        calls = [
            (number, made)
            for number, (edit, row) in enumerate(zip(edits, rows, strict=True))
            if row.error is None and (made := operation(edit, row.body)) is not None
        ]
        for (number, _), answer in zip(calls, send(self._service, [made for _, made in calls]), strict=True):
            errors[number] = answer.error
        return errors
