"""The contract: every hook a plugin can implement, and nothing but hooks.

Grammar: ``register_*`` declares objects, once per process; ``validate_*`` runs inside the transaction. Results are returned,
never pushed into an argument. No code calls pluggy's manager directly: ``plugins.ask`` walks the enabled plugins one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from marshmallow import Schema

    from rolecall.sdk.action import Action
    from rolecall.sdk.lists import Column, Filter
    from rolecall.sdk.provider import Provider
    from rolecall.sdk.roster import RosterSource
    from rolecall.sdk.snapshots import AccountChange, Refusal

#: The project name that pluggy's markers carry.
PROJECT = "rolecall"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_actions() -> Iterable[Action]:
    """Declare the actions this plugin adds to accounts.

    Called once per process, when the plugin is loaded. Each action appears in the account menu, the bulk bar, the REST API and
    the command line, under the permission ``act:<action id>``, which nobody holds until a role is given it (R68).

    :raises PluginRejected: (by Rolecall) when an id is taken or does not begin with the plugin's name.

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def register_providers() -> Iterable[type[Provider]]:
    """Declare the provider of this plugin: a class whose ``id`` is the plugin's name (R60).

    Core builds one instance per process and generation, with the settings the administrator saved and a guarded HTTP client.

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def register_roster_sources() -> Iterable[type[RosterSource]]:
    """Declare readers of people, relations and periods for the import page and ``rolecall roster import`` (R6).

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def register_filters() -> Iterable[Filter]:
    """Declare words of the accounts list's filter, each with its SQL clause (R14).

    :raises PluginRejected: (by Rolecall) when a word is taken or does not begin with the plugin's name.

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def register_columns() -> Iterable[Column]:
    """Declare columns of the accounts list and its CSV export (R14).

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def plugin_settings() -> type[Schema] | None:
    """Return the marshmallow schema of this plugin's settings.

    The settings page, ``rolecall settings`` and the API are generated from it; a field whose metadata says ``secret`` is sealed
    and never shown again (R56).

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def validate_accounts(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse changes that this plugin's service could never take.

    Called once per batch inside the transaction, after the action and before the commit, with what each account was and would be.
    Refused accounts are taken out with the sentence and the batch is repeated. An exception fails closed, naming the plugin.

    .. versionadded:: 0.1
    """
    raise AssertionError


#: Names of all hooks, in the order of this page.
HOOKS = (
    "register_actions",
    "register_providers",
    "register_roster_sources",
    "register_filters",
    "register_columns",
    "plugin_settings",
    "validate_accounts",
)
