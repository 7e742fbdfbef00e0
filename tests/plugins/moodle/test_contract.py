"""Moodle does what every plugin and every provider must do."""

from rolecall.testing import ClassContract, PluginContract, ProviderContract


class TestPlugin(PluginContract):
    plugin = "moodle"


class TestProvider(ProviderContract):
    plugin = "moodle"


class TestClasses(ClassContract):
    plugin = "moodle"
