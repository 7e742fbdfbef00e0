"""Classes fall behind at their providers: which, where, and with what goal."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from rolecall.errors import Refused
from rolecall.store.engine import Database, now
from rolecall.store.tables import ClassLink, Period, SchoolClass
from rolecall.testing.factories import enable_provider, make_account, make_class, make_period, set_plain
from rolecall.work import class_links

PROVIDER = "moodle"
FUTURE = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def enabled(db: Database) -> Callable[..., None]:
    def enable(**settings: Any) -> None:
        with db.write() as session:
            enable_provider(session, PROVIDER, **({"classes": True} | settings))

    return enable


def class_of(db: Database, **values: Any) -> int:
    with db.write() as session:
        return make_class(session, **values).id


def class_in(db: Database, code: str, year: int, *, current: bool = False, is_open: bool = True) -> int:
    with db.write() as session:
        period = make_period(session, code, current=current, is_open=is_open, starts_on=date(year, 9, 1), ends_on=date(year + 1, 6, 30))
        return make_class(session, period=period).id


def fall_behind(db: Database, *ids: int, **options: Any) -> int:
    with db.write() as session:
        return class_links.behind(session, ids, **options)


def link_of(db: Database, class_id: int) -> ClassLink | None:
    with db.read() as session:
        return session.scalar(select(ClassLink).where(ClassLink.class_id == class_id))


def the_link(db: Database, class_id: int) -> ClassLink:
    link = link_of(db, class_id)
    assert link is not None
    return link


def set_link(db: Database, class_id: int, **values: Any) -> None:
    with db.write() as session:
        session.execute(update(ClassLink).where(ClassLink.class_id == class_id).values(**values))


def change(db: Database, class_id: int, **values: Any) -> None:
    with db.write() as session:
        session.execute(update(SchoolClass).where(SchoolClass.id == class_id).values(**values))
        class_links.behind(session, [class_id])


def test_a_class_falls_behind_at_a_provider_that_keeps_classes_in_step(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    maths = class_of(db)

    count = fall_behind(db, maths)

    link = the_link(db, maths)
    assert count == 1
    assert (link.provider, link.goal, link.wanted, link.synced) == (PROVIDER, "present", 1, 0)


@pytest.mark.parametrize("settings", [{"classes": False}, {}])
def test_a_provider_that_does_not_keep_classes_in_step_gets_no_rows(db: Database, settings: dict[str, Any]) -> None:
    with db.write() as session:
        enable_provider(session, PROVIDER, **settings)
    maths = class_of(db)

    assert fall_behind(db, maths) == 0
    assert link_of(db, maths) is None


def test_each_change_puts_a_class_further_behind_and_takes_away_what_stood_in_the_way(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    maths = class_of(db)
    fall_behind(db, maths)
    set_link(db, maths, blocked=True, attempts=3, error="It is full.", error_class="permanent", not_before=None)

    fall_behind(db, maths)

    link = the_link(db, maths)
    assert (link.wanted, link.blocked, link.attempts, link.error) == (2, False, 0, None)
    assert link.not_before is not None


def test_a_wait_after_an_unclear_outcome_stays(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    maths = class_of(db)
    fall_behind(db, maths)
    set_link(db, maths, error_class="ambiguous", not_before=FUTURE)

    fall_behind(db, maths)

    assert the_link(db, maths).not_before == FUTURE


def test_only_the_named_provider_is_concerned(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    with db.write() as session:
        enable_provider(session, "canvas", classes=True)
    maths = class_of(db)

    fall_behind(db, maths, providers=["canvas"])

    assert the_link(db, maths).provider == "canvas"


@pytest.mark.parametrize(
    ("scope", "code", "year", "facts", "expected"),
    [
        ("open", "now", 2026, {"current": True}, True),
        ("open", "next", 2027, {}, True),
        ("open", "last", 2025, {}, False),
        ("open", "shut", 2027, {"is_open": False}, False),
        ("current", "now", 2026, {"current": True}, True),
        ("current", "next", 2027, {}, False),
    ],
)
def test_classes_of_the_periods_in_scope_get_a_link(
    db: Database, enabled: Callable[..., None], scope: str, code: str, year: int, facts: dict[str, Any], expected: bool
) -> None:
    enabled(class_periods=scope)
    if not facts.get("current"):
        class_in(db, "now", 2026, current=True)
    maths = class_in(db, code, year, **facts)

    fall_behind(db, maths)

    assert (link_of(db, maths) is not None) is expected


def test_a_class_that_is_not_taught_any_more_is_to_be_archived(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    maths = class_of(db)
    fall_behind(db, maths)

    change(db, maths, active=False)

    assert the_link(db, maths).goal == "archived"


def test_a_class_that_is_taught_again_is_to_be_present(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    maths = class_of(db)
    fall_behind(db, maths)
    change(db, maths, active=False)

    change(db, maths, active=True)

    assert the_link(db, maths).goal == "present"


def test_a_class_that_ends_is_left_where_the_settings_say_so(db: Database, enabled: Callable[..., None]) -> None:
    enabled(on_class_end="leave")
    maths = class_of(db)
    fall_behind(db, maths)

    change(db, maths, active=False)

    link = the_link(db, maths)
    assert (link.goal, link.wanted) == ("present", 1)


def test_a_class_that_was_never_taught_there_gets_no_link(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    maths = class_of(db, active=False)

    assert fall_behind(db, maths) == 0
    assert link_of(db, maths) is None


def test_a_period_that_closes_puts_its_classes_behind_once(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    class_in(db, "now", 2026, current=True)
    maths = class_in(db, "next", 2027)
    with db.write() as session:
        made = class_links.align(session)
        again = class_links.align(session)
        session.execute(update(Period).where(Period.code == "next").values(is_open=False))
        closed = class_links.align(session)
        still = class_links.align(session)

    link = the_link(db, maths)
    assert (made, again, closed, still) == (2, 0, 1, 0)
    assert (link.goal, link.wanted) == ("archived", 2)


def test_a_closed_period_leaves_its_classes_where_the_settings_say_so(db: Database, enabled: Callable[..., None]) -> None:
    enabled(on_class_end="leave")
    class_in(db, "now", 2026, current=True)
    maths = class_in(db, "next", 2027)
    with db.write() as session:
        class_links.align(session)
        session.execute(update(Period).where(Period.code == "next").values(is_open=False))

        assert class_links.align(session) == 0

    assert the_link(db, maths).goal == "present"


def test_the_classes_of_an_account_fall_behind(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    with db.write() as session:
        anna = make_account(session)
        maths = make_class(session, members={anna.person_id: "student"}).id
        history = make_class(session).id
        ids = [anna.id]

    with db.write() as session:
        count = class_links.behind_of_accounts(session, ids)

    assert count == 1
    assert link_of(db, maths) is not None
    assert link_of(db, history) is None


def test_classes_that_are_let_go_are_remembered_and_taken_up_again(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    maths = class_of(db)
    fall_behind(db, maths)
    set_link(db, maths, external_id="7")
    with db.write() as session:
        set_plain(session, PROVIDER, classes=False)
        class_links.recheck(session, PROVIDER)
    released = the_link(db, maths)
    assert (released.goal, released.external_id, released.synced == released.wanted) == ("released", "7", True)

    with db.write() as session:
        set_plain(session, PROVIDER, classes=True)
        class_links.recheck(session, PROVIDER)

    link = the_link(db, maths)
    assert (link.goal, link.external_id, link.synced < link.wanted) == ("present", "7", True)


def test_what_is_blocked_or_waits_is_tried_again_and_nothing_else(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    blocked, fresh = class_of(db), class_of(db)
    fall_behind(db, blocked, fresh)
    set_link(db, blocked, blocked=True, attempts=10)

    with db.write() as session:
        count = class_links.retry(session)
        elsewhere = class_links.retry(session, class_ids=[fresh], providers=["canvas"])

    link = the_link(db, blocked)
    assert (count, elsewhere) == (1, 0)
    assert (link.blocked, link.attempts) == (False, 0)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({}, "queued"),
        ({"attempts": 1}, "retrying"),
        ({"blocked": True}, "blocked"),
        ({"leased_until": FUTURE + timedelta(days=3650)}, "running"),
        ({"synced": 1}, "done"),
    ],
)
def test_the_state_of_a_class_is_one_word_everywhere(db: Database, enabled: Callable[..., None], values: dict[str, Any], word: str) -> None:
    enabled()
    maths = class_of(db)
    fall_behind(db, maths)
    if values:
        set_link(db, maths, **values)

    with db.read() as session:
        (shown,) = class_links.states(session, maths)
        counted = session.scalar(select(class_links.state(now(session))).where(ClassLink.class_id == maths))

    assert (shown.provider, shown.state, counted) == (PROVIDER, word, word)
    assert (shown.next_at is not None) == (word in ("queued", "retrying"))


def test_a_class_that_no_provider_holds_leaves_no_link(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    maths = class_of(db)
    fall_behind(db, maths)

    with db.write() as session:
        class_links.forget(session, [maths])

    assert link_of(db, maths) is None


@pytest.mark.parametrize("values", [{"external_id": "7"}, {"sent": {"attributes": {}}}, {"leased_until": FUTURE + timedelta(days=3650)}])
def test_a_class_that_a_provider_may_hold_is_not_forgotten(db: Database, enabled: Callable[..., None], values: dict[str, Any]) -> None:
    enabled()
    maths = class_of(db, code="Maths 1")
    fall_behind(db, maths)
    set_link(db, maths, **values)

    with db.write() as session, pytest.raises(Refused, match="Maths 1 is at moodle"):
        class_links.forget(session, [maths])
