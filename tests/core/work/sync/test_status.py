"""The numbers of the sync page."""

from collections.abc import Callable
from datetime import UTC, datetime

from rolecall.errors import Permanent
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.sync.status import ProviderStatus, status

PAST = datetime(2026, 1, 1, tzinfo=UTC)


def look(school: School, provider: str | None = None) -> list[ProviderStatus]:
    with school.app.db.read() as session:
        return status(session, school.app.plugins.view(session), provider)


def test_a_provider_without_accounts_is_shown_with_zeros(school: School, provider: type[MemoryProvider]) -> None:
    (only,) = look(school)

    assert (only.provider, only.label, only.enabled, only.state) == ("memory", "Memory", True, "ok")
    assert (only.linked, only.pending, only.oldest, only.reasons) == (0, 0, None, [])


def test_links_are_counted_by_state_with_their_reasons(school: School, provider: type[MemoryProvider]) -> None:
    school.student("Done", linked_to=provider)
    bad = [school.student("Bad") for _ in range(2)]
    school.sync(*bad)
    provider.service.fail("create", Permanent("The name is too long."), times=None)
    school.work()
    queued = school.student("Queued")
    school.sync(queued)
    school.set_link(bad[0], provider, changed_at=PAST)

    (only,) = look(school, "memory")

    assert only.by_state == {"queued": 1, "running": 0, "retrying": 0, "blocked": 2, "done": 1}
    assert (only.linked, only.pending, only.oldest) == (4, 3, PAST)
    assert [(reason.error_class, reason.text, reason.count) for reason in only.reasons] == [("permanent", "The name is too long.", 2)]
    assert only.last_success_at is not None


def test_released_links_do_not_count(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.act("external.disconnect", anna)

    assert look(school)[0].linked == 0


def test_a_disabled_provider_with_links_is_still_shown(school: School, provider: type[MemoryProvider]) -> None:
    school.student("Anna", linked_to=provider)
    school.disable(provider)

    (only,) = look(school)

    assert (only.provider, only.enabled, only.linked) == ("memory", False, 1)


def test_a_provider_that_cannot_be_built_says_why(open_school: Callable[..., School], provider: type[MemoryProvider]) -> None:
    def broken(self: MemoryProvider, settings: object, http: object) -> None:
        raise RuntimeError("no")

    school = open_school(type("Broken", (provider,), {"__init__": broken}))
    anna = school.student("Anna")
    school.sync(anna)

    school.work()

    assert "RuntimeError" in (look(school)[0].fault or "")
    assert school.pending(anna) == ["memory"]
