"""Rolecall keeps the accounts of a school in step with its roster and its providers.

This is the public API for plugins. Nothing else is promised, and nothing inside imports it.
"""

from rolecall.accounts import requirements as _requirements
from rolecall.accounts.requirements import *  # noqa: F403 - the standard requirements, by its own __all__
from rolecall.hookspecs import hookimpl
from rolecall.sdk import *  # noqa: F403 - the sdk's own __all__ is the list
from rolecall.sdk import __all__ as _sdk
from rolecall.store import linked as _linked
from rolecall.store.linked import *  # noqa: F403 - the questions about links, by its own __all__
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod

__all__ = ["Account", "Period", "Person", "Role", "RolePeriod", "hookimpl", *_linked.__all__, *_requirements.__all__, *_sdk]
