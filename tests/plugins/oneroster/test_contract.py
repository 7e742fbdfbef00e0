"""The OneRoster reader does what every plugin and every roster source must do, with each of its formats."""

from pathlib import Path

from rolecall.testing import PluginContract, RosterContract

DATA = Path(__file__).parent / "data"


class TestPlugin(PluginContract):
    plugin = "oneroster"


class TestOneRoster11(RosterContract):
    plugin = "oneroster"
    sample = DATA / "oneroster-1.1"


class TestOneRoster12(RosterContract):
    plugin = "oneroster"
    sample = DATA / "oneroster-1.2"


class TestSchoolDataSync1(RosterContract):
    plugin = "oneroster"
    sample = DATA / "sds-v1"


class TestSchoolDataSync21(RosterContract):
    plugin = "oneroster"
    sample = DATA / "sds-v2.1"
