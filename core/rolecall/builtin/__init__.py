"""Core's own plugin: its actions, filters, columns and settings come in by the same hooks as a stranger's."""

from collections.abc import Iterable

from marshmallow import Schema

from rolecall.accounts.core_settings import CoreSettings
from rolecall.builtin import (
    account,
    conversions,
    email,
    external,
    identities,
    invitation,
    latin,
    password,
    periods,
    printing,
    roles,
    sender,
    signing_in,
)
from rolecall.builtin.columns import COLUMNS
from rolecall.builtin.messages import KINDS
from rolecall.hookspecs import hookimpl
from rolecall.sdk.action import Action
from rolecall.sdk.lists import Column, Filter
from rolecall.sdk.template import TemplateKind
from rolecall.store.filters import CORE_FILTERS

LABEL = "Rolecall"


@hookimpl
def register_actions() -> Iterable[Action]:
    """The actions, in the order in which menus show them."""
    return [
        *account.ACTIONS,
        *latin.ACTIONS,
        *email.ACTIONS,
        *sender.ACTIONS,
        *printing.ACTIONS,
        *conversions.ACTIONS,
        *password.ACTIONS,
        *signing_in.ACTIONS,
        *roles.ACTIONS,
        *periods.ACTIONS,
        *external.ACTIONS,
        *invitation.ACTIONS,
        *identities.ACTIONS,
    ]


@hookimpl
def register_filters() -> Iterable[Filter]:
    """The filter words of every accounts list."""
    return CORE_FILTERS


@hookimpl
def register_columns() -> Iterable[Column]:
    """The columns of every accounts list."""
    return COLUMNS


@hookimpl
def register_templates() -> Iterable[TemplateKind]:
    """The kinds of messages that core sends."""
    return KINDS


@hookimpl
def plugin_settings() -> type[Schema]:
    """The institution's own settings."""
    return CoreSettings
