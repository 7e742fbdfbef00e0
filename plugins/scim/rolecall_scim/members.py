"""Who is in a group, and how members are put in and taken out: by PATCH, or by PUT of the whole group (RFC 7644, section 3.5.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rolecall.errors import NotFound, ProviderError
from rolecall_scim import changes
from rolecall_scim.bulk import send
from rolecall_scim.client import GROUPS, Operation, literal, one, version_of
from rolecall_scim.errors import Outdated, Refused, Unsupported, field_of
from rolecall_scim.service import Service

#: (user id, id or key of the group).
Pair = tuple[str, str]
#: Members that travel in one PATCH.
TOGETHER = 100
#: Attempts at a group that others change in the same moment.
ATTEMPTS = 3


class Membership:
    """The members of the groups of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def of(self, row: Mapping[str, Any]) -> Iterator[str]:
        """Yield the ids of a group's members; a member that is a group itself is told by its type, and is none of ours."""
        members = field_of(row, "members")
        for each in members if isinstance(members, list) else []:
            user = field_of(each, "value")
            if isinstance(user, str) and user and str(field_of(each, "type") or "User").lower() == "user":
                yield user

    def change(self, add: Sequence[Pair], remove: Sequence[Pair]) -> dict[str, ProviderError]:
        """Put users into groups and take them out; returns the users for whom it failed, with the error."""
        if not self._service.can.patch:
            return self._put(add, remove)
        calls = [call for pairs, adding in ((add, True), (remove, False)) for call in self._calls(pairs, adding=adding)]
        answers = send(self._service, [operation for operation, _, _ in calls])
        if self._service.may_fall_back and any(isinstance(answer.error, Unsupported) for answer in answers):
            self._service.without(patch=False)
            return self._put(add, remove)
        failed: dict[str, ProviderError] = {}
        for (_, pairs, adding), answer in zip(calls, answers, strict=True):
            if answer.error is not None:
                failed |= self._failed(pairs, answer.error, adding=adding)
        return failed

    def _calls(self, pairs: Sequence[Pair], *, adding: bool) -> Iterator[tuple[Operation, list[Pair], bool]]:
        by_group: dict[str, list[Pair]] = {}
        for pair in pairs:
            by_group.setdefault(pair[1], []).append(pair)
        for group, members in by_group.items():
            for start in range(0, len(members), TOGETHER):
                part = members[start : start + TOGETHER]
                users = [user for user, _ in part]
                yield self._patch(group, users, adding=adding), part, adding

    def _patch(self, group: str, users: Sequence[str], *, adding: bool) -> Operation:
        entra = self._service.entra
        if adding:
            steps = [changes.operation("add", "members", [{"value": user} for user in users], entra=entra)]
        else:
            steps = [changes.operation("remove", f"members[value eq {literal(user)}]", entra=entra) for user in users]
        return Operation(method="PATCH", path=one(GROUPS, group), body=changes.patch(steps), repeatable=True)

    def _failed(self, pairs: Sequence[Pair], error: ProviderError, *, adding: bool) -> dict[str, ProviderError]:
        """Find out over whom a change of several members failed, by making it one by one; the others are done thereby."""
        if not isinstance(error, Refused | NotFound):
            return {user: error for user, _ in pairs}
        if len(pairs) == 1:
            # Who is not in the group cannot be taken out, which some call an error (noTarget); a group that is gone has no members.
            done = not adding and (isinstance(error, NotFound) or getattr(error, "kind", "") == "noTarget")
            return {} if done else {pairs[0][0]: error}
        answers = send(self._service, [self._patch(group, [user], adding=adding) for user, group in pairs])
        failed: dict[str, ProviderError] = {}
        for pair, answer in zip(pairs, answers, strict=True):
            if answer.error is not None:
                failed |= self._failed([pair], answer.error, adding=adding)
        return failed

    def _put(self, add: Sequence[Pair], remove: Sequence[Pair]) -> dict[str, ProviderError]:
        """Read each group, change its members and write all of it."""
        failed: dict[str, ProviderError] = {}
        for group in dict.fromkeys(group for _, group in (*add, *remove)):
            joining = [user for user, each in add if each == group]
            leaving = {user for user, each in remove if each == group}
            try:
                self._replace(group, joining, leaving)
            except ProviderError as error:
                if isinstance(error, NotFound) and not joining:
                    continue
                failed |= dict.fromkeys((*joining, *leaving), error)
        return failed

    def _replace(self, group: str, joining: Sequence[str], leaving: set[str]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            row = self._service.client.read(one(GROUPS, group))
            inside = set(self.of(row))
            if inside.isdisjoint(leaving) and set(joining) <= inside:
                return
            members = field_of(row, "members")
            kept = [each for each in members if field_of(each, "value") not in leaving] if isinstance(members, list) else []
            body = {name: value for name, value in row.items() if name.lower() not in {*changes.READ_ONLY, "members"}}
            body["members"] = [*kept, *({"value": user} for user in joining if user not in inside)]
            version = version_of(row) if self._service.can.etag else None
            answer = self._service.client.ask(Operation(method="PUT", path=one(GROUPS, group), body=body, repeatable=True, version=version))
            if not isinstance(answer.error, Outdated) or attempt == ATTEMPTS:
                answer.value()
                return
