"""All installed plugins, and the view of those that are enabled now.

Owns loading and isolation: a plugin that fails in any way is left out whole, with the reason, and never stops the application.
The enabled view is rebuilt when the one ``generation`` number in the database differs from the one seen last (R69).
"""

import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
import structlog
from babel import UnknownLocaleError
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall import catalogues, hookspecs
from rolecall.errors import PluginRejected
from rolecall.plugins.given import read_given
from rolecall.plugins.plugin import CORE, Plugin
from rolecall.plugins.validate import check_name, collect
from rolecall.sdk.action import Action
from rolecall.sdk.channel import Channel
from rolecall.sdk.endpoint import Endpoint
from rolecall.sdk.lists import Column, Filter
from rolecall.sdk.login import LoginMethod
from rolecall.sdk.provider import Provider
from rolecall.sdk.roster import RosterSource
from rolecall.sdk.template import TemplateKind
from rolecall.store.tables import Generation, PluginState

GROUP = "rolecall.plugins"
# Asked in every request.
_GENERATION = select(Generation.number)
_KINDS = {
    "action": "actions", "provider": "providers", "login method": "login_methods", "roster source": "sources", "filter": "filters",
    "column": "columns", "endpoint": "endpoints",
    "channel": "channels", "template": "templates",
}  # fmt: skip

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the enabled plugins register, by id; core's first, then by the plugins' names."""

    generation: int
    plugins: Mapping[str, Plugin]
    actions: Mapping[str, Action] = field(default_factory=dict)
    providers: Mapping[str, type[Provider]] = field(default_factory=dict)
    login_methods: Mapping[str, type[LoginMethod]] = field(default_factory=dict)
    channels: Mapping[str, type[Channel]] = field(default_factory=dict)
    templates: Mapping[str, TemplateKind] = field(default_factory=dict)
    sources: Mapping[str, type[RosterSource]] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)

    def owner(self, action_id: str) -> str:
        """Name the plugin that registered an action."""
        return next(name for name, plugin in self.plugins.items() if action_id in plugin.actions)

    def owner_label(self, action_id: str) -> str:
        """The label of the plugin that registered an action."""
        return self.plugins[self.owner(action_id)].label


class Registry:
    """The plugins of this process. ``extra`` adds modules without an entry point (tests, one-file plugins).

    ``given`` are plugins that the operator enables and configures: the setting of the process that says so, and what it says, by name.
    """

    def __init__(
        self,
        *,
        strict: bool = False,
        trace: bool = False,
        allow: Sequence[str] = (),
        extra: Mapping[str, ModuleType] | None = None,
        given: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._strict = strict
        self._trace = trace
        self._allow = frozenset(allow)
        self._given = dict(given or {})
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._taken: dict[str, set[str]] = defaultdict(set)
        self._lock = threading.Lock()
        self._view: View | None = None
        self.installed: dict[str, Plugin] = {}
        points = sorted(entry_points(group=GROUP), key=lambda point: (point.name != CORE, point.name))
        for point in points:
            self._load(point.name, point)
        for name, module in (extra or {}).items():
            self._load(name, module)

    def may_enable(self, name: str) -> bool:
        """Tell whether the operator allows this plugin (``ROLECALL_PLUGINS_ALLOW``)."""
        return not self._allow or name in self._allow

    def view(self, session: Session) -> View:
        """Return what is enabled now: one small query, and a rebuilt view when the generation has moved."""
        generation = session.scalar(_GENERATION) or 0
        view = self._view
        if view is not None and view.generation == generation:
            return view
        enabled = set(session.scalars(select(PluginState.plugin).where(PluginState.enabled)))
        view = self._build(generation, enabled)
        with self._lock:
            self._view = view
        return view

    def ask(self, view: View, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call a hook of each enabled plugin, one by one, and yield (plugin, answer).

        An exception goes up to the caller, who knows whether it may fail open; nobody's answer depends on another's.
        """
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            if implementation.plugin_name in view.plugins:
                if self._trace:
                    print(f"{hook} -> {implementation.plugin_name}", file=sys.stderr)  # noqa: T201 - what ROLECALL_TRACE asks for
                wanted = {name: arguments[name] for name in implementation.argnames}
                yield implementation.plugin_name, implementation.function(**wanted)

    def implementations(self, view: View, hook: str) -> Iterator[Callable[..., Any]]:
        """Yield the functions by which enabled plugins implement a hook, to look at; only :meth:`ask` calls them."""
        for each in getattr(self._manager.hook, hook).get_hookimpls():
            if each.plugin_name in view.plugins:
                yield each.function

    def _build(self, generation: int, enabled: set[str]) -> View:
        plugins = {
            name: plugin
            for name, plugin in self.installed.items()
            if plugin.fault is None and (name == CORE or ((name in enabled or plugin.given is not None) and self.may_enable(name)))
        }
        merged: dict[str, dict[str, Any]] = {attribute: {} for attribute in _KINDS.values()}
        for plugin in plugins.values():
            for attribute, things in merged.items():
                things.update(getattr(plugin, attribute))
        return View(generation=generation, plugins=plugins, **merged)

    def _load(self, name: str, source: EntryPoint | ModuleType) -> None:
        version, label = "", name
        try:
            if name in self.installed:
                raise PluginRejected(f"A plugin called {name} is installed already.")
            check_name(name)
            module = source.load() if isinstance(source, EntryPoint) else source
            label = str(getattr(module, "LABEL", name))
            version = str(getattr(module, "__version__", None) or _distributed(source))
            _add_translations(module)
            plugin = self._register(name, label, version, module)
        except (Exception, SystemExit) as error:  # a plugin may do anything; it must never stop the application
            if self._strict:
                raise
            log.error("plugin left out", plugin=name, error=str(error), exc_info=not isinstance(error, PluginRejected))
            fault = str(error) if isinstance(error, PluginRejected) else f"{type(error).__name__}: {error}"
            if name not in self.installed:
                version = version or _distributed(source)
                self.installed[name] = Plugin(name=name, label=label, version=version, fault=f"It could not be loaded. {fault}")
            return
        self.installed[name] = plugin

    def _register(self, name: str, label: str, version: str, module: ModuleType) -> Plugin:
        try:
            self._hook_in(name, module)
            plugin = collect(name, label, version, module, lambda hook: self._answer(module, hook), self._taken)
        except BaseException:
            if self._manager.has_plugin(name):  # pluggy keeps it although a hook of it did not fit
                self._manager.unregister(name=name)
            raise
        for kind, attribute in _KINDS.items():
            self._taken[kind].update(getattr(plugin, attribute))
        return replace(plugin, given=read_given(plugin, *self._given[name])) if name in self._given else plugin

    def _hook_in(self, name: str, module: ModuleType) -> None:
        # A misspelt hook or a wrong argument would be silence otherwise.
        try:
            self._manager.register(module, name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise PluginRejected(f"The plugin {name} does not fit the hooks: {error}") from error

    def _answer(self, module: ModuleType, hook: str) -> Any:
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            if implementation.plugin is module:
                return implementation.function()
        return None


def _distributed(source: EntryPoint | ModuleType) -> str:
    return _version(source.dist) if isinstance(source, EntryPoint) and source.dist else ""


@lru_cache(maxsize=64)
def _version(distribution: Distribution) -> str:
    # One package may bring many plugins, and reading what it says of itself takes longer than loading one of them.
    return distribution.version


def _add_translations(module: ModuleType) -> None:
    """Read a plugin's texts in other languages, enabled or not: by themselves they change nothing."""
    if (file := getattr(module, "__file__", None)) is None:
        return  # made by hand, as in a test
    try:
        catalogues.add(Path(file).parent / catalogues.FOLDER, of_plugin=True)
    except (ValueError, OSError, UnknownLocaleError) as error:
        raise PluginRejected(f"Its translations cannot be read. {error}") from error
