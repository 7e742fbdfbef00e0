"""Reads what the operator gave the process for a plugin: an address that becomes its settings.

Owns that such an address is never quoted: it may hold a password. What it means is the plugin's to say.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError

from rolecall.plugins.plugin import Given, Plugin


def read_given(plugin: Plugin, origin: str, url: str) -> Given:
    """Return the settings that ``url`` says for a plugin with a channel, or the fault; ``origin`` names where it stands."""
    try:
        channel = plugin.channels[plugin.name]
        values = _loaded(plugin, channel.from_url(url))
        host = urlsplit(url).hostname or ""
    except ValidationError as error:
        named = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        sentences = [str(each) for wrong in named.values() for each in wrong]
        return Given(origin=origin, fault=f"{origin} cannot be used. {' '.join(sentences)}")
    except ValueError as error:
        return Given(origin=origin, fault=f"{origin} cannot be used. {error}")
    except Exception as error:  # noqa: BLE001 - a plugin's code may do anything; here it ends as the fault
        return Given(origin=origin, fault=f"{origin} cannot be used: {plugin.label} does not read it ({type(error).__name__}).")
    # Who names a server for the process means that it may be called, wherever it stands.
    return Given(origin=origin, values=values, allow=(f"[{host}]:*" if ":" in host else f"{host}:*",))


def _loaded(plugin: Plugin, values: Mapping[str, Any]) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = plugin.settings().load(values) if plugin.settings is not None else {}
    return loaded
