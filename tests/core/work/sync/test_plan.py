"""The plan compares and decides; it calls nobody."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall.sdk.provider import Change, Provider, Verb
from rolecall.sdk.snapshots import AccountSnapshot, PersonSnapshot
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.plan import difference, plan
from rolecall.work.sync.sent import Sent

WANTED: dict[str, Any] = {"name": "Anna", "groups": frozenset({"a", "b"})}


class Simple(Provider):
    id = "simple"
    label = "Simple"
    wanted: Mapping[str, Any] = WANTED

    def attributes(self, account: AccountSnapshot) -> Mapping[str, Any]:
        return self.wanted

    def update(self, external_id: str, changes: Mapping[str, Any]) -> None:
        raise AssertionError("a plan calls nobody")

    def suspend(self, external_id: str) -> None:
        raise AssertionError("a plan calls nobody")

    def resume(self, external_id: str) -> None:
        raise AssertionError("a plan calls nobody")

    def delete(self, external_id: str) -> None:
        raise AssertionError("a plan calls nobody")


def account(*, no_sync: bool = False, **values: Any) -> AccountSnapshot:
    person = PersonSnapshot(id=1, list="students", code="1", first_name="Anna", last_name="K", no_sync=no_sync)
    return AccountSnapshot(id=1, key="k", type="student", username="anna", person=person, **values)


def decide(
    goal: str,
    *,
    external_id: str | None = "r1",
    sent: Sent | None = None,
    provider: Provider | None = None,
    may_exist: bool = False,
    **values: Any,
) -> Change | None:
    provider = provider or Simple({}, None)  # type: ignore[arg-type]
    sent = Sent(attributes=WANTED) if sent is None else sent
    return plan(provider, account(**values), link_id=7, goal=goal, external_id=external_id, sent=sent, may_exist=may_exist)


def test_what_is_not_there_is_created_with_everything() -> None:
    change = decide("present", external_id=None, sent=Sent())

    assert change is not None
    assert (change.verb, change.after, change.wanted, change.link_id) == (Verb.CREATE, WANTED, WANTED, 7)


def test_what_is_as_it_should_be_needs_nothing() -> None:
    assert decide("present") is None


def test_only_what_differs_is_sent() -> None:
    change = decide("present", sent=Sent(attributes={**WANTED, "name": "Ann"}))

    assert change is not None
    assert (change.verb, change.before, change.after, change.wanted) == (Verb.UPDATE, {"name": "Ann"}, {"name": "Anna"}, WANTED)


def test_an_attribute_that_is_not_managed_any_more_stays_there() -> None:
    assert decide("present", sent=Sent(attributes={**WANTED, "phone": "1"})) is None


def test_an_attribute_that_is_cleared_is_sent_as_none() -> None:
    provider = Simple({}, None)  # type: ignore[arg-type]
    provider.wanted = {**WANTED, "phone": None}

    change = decide("present", provider=provider, sent=Sent(attributes={**WANTED, "phone": "1"}))

    assert change is not None
    assert change.after == {"phone": None}


def test_suspending_sends_no_attributes() -> None:
    change = decide("suspended", sent=Sent(attributes={}))

    assert change is not None
    assert (change.verb, change.after, change.external_id) == (Verb.SUSPEND, {}, "r1")


def test_resuming_carries_what_differs() -> None:
    change = decide("present", sent=Sent(attributes={**WANTED, "name": "Ann"}, suspended=True))

    assert change is not None
    assert (change.verb, change.after) == (Verb.RESUME, {"name": "Anna"})


def test_a_deletion_needs_no_attributes() -> None:
    provider = Simple({}, None)  # type: ignore[arg-type]
    provider.wanted = None  # type: ignore[assignment]

    change = decide("deleted", provider=provider)

    assert change is not None
    assert change.verb is Verb.DELETE


@pytest.mark.parametrize("goal", ["suspended", "deleted"])
def test_what_was_never_there_is_not_closed(goal: str) -> None:
    assert decide(goal, external_id=None, sent=Sent()) is None


@pytest.mark.parametrize("goal", ["suspended", "deleted"])
def test_what_may_be_there_is_closed_without_an_id(goal: str) -> None:
    change = decide(goal, external_id=None, sent=Sent(), may_exist=True)

    assert change is not None
    assert change.external_id is None


def test_what_is_suspended_is_not_suspended_again() -> None:
    assert decide("suspended", sent=Sent(attributes=WANTED, suspended=True)) is None


@pytest.mark.parametrize("values", [{"active": False}, {"deleted": True}, {"no_sync": True}])
def test_closed_accounts_and_people_kept_out_are_left_alone(values: dict[str, Any]) -> None:
    assert decide("present", external_id=None, sent=Sent(), **values) is None
    assert decide("present", sent=Sent(attributes={}), **values) is None


def test_what_a_provider_cannot_do_is_not_asked_of_it() -> None:
    class Poor(Provider):
        id = "poor"
        label = "Poor"

        def attributes(self, account: AccountSnapshot) -> Mapping[str, Any]:
            return WANTED

    poor = Poor({}, None)  # type: ignore[arg-type]

    assert decide("present", provider=poor, sent=Sent(attributes={})) is None
    assert decide("suspended", provider=poor) is None
    assert decide("deleted", provider=poor) is None
    assert decide("present", provider=poor, sent=Sent(attributes=WANTED, suspended=True)) is None


@pytest.mark.parametrize(
    "wanted",
    [None, [("name", "x")], {1: "x"}, {"name": 1.5}, {"name": ["x"]}, {"groups": frozenset({1})}, {"name": b"x"}, {"name": object()}],
)
def test_attributes_of_a_wrong_kind_are_a_bug_of_the_plugin(wanted: Any) -> None:
    with pytest.raises(TypeError):
        sent_state.check(wanted)


@pytest.mark.parametrize("wanted", [{"name": "a\0b"}, {"name": "\ud800"}, {"groups": frozenset({"\udfff"})}, {"\0": "x"}])
def test_text_that_cannot_be_stored_is_a_bug_of_the_plugin(wanted: Any) -> None:
    with pytest.raises(ValueError):
        sent_state.check(wanted)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
values = st.none() | st.booleans() | st.integers(-9, 9) | texts | st.frozensets(texts, max_size=3)
attributes = st.dictionaries(texts, values, max_size=4)


@given(attributes, st.booleans())
def test_what_was_sent_is_read_as_it_was_written(wanted: dict[str, Any], suspended: bool) -> None:
    sent = Sent(attributes=sent_state.check(wanted), suspended=suspended)

    assert sent_state.load(sent_state.dump(sent)) == sent


@given(attributes, attributes)
def test_after_the_difference_is_applied_nothing_differs(known: dict[str, Any], wanted: dict[str, Any]) -> None:
    before, after = difference(known, wanted)

    assert difference({**known, **after}, wanted) == ({}, {})
    assert {name: known[name] for name in before} == before
    assert set(before) <= set(after) <= set(wanted)


GROUPS = st.frozensets(st.sampled_from("abcde"))


@given(GROUPS, GROUPS, GROUPS, GROUPS)
def test_whatever_became_of_a_try_adding_and_removing_what_differs_makes_the_groups_right(
    known: frozenset[str], tried: frozenset[str], there: frozenset[str], wanted: frozenset[str]
) -> None:
    before, after = difference({"groups": known}, {"groups": wanted}, tried={"groups": tried})
    now, then = before["groups"], after["groups"]
    assert isinstance(now, frozenset)
    assert isinstance(then, frozenset)

    assert ((there & (known | tried)) | (then - now)) - (now - then) == wanted
