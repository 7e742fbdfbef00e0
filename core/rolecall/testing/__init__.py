"""The conformance kit that ships: contracts to inherit, a wire with faults, a school, factories, a provider in memory.

Needs pytest (``pip install rolecall[test]``). Nothing of it is loaded by itself: import what a test uses.
"""

import pytest

pytest.register_assert_rewrite(
    "rolecall.testing.plugin_contract",
    "rolecall.testing.provider_contract",
    "rolecall.testing.roster_contract",
)

from rolecall.testing.plugin_contract import PluginContract  # noqa: E402 - asserts are rewritten at import
from rolecall.testing.provider_contract import ProviderContract  # noqa: E402
from rolecall.testing.roster_contract import RosterContract  # noqa: E402
from rolecall.testing.school import School  # noqa: E402
from rolecall.testing.wire import Wire  # noqa: E402

__all__ = ["PluginContract", "ProviderContract", "RosterContract", "School", "Wire"]
