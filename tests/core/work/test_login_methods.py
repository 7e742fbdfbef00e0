"""A login method that is broken stops nobody else, and ends as a sentence (R66, R69)."""

from datetime import UTC, datetime
from types import ModuleType

import pytest

from rolecall import Departure, LoginMethod, hookimpl
from rolecall.errors import PluginFault, Unknown
from rolecall.testing.fixtures import open_school
from rolecall.work import external_sign_in


class Working(LoginMethod):
    id = "working"
    label = "Working"
    url = "https://login.example/"

    @classmethod
    def issuer_of(cls, settings):
        return "https://login.example"

    def begin(self, callback_url, state, *, fresh=False):
        return Departure(url=self.url)

    def complete(self, args, callback_url, remembered):
        raise ZeroDivisionError


class Unbuilt(Working):
    id = "unbuilt"

    def __init__(self, settings, http):
        raise SystemExit("no licence")


class Unready(Working):
    id = "unready"

    @classmethod
    def is_ready(cls, settings):
        return False


class Astray(Working):
    id = "astray"
    url = "javascript:alert(1)"


class Breaking(Working):
    id = "breaking"

    def begin(self, callback_url, state, *, fresh=False):
        raise KeyError("endpoint")


KINDS = (Working, Unbuilt, Unready, Astray, Breaking)


@pytest.fixture
def school(database_url, tmp_path):
    plugins = {}
    for kind in KINDS:
        plugins[kind.id] = ModuleType(kind.id)
        plugins[kind.id].register_login_methods = hookimpl(lambda kind=kind: [kind])
    with open_school(database_url, tmp_path, plugins=plugins) as school:
        for kind in KINDS:
            school.enable(kind.id)
        yield school


def begin(school, method):
    return external_sign_in.begin(school.app, method, browser="b", purpose=external_sign_in.ENTER, target="/", now=datetime.now(UTC))


def available(school):
    with school.app.db.read() as session:
        return set(school.app.login_methods.available(session, school.app.plugins.view(session)))


def test_what_cannot_be_built_or_is_not_set_up_is_not_offered(school):
    assert available(school) == {"working", "astray", "breaking"}
    assert begin(school, "working") == "https://login.example/"

    for method in ("unbuilt", "unready", "nobody"):
        with pytest.raises(Unknown):
            begin(school, method)


@pytest.mark.parametrize("method", ["astray", "breaking"])
def test_what_breaks_or_leads_nowhere_is_a_sentence(school, method):
    with pytest.raises(PluginFault, match="Working"):
        begin(school, method)


def test_what_breaks_on_the_way_back_signs_nobody_in(school):
    begun = external_sign_in.Begun(method="working", purpose="enter", account_id=None, target="/", remembered={})

    with pytest.raises(PluginFault):
        external_sign_in.enter(school.app, begun, {}, address=None, agent=None, now=datetime.now(UTC))


def test_disabling_takes_effect_at_once_and_so_does_enabling(school):
    school.disable("working")
    assert "working" not in available(school)

    school.enable("working")
    assert "working" in available(school)
