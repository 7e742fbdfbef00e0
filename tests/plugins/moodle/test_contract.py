"""Moodle does what every plugin and every provider must do."""

from rolecall.testing import PluginContract, ProviderContract


class TestPlugin(PluginContract):
    plugin = "moodle"


class TestProvider(ProviderContract):
    plugin = "moodle"
