"""Accounts fall behind at their providers, and only they."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from linked_accounts import PROVIDER, account_of, fall_behind, link_of, set_link, the_link
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rolecall.store.engine import Database, now
from rolecall.store.tables import Account, Link, Person
from rolecall.testing.factories import enable_provider, make_accounts
from rolecall.work import links


def test_an_account_in_scope_gets_a_link_that_is_behind(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)

    assert fall_behind(db, anna) == 1

    link = the_link(db, anna)
    assert (link.goal, link.wanted, link.synced, link.external_id) == ("present", 1, 0, None)


def test_without_an_enabled_provider_nobody_is_behind(db: Database) -> None:
    anna = account_of(db)

    assert fall_behind(db, anna) == 0
    assert link_of(db, anna) is None


def test_each_change_puts_the_link_further_behind(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)

    for _ in range(3):
        fall_behind(db, anna)

    assert the_link(db, anna).wanted == 3


def test_every_enabled_provider_has_its_own_link(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    with db.write() as session:
        enable_provider(session, "canvas")
    anna = account_of(db)

    assert fall_behind(db, anna) == 2
    assert link_of(db, anna, "canvas") is not None


def test_only_the_named_providers_are_concerned(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    with db.write() as session:
        enable_provider(session, "canvas")
    anna = account_of(db)

    with db.write() as session:
        links.behind(session, [anna], providers=["canvas"])

    assert link_of(db, anna) is None
    assert link_of(db, anna, "canvas") is not None


def test_a_change_clears_what_stood_in_the_way(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)
    fall_behind(db, anna)
    later = datetime.now(UTC) + timedelta(hours=1)
    set_link(db, anna, attempts=7, blocked=True, not_before=later, error="It was refused.", error_class="permanent")

    fall_behind(db, anna)

    link = the_link(db, anna)
    assert (link.attempts, link.blocked, link.error, link.error_class) == (0, False, None, None)
    assert link.not_before is not None
    assert link.not_before < later


def test_a_change_does_not_shorten_the_wait_after_an_unclear_outcome(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)
    fall_behind(db, anna)
    later = datetime.now(UTC) + timedelta(hours=1)
    set_link(db, anna, attempts=1, not_before=later, error_class="ambiguous")

    fall_behind(db, anna)

    assert (the_link(db, anna).not_before, the_link(db, anna).error_class) == (later, "ambiguous")


def test_a_change_leaves_the_worker_its_lease(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)
    fall_behind(db, anna)
    until = datetime.now(UTC) + timedelta(minutes=1)
    set_link(db, anna, leased_until=until, fence=4)

    fall_behind(db, anna)

    assert (the_link(db, anna).leased_until, the_link(db, anna).fence) == (until, 4)


def test_a_released_link_stays_released(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)
    fall_behind(db, anna)
    set_link(db, anna, external_id="17", sent={"attributes": {}, "suspended": False}, fence=2)

    with db.write() as session:
        assert links.release(session, [anna]) == 1
    fall_behind(db, anna)

    link = the_link(db, anna)
    assert (link.goal, link.external_id, link.sent, link.fence, link.synced) == ("released", None, None, 3, link.wanted)


def test_only_the_chosen_provider_lets_go(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    with db.write() as session:
        enable_provider(session, "canvas")
    anna = account_of(db)
    fall_behind(db, anna)

    with db.write() as session:
        links.release(session, [anna], ["canvas"])

    assert the_link(db, anna).goal == "present"
    assert getattr(link_of(db, anna, "canvas"), "goal", None) == "released"


def test_linking_takes_a_released_account_back_whatever_the_scope(db: Database, enabled: Callable[..., None]) -> None:
    enabled(user_types=[])
    anna, never = account_of(db), account_of(db)
    with db.write() as session:
        links.link(session, [anna], PROVIDER)
        links.release(session, [anna])

    with db.write() as session:
        assert links.link(session, [anna, never], PROVIDER) == 2

    assert the_link(db, anna).goal == "present"
    assert the_link(db, anna).synced < the_link(db, anna).wanted
    assert the_link(db, never).goal == "present"


def test_linking_leaves_people_alone_who_are_kept_out(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db, no_sync=True)

    with db.write() as session:
        assert links.link(session, [anna], PROVIDER) == 0

    assert link_of(db, anna) is None


def test_ids_may_be_a_select(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    with db.write() as session:
        ids = make_accounts(session, 5)

    with db.write() as session:
        links.behind(session, select(Account.id).where(Account.type == "student"))
        count = links.behind(session, select(Account.id).where(Account.id.in_(ids[:2])))

    assert count == 2
    assert [the_link(db, each).wanted for each in ids] == [2, 2, 1, 1, 1]


def test_a_retry_makes_blocked_and_waiting_links_due(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    with db.write() as session:
        blocked, waiting, queued, done = ids = make_accounts(session, 4)
        links.behind(session, ids)
    set_link(db, blocked, blocked=True, attempts=10, not_before=None)
    set_link(db, waiting, attempts=2, not_before=datetime.now(UTC) + timedelta(hours=1))
    set_link(db, done, synced=1)

    with db.write() as session:
        count = links.retry(session)

    assert count == 2
    for each in (blocked, waiting, queued):
        link = the_link(db, each)
        assert (link.blocked, link.attempts) == (False, 0)
        assert link.not_before is not None
        assert link.not_before <= datetime.now(UTC) + timedelta(minutes=1)


def states(session: Session) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(select(Link.account_id, links.state(now(session))))}


def test_the_five_states(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    with db.write() as session:
        queued, running, retrying, blocked, done = ids = make_accounts(session, 5)
        links.behind(session, ids)
    set_link(db, running, leased_until=datetime.now(UTC) + timedelta(minutes=1))
    set_link(db, retrying, attempts=1, leased_until=datetime.now(UTC) - timedelta(minutes=1))
    set_link(db, blocked, blocked=True, attempts=3)
    set_link(db, done, synced=1)

    with db.read() as session:
        found = states(session)
        pending = set(session.scalars(select(Account.id).where(links.pending(Account.id))))

    assert found == {queued: "queued", running: "running", retrying: "retrying", blocked: "blocked", done: "done"}
    assert pending == {queued, running, retrying, blocked}


def test_two_changes_at_one_moment_leave_the_goal_of_both(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    ids = [account_of(db) for _ in range(4)]
    fall_behind(db, *ids)

    def deactivate(account_id: int) -> None:
        db.attempt(
            lambda session: (
                session.execute(update(Account).where(Account.id == account_id).values(active=False)),
                links.behind(session, [account_id]),
            )
        )

    def rename(account_id: int) -> None:
        db.attempt(
            lambda session: (
                session.execute(
                    update(Person)
                    .where(Person.id == select(Account.person_id).where(Account.id == account_id).scalar_subquery())
                    .values(last_name="New"),
                    execution_options={"synchronize_session": False},
                ),
                links.behind(session, [account_id]),
            )
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda pair: pair[0](pair[1]), [(work, each) for each in ids for _ in range(5) for work in (deactivate, rename)]))

    assert {(the_link(db, each).goal, the_link(db, each).wanted) for each in ids} == {("suspended", 11)}


def test_two_changes_that_both_make_the_link_are_both_counted(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: db.attempt(lambda session: links.behind(session, [anna])), range(12)))

    assert the_link(db, anna).wanted == 12
