"""The conformance kit that ships: contracts to inherit, a wire with faults, a school, factories, a provider in memory, a base of fakes.

Needs pytest (``pip install rolecall[test]``), but for ``rolecall.testing.fakes``, which the demo uses as well. Nothing of it is loaded by
itself: import what a test uses.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rolecall.testing.channel_contract import ChannelContract
    from rolecall.testing.class_contract import ClassContract
    from rolecall.testing.login_contract import LoginContract
    from rolecall.testing.plugin_contract import PluginContract
    from rolecall.testing.provider_contract import ProviderContract
    from rolecall.testing.roster_contract import RosterContract
    from rolecall.testing.school import School
    from rolecall.testing.wire import Wire

__all__ = ["ChannelContract", "ClassContract", "LoginContract", "PluginContract", "ProviderContract", "RosterContract", "School", "Wire"]

#: Where each name is; its module is loaded when somebody asks for it.
_MODULES = {
    "ChannelContract": "channel_contract",
    "ClassContract": "class_contract",
    "LoginContract": "login_contract",
    "PluginContract": "plugin_contract",
    "ProviderContract": "provider_contract",
    "RosterContract": "roster_contract",
    "School": "school",
    "Wire": "wire",
}

_pytest = sys.modules.get("pytest")
if _pytest is not None:  # before a contract is loaded, so that its asserts say what they compare
    contracts = [module for module in _MODULES.values() if module.endswith("_contract")]
    _pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("bench", *contracts)))


def __getattr__(name: str) -> Any:
    """Load what is asked for, with what it needs."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
