"""People and groups as another system hands them in: what an endpoint may ask and change, and nothing else.

Owns the values and the two services that core gives to endpoints. A person handed in has a key that never changes, the name and the
identifier by which the other system knows them, and the record in one of the lists behind it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

#: What can be compared of people, besides ``facts.<name>``.
PEOPLE_FIELDS = (
    "key", "name", "external_id", "list", "code", "first_name", "last_name", "email", "phone", "language", "active", "created_at",
    "changed_at",
)  # fmt: skip
#: What can be compared of groups; ``members`` is the key of any of them.
GROUP_FIELDS = ("key", "name", "external_id", "members", "created_at", "changed_at")
OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr")


class Condition:
    """Something that is true of a person or group, or not."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Compare(Condition):
    """A comparison: equal, contains, begins or ends with, greater ...; ``pr`` asks whether there is a value at all.

    Texts are compared in any case unless ``exact``. What has no value is never true, but for ``ne``.
    """

    field: str
    operator: str
    value: Any = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class AllOf(Condition):
    """True where all of them are; with none of them, always."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf(Condition):
    """True where one of them is; with none of them, never."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class NotSo(Condition):
    """True where the other is not."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Order:
    """By what a list is ordered."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How the other system knows somebody: a name that is unique among those it handed in, its own identifier, and small texts that it
    wants back and people have no field for."""

    name: str
    external_id: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedPerson:
    """A person that the other system handed in. ``version`` changes with everything that is here, whoever changed it."""

    key: str
    identity: Identity
    list: str
    code: str
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    language: str | None
    active: bool
    version: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedGroup:
    """A group that the other system keeps; members are (key, name) of people that it handed in. Where they were not asked for: none."""

    key: str
    name: str
    external_id: str | None
    members: tuple[tuple[str, str], ...]
    version: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page, and the exact number of all that match."""

    total: int
    people: tuple[HandedPerson, ...] = ()
    groups: tuple[HandedGroup, ...] = ()


class People(Protocol):
    """The people that the other system handed in, for whoever's token it uses. Everything changed is in the audit, as by hand (R67)."""

    def find(self, condition: Condition | None = None, *, order: Order | None = None, offset: int = 0, limit: int = 100) -> Found:
        """Return those of whom the condition is true, in a stable order.

        :raises Invalid: for a field, operator or value that cannot be compared.
        """
        ...

    def get(self, key: str) -> HandedPerson:
        """Return one of them.

        :raises Unknown: when there is none.
        """
        ...

    def add(self, people_list: str, values: Mapping[str, Any], identity: Identity) -> HandedPerson:
        """Add a person to a list, or take over the one who is there under the same code; ``values`` are the fields of R2.

        :raises Taken: when somebody was handed in under this name or code already.
        :raises Invalid: with the sentences of every wrong field.
        :raises Forbidden: when the list, or the person who is there, is not for this token.
        """
        ...

    def change(self, key: str, values: Mapping[str, Any], identity: Identity, *, version: str | None = None) -> HandedPerson:
        """Change what is given of a person, and how the other system knows them.

        :raises Unknown: when there is none.
        :raises Stale: when the person is not as they were at ``version``.
        :raises Taken: when somebody has the new name or code already.
        :raises Invalid: with the sentences of every wrong field.
        :raises Refused: when it does not apply, such as closing the account that the token is for.
        """
        ...

    def release(self, key: str, *, version: str | None = None) -> None:
        """Make a person inactive and forget how the other system knew them. The record stays, and is taken over if it comes again.

        :raises Unknown: when there is none.
        :raises Stale: when the person is not as they were at ``version``.
        """
        ...


class Groups(Protocol):
    """The groups that the other system keeps here."""

    def find(
        self, condition: Condition | None = None, *, order: Order | None = None, offset: int = 0, limit: int = 100, members: bool = True
    ) -> Found:
        """Return those of which the condition is true; without ``members`` theirs are left out.

        :raises Invalid: for a field, operator or value that cannot be compared.
        """
        ...

    def get(self, key: str, *, members: bool = True) -> HandedGroup:
        """Return one of them.

        :raises Unknown: when there is none.
        """
        ...

    def of_people(self, keys: Collection[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """Return for each person the (key, name) of the groups they are in."""
        ...

    def add(self, name: str, external_id: str | None, members: Collection[str]) -> HandedGroup:
        """Add a group; ``members`` are keys of people.

        :raises Invalid: when a member is nobody, or the name is not usable.
        """
        ...

    def change(self, key: str, name: str, external_id: str | None, members: Collection[str], *, version: str | None = None) -> HandedGroup:
        """Make a group what is given.

        :raises Unknown: when there is none.
        :raises Stale: when the group is not as it was at ``version``.
        :raises Invalid: when a member is nobody, or the name is not usable.
        """
        ...

    def remove(self, key: str, *, version: str | None = None) -> None:
        """Delete a group; its members stay.

        :raises Unknown: when there is none.
        :raises Stale: when the group is not as it was at ``version``.
        """
        ...
