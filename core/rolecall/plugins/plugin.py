"""One installed plugin: what it is, what it registered, or why it cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

from marshmallow import Schema

from rolecall.sdk.action import Action
from rolecall.sdk.lists import Column, Filter
from rolecall.sdk.provider import Provider
from rolecall.sdk.roster import RosterSource

#: The built-in plugin: always enabled, and free in the groups of its action ids.
CORE = "core"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """An installed plugin with everything it registered, by id. One with a ``fault`` registered nothing."""

    name: str
    label: str
    version: str
    module: ModuleType | None = None
    fault: str | None = None
    actions: Mapping[str, Action] = field(default_factory=dict)
    providers: Mapping[str, type[Provider]] = field(default_factory=dict)
    sources: Mapping[str, type[RosterSource]] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    settings: type[Schema] | None = None

    @property
    def provides(self) -> tuple[str, ...]:
        """What kinds of things it adds, in the words of the outside contract."""
        kinds = (
            ("provider", self.providers),
            ("roster", self.sources),
            ("action", self.actions),
            ("filter", self.filters),
            ("column", self.columns),
        )
        return tuple(kind for kind, things in kinds if things)
