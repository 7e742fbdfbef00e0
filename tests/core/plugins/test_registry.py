"""Plugins are found, validated, enabled and isolated (R68, R69)."""

from types import ModuleType

import pytest
from marshmallow import Schema, fields

from rolecall import Action, Column, Filter, Grade, LoginMethod, Provider, RosterSource, action, hookimpl
from rolecall.errors import PluginRejected, Refused, Unknown
from rolecall.plugins.registry import Registry
from rolecall.plugins.state import set_enabled
from rolecall.store.engine import now


def module(name="hello", **hooks):
    """A plugin module made of functions: what they return is what the hook returns."""
    made = ModuleType(name)
    for hook, answer in hooks.items():
        is_function = callable(answer) and not isinstance(answer, type)
        setattr(made, hook, hookimpl(answer if is_function else _answering(answer)))
    return made


def _answering(answer):
    return lambda: answer


def handler(context, accounts, params):
    """Say hello."""


def wave(id="hello.wave", **declared):
    return action(id, label="Wave", **declared)(handler)


class HelloSettings(Schema):
    greeting = fields.String(load_default="Hello")


class Shadowing(Schema):
    roles = fields.String(load_default="")


class HelloProvider(Provider):
    id = "hello"
    label = "Hello"

    def attributes(self, account):
        return {}

    def find(self, account):
        return None

    def create(self, account, wanted, password):
        return None


class HelloLogin(LoginMethod):
    id = "hello"
    label = "Hello"

    @classmethod
    def issuer_of(cls, settings):
        return "https://hello.example"

    def begin(self, callback_url, state, *, fresh=False):
        return None

    def complete(self, args, callback_url, remembered):
        return None


class Nowhere(LoginMethod):
    id = "hello"
    label = "Hello"

    @classmethod
    def issuer_of(cls, settings):
        return "https://hello.example"

    def begin(self, callback_url, state, *, fresh=False):
        return None


class HelloRoster(RosterSource):
    id = "hello"
    label = "Hello roster"


def everything():
    return module(
        register_actions=[wave()],
        register_providers=[HelloProvider],
        register_login_methods=[HelloLogin],
        register_roster_sources=[HelloRoster],
        register_filters=[Filter(id="hello", label="Hello", clause=lambda value, context: None)],
        register_columns=[Column(id="hello_column", label="Hello", values=lambda session, ids: {})],
        plugin_settings=HelloSettings,
    )


def test_a_plugin_with_one_of_each_is_installed_with_one_of_each():
    plugin = Registry(extra={"hello": everything()}).installed["hello"]

    assert plugin.fault is None
    assert plugin.provides == ("provider", "login", "roster", "action", "filter", "column")
    assert plugin.settings is HelloSettings


def test_an_installed_plugin_does_nothing_until_it_is_enabled(db):
    registry = Registry(extra={"hello": everything()})

    with db.read() as session:
        assert "hello.wave" not in registry.view(session).actions
    with db.write() as session:
        assert set_enabled(session, registry, "hello", True, now=now(session))
    with db.read() as session:
        view = registry.view(session)
        assert {"hello.wave"} <= set(view.actions)
        assert set(view.providers) == set(view.sources) == {"hello"}
        assert view.owner("hello.wave") == "hello"


def test_disabling_takes_effect_in_every_process_without_a_restart(db):
    here, elsewhere = (Registry(extra={"hello": everything()}) for _ in range(2))
    with db.write() as session:
        set_enabled(session, here, "hello", True, now=now(session))
    with db.read() as session:
        assert "hello" in elsewhere.view(session).plugins

    with db.write() as session:
        set_enabled(session, here, "hello", False, now=now(session))

    with db.read() as session:
        assert "hello" not in elsewhere.view(session).plugins
        assert "hello" not in here.view(session).plugins


def test_enabling_twice_changes_nothing(db):
    registry = Registry(extra={"hello": everything()})
    with db.write() as session:
        assert set_enabled(session, registry, "hello", True, now=now(session))
        before = registry.view(session).generation

        assert not set_enabled(session, registry, "hello", True, now=now(session))

        assert registry.view(session).generation == before


def test_core_is_always_there_and_comes_first(db):
    registry = Registry(extra={"hello": everything()})
    with db.write() as session:
        set_enabled(session, registry, "hello", True, now=now(session))
        view = registry.view(session)

        assert next(iter(view.plugins)) == "core"
        assert list(view.actions)[-1] == "hello.wave"
        with pytest.raises(Refused, match="cannot be disabled"):
            set_enabled(session, registry, "core", False, now=now(session))


def test_the_operator_says_which_plugins_may_be_enabled(db):
    registry = Registry(extra={"hello": everything()}, allow=["moodle"])

    with db.write() as session, pytest.raises(Refused, match="not allowed"):
        set_enabled(session, registry, "hello", True, now=now(session))


def test_a_plugin_that_is_not_installed_is_unknown(db):
    with db.write() as session, pytest.raises(Unknown, match="no plugin called nobody"):
        set_enabled(session, Registry(), "nobody", True, now=now(session))


def not_an_action_list():
    return module(register_actions="hello.wave")


class Headless(Provider):
    id = "hello"
    label = "Headless"


