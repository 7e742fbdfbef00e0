"""A provider in memory that has classes too: what it was asked, what it holds, and what it is told to do wrong.

Adds classes to the memory provider and keeps the rules a real one has: a key belongs to one class, and who is in it once stays once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rolecall.errors import Conflict, NotFound, Permanent
from rolecall.sdk.provider import Attributes, Limits, Remote
from rolecall.sdk.snapshots import ClassSnapshot, Member
from rolecall.testing.providers import MemoryProvider, MemoryService


@dataclass(slots=True, kw_only=True)
class MemoryClass:
    """One class there."""

    external_id: str
    key: str | None
    attributes: Mapping[str, Any]
    archived: bool = False
    members: set[Member] = field(default_factory=set)

    def roles(self) -> dict[str, str]:
        """Who is in it, by remote id."""
        return {member.external_id: member.role for member in self.members}


@dataclass(slots=True)
class MemoryClasses(MemoryService):
    """A memory service with classes by id."""

    classes: dict[str, MemoryClass] = field(default_factory=dict)
    #: Remote ids of people whom it takes into no class.
    unwelcome: set[str] = field(default_factory=set)

    def class_of(self, key: str) -> MemoryClass | None:
        """The class that carries one of our keys."""
        return next((each for each in self.classes.values() if each.key == key), None)

    def add_class(self, key: str | None = None, **attributes: Any) -> MemoryClass:
        """Put a class there that Rolecall did not make."""
        made = MemoryClass(external_id=f"c{next(self._numbers)}", key=key, attributes=attributes)
        self.classes[made.external_id] = made
        return made


class MemoryClassProvider(MemoryProvider):
    """Accounts and classes in a :class:`MemoryClasses`. Make a class of your own with :func:`class_provider`."""

    service: ClassVar[MemoryClasses]

    def class_attributes(self, school_class: ClassSnapshot) -> Attributes:
        """Name and code."""
        if school_class.name in self.service.unmappable:
            raise KeyError("unmappable")
        return {"name": school_class.name, "code": school_class.code}

    def find_class(self, school_class: ClassSnapshot) -> Remote | None:
        """By key, then by code."""

        def look() -> Remote | None:
            every = self.service.classes.values()
            by_code = (each for each in every if each.attributes.get("code") == school_class.code)
            found = self.service.class_of(school_class.key) or next(by_code, None)
            if found is None:
                return None
            return Remote(external_id=found.external_id, key=found.key, attributes=found.attributes, suspended=found.archived)

        found: Remote | None = self.service._call("find_class", school_class.code, look)
        return found

    def create_class(self, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
        """Make the class, unless its code is taken."""

        def make() -> Remote:
            if any(each.attributes.get("code") == wanted["code"] for each in self.service.classes.values()):
                raise Conflict("The code is taken.")
            made = self.service.add_class(school_class.key, **wanted)
            self.service.made[school_class.key] += 1
            return Remote(external_id=made.external_id, key=made.key, attributes=made.attributes)

        made: Remote = self.service._call("create_class", school_class.code, make)
        return made

    def update_class(self, external_id: str, changes: Attributes) -> None:
        """Change attributes, and open it."""

        def change() -> None:
            known = self._class(external_id)
            known.attributes, known.archived = {**known.attributes, **changes}, False

        self.service._call("update_class", external_id, change)

    def archive_class(self, external_id: str) -> None:
        """Close it."""

        def close() -> None:
            if external_id in self.service.classes:
                self.service.classes[external_id].archived = True

        self.service._call("archive_class", external_id, close)

    def members(self, external_id: str) -> frozenset[Member]:
        """Who is in it."""
        found: frozenset[Member] = self.service._call("members", external_id, lambda: frozenset(self._class(external_id).members))
        return found

    def add_members(self, external_id: str, members: Collection[Member]) -> None:
        """Put people in, all or nobody."""

        def add() -> None:
            if self.service.unwelcome & {member.external_id for member in members}:
                raise Permanent("Somebody of these is unwelcome.")
            self._class(external_id).members |= set(members)

        self.service._call("add_members", external_id, add)

    def remove_members(self, external_id: str, members: Collection[Member]) -> None:
        """Take people out."""
        self.service._call("remove_members", external_id, lambda: self._class(external_id).members.difference_update(members))

    def _class(self, external_id: str) -> MemoryClass:
        if external_id not in self.service.classes:
            raise NotFound("There is no such class any more.")
        return self.service.classes[external_id]


def class_provider(provider_id: str = "memory", **members: Any) -> type[MemoryClassProvider]:
    """Make a provider class with a service of its own; ``members`` are class attributes such as ``limits``."""
    facts = {"id": provider_id, "label": provider_id.capitalize(), "limits": Limits(), "service": MemoryClasses(), **members}
    return type(f"{provider_id.capitalize()}Provider", (MemoryClassProvider,), facts)
