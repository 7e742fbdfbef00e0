"""Enabling and disabling plugins, and the generation that tells every process (R69)."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from rolecall.errors import Refused, Unknown
from rolecall.plugins.plugin import CORE
from rolecall.plugins.registry import Registry
from rolecall.store.bulk import insert_into
from rolecall.store.tables import Generation, PluginState


def next_generation(session: Session) -> None:
    """Tell every process to rebuild its enabled plugins and provider instances."""
    if not session.execute(update(Generation).values(number=Generation.number + 1)).rowcount:  # type: ignore[attr-defined]
        session.add(Generation(id=1, number=1))


def remember_connection(session: Session, name: str, at: datetime | None, *, is_provider: bool = True) -> None:
    """Remember when the connection of a provider or channel worked with the settings that are saved, or that these were never tried."""
    state = session.get(PluginState, name)
    if state is None:
        state = PluginState(plugin=name, enabled=False, is_provider=is_provider)
        session.add(state)
    state.connected_at = at


def ensure(session: Session, name: str) -> None:
    """Make the row that remembers how a plugin is, where it was never enabled by anybody here."""
    if session.get(PluginState, name) is None:
        # Another worker may make it at the same moment.
        session.execute(insert_into(session, PluginState).values(plugin=name, enabled=False).on_conflict_do_nothing())


def set_enabled(session: Session, registry: Registry, name: str, enabled: bool, *, now: datetime) -> bool:
    """Switch a plugin on or off; its links and settings stay. Returns whether anything changed.

    :raises Unknown: when no such plugin is installed.
    :raises Refused: for core itself, a plugin that could not be loaded, or one that the operator does not allow.
    """
    plugin = registry.installed.get(name)
    if plugin is None:
        raise Unknown(f"There is no plugin called {name}.", hint="rolecall plugins lists what is installed.")
    if name == CORE:
        raise Refused("Core cannot be disabled.")
    if enabled and plugin.fault:
        raise Refused(f"{plugin.label} cannot be enabled.", hint=plugin.fault)
    if enabled and not registry.may_enable(name):
        raise Refused(f"{plugin.label} is not allowed on this machine.", hint="ROLECALL_PLUGINS_ALLOW does not name it.")
    if not enabled and plugin.given is not None:
        raise Refused(f"{plugin.label} cannot be disabled here.", hint=f"The operator enabled it by {plugin.given.origin}.")
    state = session.get(PluginState, name)
    if state is None:
        state = PluginState(plugin=name, enabled=False)
        session.add(state)
    state.is_provider = bool(plugin.providers) or (state.is_provider and plugin.fault is not None)
    if state.enabled == enabled:
        return False
    state.enabled = enabled
    state.changed_at = now
    next_generation(session)
    return True
