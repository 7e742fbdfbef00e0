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
    from rolecall.sdk.channel import Channel
    from rolecall.sdk.endpoint import Endpoint
    from rolecall.sdk.lists import Column, Filter
    from rolecall.sdk.login import LoginMethod
    from rolecall.sdk.provider import Provider
    from rolecall.sdk.roster import RosterSource
    from rolecall.sdk.snapshots import AccountChange, Refusal
    from rolecall.sdk.template import TemplateKind

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
def register_login_methods() -> Iterable[type[LoginMethod]]:
    """Declare the login method of this plugin: a class whose ``id`` is the plugin's name (R60, R66).

    While the plugin is enabled and its settings say enough, the sign-in page offers it. Core builds one instance per process and
    generation, with the settings the administrator saved and a guarded HTTP client that gives up early. The browser comes back to
    ``/login/<id>/callback``; whose account that is, and whether it may be entered, is decided by core.

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def register_channels() -> Iterable[type[Channel]]:
    """Declare the channel of this plugin, by which messages reach people: a class whose ``id`` is the plugin's name (R40).

    Core builds one instance per process and generation, with the settings the administrator saved and a guarded way to the network.
    Messages to an address of its kind go by it while the plugin is enabled; where several are, by the first in the order of their names.

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def register_templates() -> Iterable[TemplateKind]:
    """Declare kinds of messages with their placeholders and texts; institutions may write their own texts (R55).

    :raises PluginRejected: (by Rolecall) when an id is taken or does not begin with the plugin's name, when there is no English text, or
        when a text has a mistake.

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
def register_endpoints() -> Iterable[Endpoint]:
    """Declare addresses at which other systems call this plugin, with an API token of Rolecall (R60).

    An endpoint is there while the plugin is enabled, and 404 otherwise. The token and the permissions of each route are checked before
    the plugin is asked; cookies count for nothing. What it does to people goes through the services that the call brings, which act for
    the token's account and write the audit. An exception is 500 for that call alone.

    :raises PluginRejected: (by Rolecall) when a prefix does not begin with the plugin's name, or a route names no permission.

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def plugin_settings() -> type[Schema] | None:
    """Return the marshmallow schema of this plugin's settings.

    The settings page, ``rolecall settings`` and the API are generated from it; a field whose metadata says ``secret`` is sealed
    and never shown again (R56). Other metadata: ``label``, ``help``, ``group``, ``risk`` (what can go wrong with it, in one sentence)
    ``governs`` (ids of actions that it decides something about; their dialogs lead to it), ``needed`` (accounts cannot be sent without it,
    but the plugin is of use without sending any) and ``connection`` (false for what the test of a provider's connection does not try).

    .. versionadded:: 0.1
    """
    raise AssertionError


@hookspec
def validate_accounts(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse changes that this plugin's service could never take.

    Called once per batch inside the transaction, after the action and before the commit, with what each account was and would be.
    Refused accounts are taken out with the sentence and the batch is repeated. An exception fails closed, naming the plugin.
    ``@validates("username")`` below ``@hookimpl`` says which fields the validator looks at; it is then not asked about batches that
    change none of them.

    .. versionadded:: 0.1
    """
    raise AssertionError


#: Names of all hooks, in the order of this page.
HOOKS = (
    "register_actions",
    "register_providers",
    "register_login_methods",
    "register_channels",
    "register_templates",
    "register_roster_sources",
    "register_filters",
    "register_columns",
    "register_endpoints",
    "plugin_settings",
    "validate_accounts",
)
