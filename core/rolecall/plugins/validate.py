"""Registers one plugin's objects, or says in a sentence why the plugin is left out whole.

Owns the rules for ids and shapes. Knows nothing of which plugins are enabled.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from marshmallow import Schema

from rolecall import hookspecs
from rolecall.errors import PluginRejected
from rolecall.plugins.plugin import CORE, Plugin
from rolecall.sdk.action import Action, Grade
from rolecall.sdk.lists import Column, Filter
from rolecall.sdk.provider import Provider
from rolecall.sdk.requirement import Requirement
from rolecall.sdk.roster import RosterSource

T = TypeVar("T")
_NAME = re.compile(r"[a-z][a-z0-9_]{1,38}")
_ACTION_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


def check_hooks(name: str, module: ModuleType) -> None:
    """Refuse a misspelt hook or a wrong argument: it would be silence otherwise.

    :raises PluginRejected: naming the hook.
    """
    if not _NAME.fullmatch(name):
        raise PluginRejected(f"The plugin's name {name!r} must be lower-case letters, digits and underscores.")
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginRejected(f"The plugin {name} does not fit the hooks: {error}") from error


def collect(
    name: str, label: str, version: str, module: ModuleType, answers: Callable[[str], Any], taken: Mapping[str, set[str]]
) -> Plugin:
    """Ask a plugin's registering hooks and check everything they return.

    ``answers(hook)`` calls the plugin's own implementation; ``taken`` holds the ids of the plugins loaded before, by kind.

    :raises PluginRejected: on the first thing that is wrong, named.
    """
    actions = _by_id(name, "action", _many(name, answers, "register_actions", Action), taken, _check_action)
    providers = _by_id(name, "provider", _classes(name, answers, "register_providers", Provider), taken, _check_provider)
    sources = _by_id(name, "roster source", _classes(name, answers, "register_roster_sources", RosterSource), taken, _check_own_name)
    filters = _by_id(name, "filter", _many(name, answers, "register_filters", Filter), taken, _check_own_prefix)
    columns = _by_id(name, "column", _many(name, answers, "register_columns", Column), taken, _check_own_prefix)
    settings = answers("plugin_settings")
    if settings is not None and not (isinstance(settings, type) and issubclass(settings, Schema)):
        raise PluginRejected(f"plugin_settings of {name} must return a marshmallow schema class, not {settings!r}.")
    return Plugin(
        name=name, label=label, version=version, module=module, actions=actions, providers=providers, sources=sources,
        filters=filters, columns=columns, settings=settings,
    )  # fmt: skip


def _many(name: str, answers: Callable[[str], Any], hook: str, kind: type[T]) -> list[T]:
    found = answers(hook)
    if found is None:
        return []
    if not isinstance(found, Iterable) or isinstance(found, str | bytes):
        raise PluginRejected(f"{hook} of {name} must return a list, not {found!r}.")
    things = list(found)
    for thing in things:
        if not isinstance(thing, kind):
            raise PluginRejected(f"{hook} of {name} returned {thing!r}, which is not {kind.__name__}.")
    return things


def _classes(name: str, answers: Callable[[str], Any], hook: str, base: type[T]) -> list[type[T]]:
    things = _many(name, answers, hook, type)
    for thing in things:
        if not issubclass(thing, base):
            raise PluginRejected(f"{hook} of {name} returned {thing.__name__}, which does not inherit {base.__name__}.")
        for attribute in ("id", "label"):
            if not isinstance(getattr(thing, attribute, None), str):
                raise PluginRejected(f"{thing.__name__} of {name} needs the class attribute {attribute!r}.")
    return things


def _by_id(name: str, kind: str, things: list[Any], taken: Mapping[str, set[str]], check: Callable[[str, Any], None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for thing in things:
        check(name, thing)
        if thing.id in found or thing.id in taken.get(kind, ()):
            raise PluginRejected(f"The {kind} {thing.id!r} of {name} is registered already.")
        found[thing.id] = thing
    return found


def _check_action(name: str, action: Action) -> None:
    if not _ACTION_ID.fullmatch(action.id):
        raise PluginRejected(f"The action id {action.id!r} of {name} must look like “{name}.verb_with_object”.")
    if name != CORE and not action.id.startswith(f"{name}."):
        raise PluginRejected(f"The action id {action.id!r} must begin with “{name}.”.")
    if not action.label.strip():
        raise PluginRejected(f"The action {action.id} needs a label.")
    if not issubclass(action.params, Schema):
        raise PluginRejected(f"The params of the action {action.id} must be a marshmallow schema class.")
    if not all(isinstance(requirement, Requirement) for requirement in action.requires):
        raise PluginRejected(f"The requirements of the action {action.id} must be Requirement objects.")
    if action.grade is not Grade.PLAIN and not action.confirm:
        raise PluginRejected(f"The action {action.id} asks for consent, so it must say the consequence (confirm).")
    if not 1 <= action.batch <= 5_000:
        raise PluginRejected(f"The batch of the action {action.id} is {action.batch}; it must be from 1 to 5,000.")


def _check_provider(name: str, provider: type[Provider]) -> None:
    _check_own_name(name, provider)
    for verb in ("attributes", "find", "create"):
        if not provider.can(verb):
            raise PluginRejected(f"The provider {provider.id} must implement {verb}().")


def _check_own_name(name: str, thing: Any) -> None:
    if thing.id != name:
        raise PluginRejected(f"The id {thing.id!r} must be the plugin's name, {name!r}.")


def _check_own_prefix(name: str, thing: Any) -> None:
    if name != CORE and thing.id != name and not thing.id.startswith(f"{name}_"):
        raise PluginRejected(f"The id {thing.id!r} must be “{name}” or begin with “{name}_”.")
