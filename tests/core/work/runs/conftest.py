"""A plugin with one action, made of a handler."""

import pytest

from rolecall import action


@pytest.fixture
def plugin_action(office):
    """A function that enables a plugin with one bulk action made of a handler."""

    def install(handler, **declared):
        declared = {"label": "Try", "bulk": True, "help": "Try it."} | declared
        office.use("trial", register_actions=lambda: [action("trial.go", **declared)(handler)])

    return install
