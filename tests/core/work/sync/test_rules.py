"""What an integration's settings do to what is sent, whatever the plugin: set once, only on creation, groups by role, report only (R54)."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall.sdk.mapping import MappedAttribute, Mode
from rolecall.sdk.provider import Change, Provider, Remote, Verb
from rolecall.sdk.snapshots import AccountSnapshot, PersonSnapshot, RoleSnapshot
from rolecall.store.tables import Account
from rolecall.testing.factories import give_role, make_period, make_role
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.work.links import PRESENT
from rolecall.work.sync.plan import plan
from rolecall.work.sync.sent import Sent, dump, load

Open = Callable[..., School]


class Site(Provider):
    """Keeps what it is told, and does nothing else."""

    id = "site"
    label = "Site"
    mapping = (
        MappedAttribute(name="name", label="Name", template="{first_name}"),
        MappedAttribute(name="phone", label="Phone", template="{phone}", mode=Mode.ONCE),
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__(settings, None)  # type: ignore[arg-type]
        self.there: dict[str, Any] = {}

    def attributes(self, account: AccountSnapshot) -> Mapping[str, Any]:
        roles = {f"{role.period}/{role.role}" for role in account.roles}
        return {**self.mapped(account), "groups": frozenset(roles), "list": account.person.list}

    def update(self, external_id: str, changes: Mapping[str, Any]) -> None:
        self.there.update(changes)

    def resume(self, external_id: str) -> None: ...

    def suspend(self, external_id: str) -> None: ...


def account(first_name: str = "Anna", phone: str | None = "+30691", roles: tuple[RoleSnapshot, ...] = ()) -> AccountSnapshot:
    person = PersonSnapshot(id=1, list="students", code="1", first_name=first_name, last_name="K", phone=phone)
    return AccountSnapshot(id=1, key="k", type="student", username="anna", person=person, roles=roles)


def decide(site: Site, who: AccountSnapshot, sent: Sent, *, external_id: str | None = "r1") -> Change | None:
    return plan(site, who, link_id=1, goal=PRESENT, external_id=external_id, sent=sent)


steps = st.lists(
    st.tuples(st.sampled_from(["", "Anna", "Annika"]), st.sampled_from([None, "+30691", "+30692"]), st.booleans()), min_size=1, max_size=8
)


@given(steps, st.sampled_from([None, "", "their own"]), st.booleans())
def test_what_is_set_once_is_sent_until_it_has_a_value_and_never_again(
    changes: list[tuple[str, str | None, bool]], before: str | None, adopted: bool
) -> None:
    site, sent, external_id = Site(), Sent(), None
    if adopted:
        site.there = {"phone": before, "name": "Somebody"}
    first: str | None = None

    for name, phone, restarts in changes:
        change = decide(site, account(name, phone), sent, external_id=external_id)
        if change is not None:
            if change.verb is Verb.CREATE:
                site.update("r1", change.differing(site.there) if adopted else change.after)
            else:
                site.update("r1", change.after)
            sent, external_id = sent.after(change, adopted=adopted and change.verb is Verb.CREATE), "r1"
        sent = load(dump(sent)) if restarts else sent
        first = first or phone

        assert site.there["name"] == (name or None)
        assert site.there["phone"] == ((before or changes[0][1]) if adopted else first)


def test_an_adopted_account_keeps_its_value_even_if_ours_comes_later() -> None:
    site = Site()
    site.there = {"phone": "their own"}
    change = decide(site, account(phone=None), Sent(), external_id=None)
    assert change is not None
    site.adopt(change, Remote(external_id="r1", attributes=site.there))
    sent = Sent().after(change, adopted=True)

    assert decide(site, account(phone="+30692"), sent) is None
    assert site.there["phone"] == "their own"


def test_what_is_set_once_never_empties_what_an_account_has_there() -> None:
    sent = Sent(attributes={"name": "Anna", "groups": frozenset(), "list": "students"})

    assert decide(Site(), account(phone=None), sent) is None
    change = decide(Site(), account(phone="+30691"), sent)
    assert change is not None
    assert change.after == {"phone": "+30691"}


def test_an_institution_decides_which_attributes_are_set_once_and_which_are_left_alone() -> None:
    site = Site(mapping={"name": {"mode": "once"}, "phone": {"mode": "ignore"}})
    sent = Sent(attributes={"name": "Anna", "groups": frozenset(), "list": "students"})

    assert decide(site, account("Annika", "+30692"), sent) is None
    created = decide(site, account("Annika"), Sent(), external_id=None)
    assert created is not None
    assert (created.once, "phone" in created.after) == ({"name"}, False)


def test_with_sync_only_on_creation_nothing_is_changed_but_closing_and_reopening_is_done() -> None:
    site = Site(only_on_creation=True)
    created = decide(site, account(), Sent(), external_id=None)
    assert created is not None
    sent = Sent().after(created)

    assert created.after["name"] == "Anna"
    assert decide(site, account("Annika", roles=(RoleSnapshot(period="2026", role="Pupil"),)), sent) is None
    reopened = decide(site, account("Annika"), Sent(attributes=sent.attributes, suspended=True))
    assert reopened is not None
    assert (reopened.verb, reopened.after, reopened.wanted) == (Verb.RESUME, {}, sent.attributes)
    assert decide(Site(), account("Annika"), sent.after(reopened)) is not None


def test_what_was_tried_before_stays_unclear_while_it_is_not_sent() -> None:
    sent = Sent(attributes={"name": "Anna"}, tried={"name": "Ann"}, suspended=True)
    reopened = decide(Site(only_on_creation=True), account(), sent)
    assert reopened is not None

    assert sent.after(reopened).tried == {"name": "Ann"}


@pytest.mark.parametrize(
    ("settings", "groups"),
    [
        ({}, {"2026/Pupil", "2026/Choir", "2025/Pupil"}),
        ({"grouped": "all", "grouped_roles": ["1"]}, {"2026/Pupil", "2026/Choir", "2025/Pupil"}),
        ({"grouped": "chosen", "grouped_roles": ["1"]}, {"2026/Pupil", "2025/Pupil"}),
        ({"grouped": "chosen", "grouped_roles": []}, set()),
        ({"grouped": "none", "grouped_roles": ["1"]}, set()),
    ],
)
def test_the_settings_say_which_roles_become_groups(settings: dict[str, Any], groups: set[str]) -> None:
    roles = (
        RoleSnapshot(period="2025", role="Pupil", role_id=1),
        RoleSnapshot(period="2026", role="Pupil", role_id=1),
        RoleSnapshot(period="2026", role="Choir", role_id=2),
    )

    change = decide(Site(**settings), account(roles=roles), Sent(), external_id=None)

    assert change is not None
    assert change.after["groups"] == groups


def test_a_role_that_is_no_group_any_more_is_left_at_the_provider(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    with school.app.db.write() as session:
        pupil = make_role(session, "Pupil")
        give_role(session, session.get_one(Account, anna), pupil, make_period(session))
        role_id = pupil.id
    school.sync(anna)
    school.work()
    assert provider.service.of(school.key(anna)).attributes["groups"] == {"2026/Pupil"}  # type: ignore[union-attr]

    school.save(provider, grouped="chosen", grouped_roles=[str(role_id + 1)])
    school.sync(anna)
    school.work()

    assert provider.service.of(school.key(anna)).attributes["groups"] == frozenset()  # type: ignore[union-attr]


def test_while_an_integration_only_reports_nothing_is_sent_and_nothing_is_lost(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.save(provider, report_only=True)
    provider.service.journal.clear()

    school.change(anna, person={"last_name": "Neu"})
    school.work()
    waited = (provider.service.journal[:], school.sync_state(anna, provider))
    school.save(provider, report_only=False)
    school.work()

    assert waited == ([], "queued")
    assert provider.service.of(school.key(anna)).attributes["name"] == "Anna Neu"  # type: ignore[union-attr]
    assert school.pending(anna) == []


def test_a_conversion_makes_the_account_even_where_changes_are_not_sent(school: School, provider: type[MemoryProvider]) -> None:
    school.save(provider, only_on_creation=True, user_types=["teacher"])
    anna = school.student("Anna")

    school.act("external.convert", anna, provider=provider.id)
    school.work()

    assert provider.service.of(school.key(anna)) is not None


def test_who_is_taken_over_is_sent_nothing_afterwards_where_changes_are_not_sent(open_school: Open) -> None:
    provider = memory_provider()
    school = open_school(provider)
    school.save(provider, only_on_creation=True)
    anna = school.student("Anna")
    provider.service.add(school.snapshot(anna).username, name="As they had it")
    school.sync(anna)
    school.work()
    (taken,) = provider.service.accounts.values()

    school.change(anna, person={"last_name": "Neu"})
    school.work()

    assert str(taken.attributes["name"]).startswith("Anna ")
    assert list(provider.service.accounts.values()) == [taken]
    assert school.pending(anna) == []


def test_results_of_other_verbs_keep_what_an_adopted_account_keeps() -> None:
    site = Site()
    change = decide(site, account(phone=None), Sent(), external_id=None)
    assert change is not None
    sent = Sent().after(change, adopted=True)
    renamed = decide(site, account("Annika", phone=None), sent)
    assert renamed is not None

    assert load(dump(sent.after(renamed))).kept == {"phone"}
