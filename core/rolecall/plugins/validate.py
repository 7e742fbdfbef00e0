"""Registers one plugin's objects, or says in a sentence why the plugin is left out whole.

Owns the rules for ids and shapes. Knows nothing of which plugins are enabled.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, TypeVar

from marshmallow import Schema

from rolecall.errors import PluginRejected
from rolecall.plugins.plugin import CORE, Plugin
from rolecall.sdk import login_settings
from rolecall.sdk.action import Action, Grade
from rolecall.sdk.channel import ADDRESS_KINDS, Channel
from rolecall.sdk.endpoint import Endpoint
from rolecall.sdk.integration import RESERVED
from rolecall.sdk.lists import Column, Filter
from rolecall.sdk.login import LoginMethod
from rolecall.sdk.provider import Provider
from rolecall.sdk.requirement import Requirement
from rolecall.sdk.roster import RosterSource
from rolecall.sdk.template import COMMON, TemplateKind, faults
from rolecall.sdk.words import AREAS, VERBS

T = TypeVar("T")
_NAME = re.compile(r"[a-z][a-z0-9_]{1,38}")
_PREFIX = re.compile(r"(/[a-z0-9][a-z0-9._-]*){1,4}")
_ROUTE = re.compile(r"(/([A-Za-z0-9._-]+|\{[a-z_]+\}))*")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_PERMISSIONS = frozenset(f"{area}:{verb}" for area in AREAS for verb in VERBS)
_ACTION_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


def check_name(name: str) -> None:
    """Refuse a name that no address, setting or table could carry.

    :raises PluginRejected: naming it.
    """
    if not _NAME.fullmatch(name):
        raise PluginRejected(f"The plugin's name {name!r} must be lower-case letters, digits and underscores.")


def collect(
    name: str, label: str, version: str, module: ModuleType, answers: Callable[[str], Any], taken: Mapping[str, set[str]]
) -> Plugin:
    """Ask a plugin's registering hooks and check everything they return.

    ``answers(hook)`` calls the plugin's own implementation; ``taken`` holds the ids of the plugins loaded before, by kind.

    :raises PluginRejected: on the first thing that is wrong, named.
    """
    actions = _by_id(name, "action", _many(name, answers, "register_actions", Action), taken, _check_action)
    providers = _by_id(name, "provider", _classes(name, answers, "register_providers", Provider), taken, _check_provider)
    methods = _by_id(name, "login method", _classes(name, answers, "register_login_methods", LoginMethod), taken, _check_login_method)
    channels = _by_id(name, "channel", _classes(name, answers, "register_channels", Channel), taken, _check_channel)
    templates = _by_id(name, "template", _many(name, answers, "register_templates", TemplateKind), taken, _check_template)
    sources = _by_id(name, "roster source", _classes(name, answers, "register_roster_sources", RosterSource), taken, _check_own_name)
    filters = _by_id(name, "filter", _many(name, answers, "register_filters", Filter), taken, _check_own_prefix)
    columns = _by_id(name, "column", _many(name, answers, "register_columns", Column), taken, _check_own_prefix)
    settings = answers("plugin_settings")
    if settings is not None and not (isinstance(settings, type) and issubclass(settings, Schema)):
        raise PluginRejected(f"plugin_settings of {name} must return a marshmallow schema class, not {settings!r}.")
    endpoints = _by_id(name, "endpoint", _many(name, answers, "register_endpoints", Endpoint), taken, _check_endpoint)
    _check_addresses(name, endpoints, settings)
    if settings is not None:
        _check_settings(name, settings, (RESERVED if providers else frozenset()) | (login_settings.RESERVED if methods else frozenset()))
    return Plugin(
        name=name, label=label, version=version, module=module, actions=actions, providers=providers, login_methods=methods,
        channels=channels, templates=templates, sources=sources, filters=filters, columns=columns, endpoints=endpoints, settings=settings,
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


def _check_login_method(name: str, method: type[LoginMethod]) -> None:
    _check_own_name(name, method)
    for verb in ("issuer_of", "begin", "complete"):
        if not any(verb in vars(each) for each in method.__mro__ if issubclass(each, LoginMethod) and each is not LoginMethod):
            raise PluginRejected(f"The login method {method.id} must implement {verb}.")


def _check_channel(name: str, channel: type[Channel]) -> None:
    _check_own_name(name, channel)
    if channel.address not in ADDRESS_KINDS:
        raise PluginRejected(f"The channel {channel.id} sends to {channel.address!r}; it must be one of {', '.join(ADDRESS_KINDS)}.")
    if channel.send is Channel.send:
        raise PluginRejected(f"The channel {channel.id} must implement send().")


def _check_template(name: str, kind: TemplateKind) -> None:
    if not _ACTION_ID.fullmatch(kind.id) or len(kind.id) > 60:
        raise PluginRejected(f"The template id {kind.id!r} of {name} must look like “{name}.what_it_says”.")
    if name != CORE and not kind.id.startswith(f"{name}."):
        raise PluginRejected(f"The template id {kind.id!r} must begin with “{name}.”.")
    if not kind.label.strip() or kind.address not in ADDRESS_KINDS:
        raise PluginRejected(f"The template {kind.id} needs a label, and an address that is one of {', '.join(ADDRESS_KINDS)}.")
    if shadowed := sorted(COMMON.keys() & kind.placeholders.keys()):
        raise PluginRejected(f"The template {kind.id} must not give {{{shadowed[0]}}} another meaning.")
    if "en" not in kind.texts:
        raise PluginRejected(f"The template {kind.id} needs an English text.")
    for language, text in kind.texts.items():
        for sentences in faults(kind, text).values():
            raise PluginRejected(f"The text of the template {kind.id} in {language}: {sentences[0]}")


def _check_own_name(name: str, thing: Any) -> None:
    if thing.id != name:
        raise PluginRejected(f"The id {thing.id!r} must be the plugin's name, {name!r}.")


def _check_own_prefix(name: str, thing: Any) -> None:
    if name != CORE and thing.id != name and not thing.id.startswith(f"{name}_"):
        raise PluginRejected(f"The id {thing.id!r} must be “{name}” or begin with “{name}_”.")


def _check_endpoint(name: str, endpoint: Endpoint) -> None:
    _check_own_prefix(name, endpoint)
    if not endpoint.label.strip():
        raise PluginRejected(f"The endpoint {endpoint.id} needs a label.")
    if not _PREFIX.fullmatch(endpoint.prefix) or endpoint.prefix.split("/")[1] != name:
        raise PluginRejected(f"The prefix {endpoint.prefix!r} of the endpoint {endpoint.id} must look like “/{name}/v1”.")
    if (endpoint.handler is None) == (endpoint.signed is None):
        raise PluginRejected(f"The endpoint {endpoint.id} needs either a handler or a function for what is signed.")
    if not endpoint.routes:
        raise PluginRejected(f"The endpoint {endpoint.id} has no routes.")
    for route in endpoint.routes:
        if route.method not in _METHODS or not _ROUTE.fullmatch(route.path):
            raise PluginRejected(f"The route {route.method} {route.path} of the endpoint {endpoint.id} is not usable.")
        if endpoint.signed is not None and route.permissions:
            raise PluginRejected(f"The route {route.method} {route.path} of {endpoint.id} is signed, so it cannot need permissions.")
        if endpoint.signed is None and (not route.permissions or not set(route.permissions) <= _PERMISSIONS):
            raise PluginRejected(f"The route {route.method} {route.path} of {endpoint.id} must name permissions that there are.")


def _check_settings(name: str, settings: type[Schema], reserved: frozenset[str]) -> None:
    shadowed = sorted(reserved.intersection(settings().fields))
    if shadowed:
        kind = "provider" if shadowed[0] in RESERVED else "login method"
        raise PluginRejected(f"The setting {shadowed[0]!r} of {name} has the name of one that every {kind} has; call it otherwise.")


def _check_addresses(name: str, endpoints: Mapping[str, Endpoint], settings: type[Schema] | None) -> None:
    prefixes = [each.prefix for each in endpoints.values()]
    if len(prefixes) != len(set(prefixes)):
        raise PluginRejected(f"Two endpoints of {name} have the same prefix.")
    known = settings().fields if settings is not None else {}
    for each in endpoints.values():
        if each.setting is not None and each.setting not in known:
            raise PluginRejected(f"The endpoint {each.id} names the setting {each.setting!r}, which {name} does not have.")
