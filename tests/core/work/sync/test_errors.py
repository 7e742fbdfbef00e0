"""Each kind of error is answered in its own way, and one bad account never stops the others."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall.sdk.provider import Limits
from rolecall.store.tables import AuditEntry
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School

Open = Callable[..., School]
PAST = datetime(2026, 1, 1, tzinfo=UTC)


def soon(school: School, account: int, provider: type[MemoryProvider]) -> None:
    """The wait is over."""
    school.set_link(account, provider, not_before=PAST)


def new(school: School, *names: str) -> list[int]:
    ids = [school.student(name) for name in names]
    school.sync(*ids)
    return ids


@pytest.mark.parametrize("error", [Transient("It is busy."), Ambiguous("No answer."), KeyError("a bug")])
def test_what_may_get_better_is_tried_again_later(school: School, provider: type[MemoryProvider], error: Exception) -> None:
    (anna,) = new(school, "Anna")
    provider.service.fail("create", error)

    school.work()
    waiting = school.link(anna, provider)
    soon(school, anna, provider)
    school.work()

    assert (waiting.attempts, waiting.blocked, waiting.synced) == (1, False, 0)
    assert waiting.not_before is not None
    assert school.pending(anna) == []
    assert school.link(anna, provider).attempts == 0
    assert school.link(anna, provider).error is None


@pytest.mark.parametrize(
    ("error", "most"), [(Transient("It is busy."), 10), (KeyError("a bug"), 8), (Transient("A log-in page.", hint=""), 3)]
)
def test_what_does_not_get_better_is_blocked_with_its_reason(
    school: School, provider: type[MemoryProvider], error: Exception, most: int
) -> None:
    anna, other = new(school, "Anna", "Other")
    if most == 3:
        error.code = "bad-response"  # type: ignore[attr-defined]
    provider.service.fail("create", error, who=school.snapshot(anna).username, times=None)

    for attempt in range(1, most + 1):
        assert school.sync_state(anna, provider) == ("queued" if attempt == 1 else "retrying")
        # Somebody else's success in between tells that the provider is well.
        school.change(other, person={"last_name": f"Name{attempt}"})
        school.work()
        if attempt < most:
            soon(school, anna, provider)

    link = school.link(anna, provider)
    assert (link.attempts, link.blocked) == (most, True)
    assert link.error is not None
    assert "a bug" not in link.error
    assert school.sync_state(anna, provider) == "blocked"


def test_a_change_that_is_too_old_is_blocked(school: School, provider: type[MemoryProvider]) -> None:
    (anna,) = new(school, "Anna")
    school.set_link(anna, provider, changed_at=datetime.now(UTC) - timedelta(days=8))
    provider.service.fail("create", Transient("It is busy."))

    school.work()

    assert school.sync_state(anna, provider) == "blocked"


@pytest.mark.parametrize("error", [Permanent("The name is too long."), Conflict("The name is somebody else's.")])
def test_what_a_person_must_mend_is_blocked_at_once(school: School, provider: type[MemoryProvider], error: Exception) -> None:
    (anna,) = new(school, "Anna")
    provider.service.fail("create", error)

    school.work()
    school.work()

    assert school.link(anna, provider).error == str(error)
    assert school.sync_state(anna, provider) == "blocked"
    assert provider.service.calls("create") == [school.snapshot(anna).username]


def test_a_blocked_account_is_tried_again_after_a_change(school: School, provider: type[MemoryProvider]) -> None:
    (anna,) = new(school, "Anna")
    provider.service.fail("create", Permanent("The name is too long."))
    school.work()

    school.change(anna, person={"last_name": "Short"})
    school.work()

    assert school.pending(anna) == []


def test_a_change_during_the_call_is_not_blocked_by_the_old_one(school: School, provider: type[MemoryProvider]) -> None:
    (anna,) = new(school, "Anna")

    def refuse() -> None:
        school.change(anna, person={"last_name": "Short"})
        raise Permanent("The name is too long.")

    provider.service.fail("create", refuse)

    school.work()

    assert school.pending(anna) == []


def test_a_remote_account_that_is_gone_is_made_again_with_its_history(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    old = school.link(anna, provider)
    provider.service.accounts.clear()

    school.change(anna, person={"last_name": "New"})
    school.work()

    link = school.link(anna, provider)
    assert link.id == old.id
    assert link.external_id != old.external_id
    assert provider.service.of(school.key(anna)) is not None
    assert school.pending(anna) == []


def test_closing_a_remote_account_that_is_gone_makes_no_new_one(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    provider.service.accounts.clear()

    school.change(anna, active=False)
    school.work()

    assert provider.service.accounts == {}
    assert school.pending(anna) == []


def test_what_was_made_a_moment_ago_and_is_not_visible_yet_is_not_made_again(open_school: Open) -> None:
    provider = memory_provider(limits=Limits(settling=timedelta(minutes=2)))
    school = open_school(provider)
    anna = school.student("Anna", linked_to=provider)
    external_id = school.link(anna, provider).external_id
    provider.service.fail("update", NotFound("No such user."))

    school.change(anna, person={"last_name": "New"})
    school.work()

    link = school.link(anna, provider)
    assert link.external_id == external_id
    assert link.settled_at is not None
    assert link.not_before == link.settled_at + timedelta(minutes=2)


def test_after_an_unclear_creation_nobody_looks_before_it_can_be_seen(open_school: Open) -> None:
    provider = memory_provider(limits=Limits(settling=timedelta(minutes=2)))
    school = open_school(provider)
    (anna,) = new(school, "Anna")
    provider.service.fail("create", Ambiguous("No answer."), after=True)

    school.work()
    school.change(anna, person={"last_name": "New"})

    link = school.link(anna, provider)
    assert link.not_before is not None
    assert link.not_before > datetime.now(UTC) + timedelta(minutes=1)


def test_an_unclear_creation_is_found_and_not_made_twice(school: School, provider: type[MemoryProvider]) -> None:
    (anna,) = new(school, "Anna")
    provider.service.fail("create", Ambiguous("No answer."), after=True)

    school.work()
    soon(school, anna, provider)
    school.work()

    assert provider.service.made[school.key(anna)] == 1
    assert [call.verb for call in provider.service.journal] == ["find", "create", "find"]
    assert school.link(anna, provider).sealed_password is not None


@pytest.mark.parametrize("delete", [False, True])
def test_an_account_closed_after_an_unclear_creation_is_looked_up_and_closed(
    school: School, provider: type[MemoryProvider], delete: bool
) -> None:
    school.save(provider, on_deletion="delete", delete_after=0)
    (anna,) = new(school, "Anna")
    provider.service.fail("create", Ambiguous("No answer."), after=True)
    school.work()

    school.change(anna, **({"deleted_at": PAST} if delete else {"active": False}))
    soon(school, anna, provider)
    school.work()

    remote = provider.service.of(school.key(anna))
    assert remote is None if delete else (remote is not None and remote.suspended)
    assert school.pending(anna) == []


def test_a_name_that_is_somebody_elses_waits_for_a_person(school: School, provider: type[MemoryProvider]) -> None:
    (anna,) = new(school, "Anna")
    provider.service.add(school.snapshot(anna).username, key="somebody else's")

    school.work()

    assert school.sync_state(anna, provider) == "blocked"
    assert "somebody else" in (school.link(anna, provider).error or "")


def test_one_remote_account_never_belongs_to_two(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    (berta,) = new(school, "Berta")
    remote = school.link(anna, provider).external_id or ""
    provider.service.accounts[remote].attributes["username"] = school.snapshot(berta).username  # type: ignore[index]
    object.__setattr__(provider.service.accounts[remote], "key", None)

    school.work()

    assert school.sync_state(berta, provider) == "blocked"
    assert "belongs to another account" in (school.link(berta, provider).error or "")
    assert school.link(anna, provider).external_id == remote


def test_a_poisoned_account_does_not_delay_the_others(open_school: Open) -> None:
    provider = memory_provider(limits=Limits(batch=50))
    school = open_school(provider)
    ids = school.students(60)
    provider.service.unmappable.add(school.snapshot(ids[7]).username)
    provider.service.fail("create", Transient("500"), who=school.snapshot(ids[23]).username, times=None)

    school.sync(*ids)
    school.work()

    bad = {ids[7], ids[23]}
    assert {each for each in ids if school.pending(each)} == bad
    assert "KeyError" in (school.link(ids[7], provider).error or "")


def test_refused_credentials_pause_the_provider_and_cost_no_account_an_attempt(school: School, provider: type[MemoryProvider]) -> None:
    ids = new(school, *(f"S{number}" for number in range(20)))
    provider.service.fail("find", Misconfigured("The token is refused."), times=None)

    school.work()
    school.work()

    assert len(provider.service.journal) == 1
    assert (school.provider_state(provider).state, school.provider_state(provider).reason) == ("paused", "The token is refused.")
    assert {(school.link(each, provider).attempts, school.sync_state(each, provider)) for each in ids} == {(0, "queued")}


def test_saving_the_settings_resumes_a_provider_that_refused_them(school: School, provider: type[MemoryProvider]) -> None:
    ids = new(school, "Anna", "Berta")
    provider.service.fail("find", Misconfigured("The token is refused."))
    school.work()

    school.save(provider, token="another")
    school.work()

    assert school.provider_state(provider).state == "ok"
    assert [school.pending(each) for each in ids] == [[], []]


def test_what_was_given_up_is_in_the_audit(school: School, provider: type[MemoryProvider]) -> None:
    new(school, "Anna")
    provider.service.fail("create", Permanent("The name is too long."))

    school.work()

    with school.app.db.read() as session:
        payload = session.scalars(select(AuditEntry).where(AuditEntry.kind == "sync")).one().payload or {}
    assert payload["accounts"][0]["blocked"] == "The name is too long."


def test_the_server_is_left_alone_for_as_long_as_it_asked(school: School, provider: type[MemoryProvider]) -> None:
    ids = new(school, *(f"S{number}" for number in range(5)))
    provider.service.fail("create", Transient("Too many.", retry_after=timedelta(minutes=5)))

    school.work()
    calls = len(provider.service.journal)
    school.work()

    until = school.provider_state(provider).until
    assert until is not None
    assert timedelta(minutes=4) < until - datetime.now(UTC) <= timedelta(minutes=5)
    assert len(provider.service.journal) == calls == 2
    assert [school.link(each, provider).attempts for each in ids] == [1, 0, 0, 0, 0]


def test_a_password_that_does_not_open_any_more_blocks_its_account_alone(school: School, provider: type[MemoryProvider]) -> None:
    anna, berta = new(school, "Anna", "Berta")
    school.set_link(anna, provider, sealed_password=b"sealed with a key that is gone")

    school.work()

    assert school.sync_state(anna, provider) == "blocked"
    assert school.pending(berta) == []
