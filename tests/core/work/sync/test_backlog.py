"""What waits is counted by word, and its age is that of what waits for nobody."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.sync.backlog import Backlog, backlogs

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def look(school: School) -> dict[str, Backlog]:
    with school.app.db.read() as session:
        return backlogs(session)


def test_where_everything_is_in_step_nothing_is_told(school: School, provider: type[MemoryProvider]) -> None:
    school.student("Anna", linked_to=provider)

    assert look(school) == {}


def test_each_word_has_its_number_and_only_what_waits_for_nobody_grows_old(school: School, provider: type[MemoryProvider]) -> None:
    queued, retried, blocked, held, running = (school.student() for _ in range(5))
    school.sync(queued, retried, blocked, held, running)
    school.set_link(queued, provider, changed_at=NOON + timedelta(hours=1))
    school.set_link(retried, provider, attempts=2, changed_at=NOON)
    school.set_link(blocked, provider, blocked=True, changed_at=NOON - timedelta(days=1))
    school.set_link(held, provider, goal="deleted", brake="guarded", changed_at=NOON - timedelta(days=2))
    school.set_link(running, provider, leased_until=datetime.now(UTC) + timedelta(hours=1))

    found = look(school)["memory"]

    assert found.accounts == {"queued": 1, "running": 1, "retrying": 1, "blocked": 1, "held": 1}
    assert (found.pending, found.blocked, found.held) == (5, 1, 1)
    assert (found.oldest, found.queued_since) == (NOON, NOON + timedelta(hours=1))


def test_what_was_left_alone_is_not_waiting(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.act("external.disconnect", anna)

    assert look(school) == {}


def test_it_is_read_from_the_index_of_what_is_behind(school: School, provider: type[MemoryProvider]) -> None:
    with school.app.db.read() as session:
        if not school.app.db.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN " if school.app.db.is_sqlite else "EXPLAIN "
        statement = "SELECT provider, count(*), min(changed_at) FROM link WHERE synced < wanted AND goal <> 'released' GROUP BY provider"
        plan = " ".join(str(row) for row in session.execute(text(explain + statement)))

    assert "ix_link" in plan
