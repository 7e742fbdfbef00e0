"""The demo connects every fake there is, and goes on without one that cannot be made."""

from importlib.metadata import EntryPoint, entry_points

import pytest

from rolecall.plugins.plugin import Plugin
from rolecall.plugins.registry import Registry
from rolecall.work.documents import settings_schema
from rolecall_webapp.demo.fakes import GROUP, make

ADDRESS = "http://127.0.0.1:8000/_fake"
GOOD = EntryPoint(name="moodle", value="rolecall_moodle.fake:create_app", group=GROUP)
PLUGINS = {name: Plugin(name=name, label=name.title(), version="") for name in ("moodle", "lockers")}
FAULTY = Plugin(name="lockers", label="Lockers", version="", fault="Install padlock.")


def test_every_provider_and_channel_that_is_installed_has_a_fake_whose_settings_connect_to_it():
    plugins = Registry().installed

    fakes = make(entry_points(group=GROUP), plugins, ADDRESS)

    connected = {name for name, plugin in plugins.items() if plugin.providers or plugin.channels}
    assert fakes.left_out == []
    # Messages leave by one channel of a kind, and the demo's is e-mail; the tenant of o365 has a mailbox too.
    assert fakes.apps.keys() == connected - {"o365_mail"} | {"oidc"}
    for name, fake in fakes.apps.items():
        loaded = settings_schema(plugins[name])().load(fake.settings)
        # What does not speak HTTP has a port of its own on this machine.
        assert any(str(value).startswith((f"{ADDRESS}/{name}", "127.0.0.1")) for value in loaded.values())


@pytest.mark.parametrize(
    ("value", "plugin", "why"),
    [
        ("rolecall_moodle.fake:create_app", None, "Its plugin is not installed."),
        ("rolecall_moodle.fake:create_app", FAULTY, "Install padlock."),
        ("no_such_module:create_app", PLUGINS["lockers"], "ModuleNotFoundError"),
        ("rolecall_moodle.fake:no_such_name", PLUGINS["lockers"], "AttributeError"),
        ("builtins:int", PLUGINS["lockers"], "ValueError"),
    ],
)
def test_a_fake_that_cannot_be_made_is_left_out_with_the_reason_and_the_others_are_connected(value, plugin, why):
    plugins = {"moodle": PLUGINS["moodle"]} | ({"lockers": plugin} if plugin else {})

    fakes = make([EntryPoint(name="lockers", value=value, group=GROUP), GOOD], plugins, ADDRESS)

    assert list(fakes.apps) == ["moodle"]
    (sentence,) = fakes.left_out
    assert sentence.lower().startswith("lockers is left out.")
    assert why in sentence