class Nameless(RosterSource):
    id = "other"
    label = "Somebody else's"


def misspelt():
    made = module()
    made.register_acitons = hookimpl(lambda: [wave()])
    return made


def wrong_argument():
    made = module()
    made.validate_accounts = hookimpl(lambda accounts: [])
    return made


def raising():
    def register_actions():
        raise RuntimeError("no licence")

    return module(register_actions=register_actions)


def exiting():
    def register_actions():
        raise SystemExit(3)

    return module(register_actions=register_actions)


BAD = {
    "a misspelt hook": (misspelt, "register_acitons"),
    "a hook with a wrong argument": (wrong_argument, "accounts"),
    "an exception while registering": (raising, "no licence"),
    "an exit while registering": (exiting, "SystemExit"),
    "no list of actions": (not_an_action_list, "must return a list"),
    "something that is no action": (lambda: module(register_actions=[HelloProvider]), "is not Action"),
    "an action of somebody else's name": (lambda: module(register_actions=[wave("moodle.wave")]), "must begin with"),
    "an action id without a verb": (lambda: module(register_actions=[wave("hello")]), "must look like"),
    "the same action twice": (lambda: module(register_actions=[wave(), wave()]), "registered already"),
    "an action without a label": (lambda: module(register_actions=[Action(id="hello.x", label=" ", handler=handler)]), "needs a label"),
    "consent without a consequence": (lambda: module(register_actions=[wave(grade=Grade.AGREE)]), "must say the consequence"),
    "a batch that is too large": (lambda: module(register_actions=[wave(batch=6_000)]), "must be from 1 to 5,000"),
    "params that are no schema": (lambda: module(register_actions=[wave(params=dict)]), "marshmallow schema"),
    "requirements that are none": (lambda: module(register_actions=[wave(requires=("active",))]), "Requirement objects"),
    "a login method that never completes": (lambda: module(register_login_methods=[Nowhere]), "must implement complete"),
    "a provider that cannot create": (lambda: module(register_providers=[Headless]), "must implement attributes"),
    "an instance instead of a class": (lambda: module(register_roster_sources=[HelloRoster("x")]), "is not type"),
    "a class of another kind": (lambda: module(register_roster_sources=[HelloProvider]), "does not inherit RosterSource"),
    "a roster source of another name": (lambda: module(register_roster_sources=[Nameless]), "must be the plugin's name"),
    "a filter of another name": (
        lambda: module(register_filters=[Filter(id="type", label="T", clause=lambda value, context: None)]),
        "must be “hello”",
    ),
    "settings that are no schema": (lambda: module(plugin_settings={"greeting": "x"}), "must return a marshmallow schema"),
    "a setting that has the name of a common one": (
        lambda: module(register_providers=[HelloProvider], plugin_settings=Shadowing),
        "every provider has",
    ),
}


@pytest.mark.parametrize(("make", "why"), BAD.values(), ids=BAD)
def test_a_bad_plugin_is_left_out_whole_with_the_reason_and_the_others_go_on(make, why):
    registry = Registry(extra={"hello": make(), "fine": module("fine", register_actions=[wave("fine.wave")])})

    bad, fine = registry.installed["hello"], registry.installed["fine"]

    assert why in bad.fault
    assert not bad.actions
    assert not bad.provides
    assert "fine.wave" in fine.actions


@pytest.mark.parametrize(("make", "why"), BAD.values(), ids=BAD)
def test_strict_mode_makes_a_fault_an_exception(make, why):
    with pytest.raises((PluginRejected, RuntimeError, SystemExit)):
        Registry(extra={"hello": make()}, strict=True)


def test_a_faulty_plugin_cannot_be_enabled(db):
    registry = Registry(extra={"hello": raising()})

    with db.write() as session, pytest.raises(Refused, match="no licence"):
        set_enabled(session, registry, "hello", True, now=now(session))


def test_a_name_that_is_taken_keeps_the_first():
    registry = Registry(extra={"moodle": everything()})

    assert registry.installed["moodle"].providers["moodle"].label != "Hello"


def test_a_name_that_no_id_can_have_is_refused():
    assert "lower-case letters" in Registry(extra={"Hello-World": module()}).installed["Hello-World"].fault


def test_asking_walks_the_enabled_plugins_and_passes_what_each_wants(db):
    def validate_accounts(changes):
        return list(changes)

    registry = Registry(extra={"hello": module(validate_accounts=validate_accounts)})
    with db.write() as session:
        view = registry.view(session)
        assert not [name for name, _ in registry.ask(view, "validate_accounts", changes=[1]) if name == "hello"]
        set_enabled(session, registry, "hello", True, now=now(session))
        view = registry.view(session)

        answers = dict(registry.ask(view, "validate_accounts", changes=[1]))

    assert answers["hello"] == [1]
    assert validate_accounts in registry.implementations(view, "validate_accounts")


def test_tracing_prints_who_is_asked(db, capsys):
    registry = Registry(extra={"hello": everything()}, trace=True)
    with db.write() as session:
        set_enabled(session, registry, "hello", True, now=now(session))

        list(registry.ask(registry.view(session), "plugin_settings"))

    assert "plugin_settings -> hello" in capsys.readouterr().err
