"""Rolecall keeps the accounts of a school in step with its roster and its providers.

This is the public API for plugins. Nothing else is promised, and nothing inside imports it.
"""

from rolecall.hookspecs import hookimpl as hookimpl
from rolecall.sdk import *  # noqa: F403 - the sdk's own __all__ is the list
