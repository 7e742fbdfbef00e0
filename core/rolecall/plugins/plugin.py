"""One installed plugin: what it is, what it registered, or why it cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from marshmallow import Schema

from rolecall.sdk.action import Action
from rolecall.sdk.channel import Channel
from rolecall.sdk.endpoint import Endpoint
from rolecall.sdk.integration import provider_schema
from rolecall.sdk.lists import Column, Filter
from rolecall.sdk.login import LoginMethod
from rolecall.sdk.login_settings import login_method_schema
from rolecall.sdk.provider import Provider
from rolecall.sdk.roster import RosterSource
from rolecall.sdk.template import TemplateKind

#: The built-in plugin: always enabled, and free in the groups of its action ids.
CORE = "core"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the operator gave the process for a plugin: it is enabled, and ``values`` are its settings whatever is saved.

    ``origin`` names the setting of the process, ``allow`` the host that it may call; ``fault`` says why it cannot be read.
    """

    origin: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    allow: tuple[str, ...] = ()
    fault: str | None = None


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
    login_methods: Mapping[str, type[LoginMethod]] = field(default_factory=dict)
    channels: Mapping[str, type[Channel]] = field(default_factory=dict)
    templates: Mapping[str, TemplateKind] = field(default_factory=dict)
    sources: Mapping[str, type[RosterSource]] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    settings: type[Schema] | None = None
    given: Given | None = None

    @property
    def settings_schema(self) -> type[Schema] | None:
        """What there is to set: a plugin's own settings with those that every provider and every login method has."""
        own = self.settings
        for method in self.login_methods.values():
            own = login_method_schema(method, own)
        if not self.providers:
            return own
        return provider_schema(self.providers.get(self.name) or next(iter(self.providers.values())), own)

    @property
    def provides(self) -> tuple[str, ...]:
        """What kinds of things it adds, in the words of the outside contract."""
        kinds = (
            ("provider", self.providers),
            ("login", self.login_methods),
            ("channel", self.channels),
            ("roster", self.sources),
            ("action", self.actions),
            ("filter", self.filters),
            ("column", self.columns),
            ("endpoint", self.endpoints),
            ("template", self.templates),
        )
        return tuple(kind for kind, things in kinds if things)
