"""What was changed here reaches the provider, once, and nothing else does."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from rolecall.accounts.sealing import place
from rolecall.sdk.provider import Change, Limits, Result
from rolecall.store.tables import AuditEntry, Listing
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.work import slots

Open = Callable[..., School]
DELETED = datetime(2026, 2, 1, tzinfo=UTC)


def audit(school: School) -> list[AuditEntry]:
    with school.app.db.read() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.kind == "sync").order_by(AuditEntry.seq)))


def test_a_new_account_is_created_and_linked(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)

    school.work()

    remote = provider.service.of(school.key(anna))
    assert remote is not None
    assert remote.attributes["name"] == f"Anna {school.snapshot(anna).person.last_name}"
    assert school.link(anna, provider).external_id == remote.external_id
    assert school.pending(anna) == []


def test_an_account_without_a_change_costs_no_call(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    provider.service.journal.clear()

    school.sync(anna)
    school.work()

    assert provider.service.journal == []
    assert school.pending(anna) == []


def test_ten_edits_cost_one_call_with_what_differs(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    seen = []
    provider.update = lambda self, external_id, changes: seen.append((external_id, changes))  # type: ignore[method-assign]

    for number in range(10):
        school.change(anna, person={"last_name": f"Name{number}"})
    school.work()

    assert seen == [(school.link(anna, provider).external_id, {"name": "Anna Name9"})]


def test_deactivating_suspends_and_activating_resumes_with_what_changed_meanwhile(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)

    school.change(anna, active=False)
    school.work()
    suspended = provider.service.of(school.key(anna))
    school.change(anna, person={"last_name": "Neu"})
    school.change(anna, active=True)
    school.work()

    resumed = provider.service.of(school.key(anna))
    assert suspended is not None
    assert suspended.suspended
    assert resumed is not None
    assert (resumed.suspended, resumed.attributes["name"]) == (False, "Anna Neu")


def test_deletion_deletes_where_the_integration_says_so_and_restoring_creates_again(school: School, provider: type[MemoryProvider]) -> None:
    school.save(provider, on_deletion="delete", delete_after=0)
    anna = school.student("Anna", linked_to=provider)

    school.change(anna, deleted_at=DELETED)
    school.work()
    gone = school.link(anna, provider)
    school.change(anna, deleted_at=None)
    school.work()

    assert (gone.external_id, gone.sent, gone.sealed_password, gone.synced) == (None, None, None, gone.wanted)
    assert provider.service.made[school.key(anna)] == 2
    assert len(provider.service.accounts) == 1


def test_deletion_suspends_where_the_provider_cannot_delete(open_school: Open) -> None:
    provider = memory_provider(can=classmethod(lambda cls, verb: verb != "delete"))
    school = open_school(provider)
    school.save(provider, on_deletion="delete", delete_after=0)
    anna = school.student("Anna", linked_to=provider)

    school.change(anna, deleted_at=DELETED)
    school.work()

    assert provider.service.calls("delete") == []
    assert len(provider.service.calls("suspend")) == 1


def test_an_account_that_is_left_alone_is_not_called_about(school: School, provider: type[MemoryProvider]) -> None:
    school.save(provider, on_deactivation="leave")
    anna, never = school.student("Anna", linked_to=provider), school.student("Never")
    school.sync(never)
    provider.service.journal.clear()

    school.change(anna, never, active=False)
    school.work()

    assert provider.service.journal == []
    assert school.pending(anna) == school.pending(never) == []


def test_a_person_kept_out_of_sync_stays_as_it_is_there(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, person={"last_name": "New"})
    provider.service.journal.clear()

    school.change(anna, person={"no_sync": True})
    school.work()

    assert provider.service.journal == []
    assert school.pending(anna) == []


def test_an_account_deactivated_before_it_was_created_is_never_created(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)
    school.change(anna, active=False)

    school.work()

    assert provider.service.journal == []
    assert school.pending(anna) == []


def test_an_existing_remote_account_is_adopted_by_key(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    there = provider.service.add("other.name", key=school.key(anna), suspended=True)
    school.sync(anna)

    school.work()

    remote = provider.service.accounts[there.external_id]
    assert provider.service.calls("create") == []
    assert (remote.suspended, remote.attributes["username"]) == (False, school.snapshot(anna).username)
    assert school.link(anna, provider).external_id == there.external_id
    assert school.link(anna, provider).sealed_password is None


def test_an_account_that_is_nobodys_is_adopted_by_user_name(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    there = provider.service.add(school.snapshot(anna).username)
    school.sync(anna)

    school.work()

    assert school.link(anna, provider).external_id == there.external_id


def test_the_initial_password_is_sealed_to_the_link_and_given_to_the_provider(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)

    link = school.link(anna, provider)
    assert link.sealed_password is not None
    opened = school.app.keyring.open(link.sealed_password, place("link", link.id, "sealed_password"))
    assert provider.service.passwords[link.external_id or ""] == opened
    assert all(any(kind(character) for character in opened) for kind in (str.isupper, str.islower, str.isdigit))


def test_disconnecting_calls_nobody_and_a_sync_does_not_link_again(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    provider.service.journal.clear()

    school.act("external.disconnect", anna)
    school.change(anna, active=False)
    school.act("external.sync", anna)
    school.work()

    assert provider.service.journal == []
    assert school.link(anna, provider).goal == "released"


def test_converting_takes_a_released_account_back(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    before = school.link(anna, provider).external_id
    school.act("external.disconnect", anna)

    school.act("external.convert", anna, provider=provider.id)
    school.work()

    assert school.link(anna, provider).external_id == before
    assert provider.service.made[school.key(anna)] == 1


def test_a_disabled_provider_is_not_called(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)
    school.disable(provider)

    school.work()

    assert provider.service.journal == []
    assert school.pending(anna) == [provider.id]


def test_groups_are_made_before_the_accounts_and_once(school: School, provider: type[MemoryProvider]) -> None:
    with school.app.db.write() as session:
        accounts = [make_account(session) for _ in range(3)]
        for account in accounts:
            give_role(session, account, make_role(session), make_period(session))

    school.sync(*(account.id for account in accounts))
    school.work()

    assert [call.verb for call in provider.service.journal].count("ensure_groups") == 1
    assert provider.service.journal[0].verb == "ensure_groups"
    assert provider.service.groups == {"2026/Main student"}


def test_the_accounts_list_knows_who_has_a_remote_account(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)

    with school.app.db.read() as session:
        assert session.get_one(Listing, anna).external


def test_what_was_done_is_in_the_audit_without_values(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, person={"last_name": "Geheim"})
    school.work()

    created, updated = audit(school)

    attributes = ["email", "groups", "name", "username"]
    line = {"account": anna, "verb": "create", "attributes": attributes, "external_id": "r1"}
    assert created.payload == {"provider": "memory", "accounts": [line]}
    assert updated.account_id == anna
    assert "Geheim" not in str(updated.payload)


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_many_accounts_are_all_brought_up_to_date(open_school: Open, batch: int) -> None:
    provider = memory_provider(limits=Limits(batch=batch))
    school = open_school(provider)
    ids = school.students(60)
    school.sync(*ids)

    school.work()

    assert all(provider.service.made[school.key(each)] == 1 for each in ids)
    assert all(school.pending(each) == [] for each in ids)


@pytest.mark.parametrize(("batch", "expected"), [(20, [20] * 3), (50, [50, 10]), (75, [60])])
def test_only_whole_batches_are_claimed_while_there_are_so_many(open_school: Open, batch: int, expected: list[int]) -> None:
    sizes = []

    def apply(self: MemoryProvider, plan: Sequence[Change]) -> Iterator[Result]:
        sizes.append(len(plan))
        return (self.apply_one(change) for change in plan)

    school = open_school(memory_provider(limits=Limits(batch=batch), apply=apply))
    school.sync(*school.students(60))

    school.work()

    assert sizes == expected


@pytest.mark.parametrize(("others", "expected"), [(0, 12.0), (1, 6.0), (2, 4.0)])
def test_processes_at_one_provider_share_its_rate(open_school: Open, others: int, expected: float) -> None:
    rates = []
    provider = memory_provider(limits=Limits(concurrency=3, rate=12))
    provider.service.fail("create", lambda: rates.append(built.http.rate))
    school = open_school(provider)
    school.sync(school.student("Anna"))
    with school.app.db.write() as session:
        built = school.app.instances.get(session, school.app.plugins.view(session), provider.id)
        for _ in range(others):
            slots.take(session, f"drain:{provider.id}", count=3, length=timedelta(minutes=1))

    school.work()

    assert rates == [expected]
