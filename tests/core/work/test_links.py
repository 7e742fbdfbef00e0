"""Accounts fall behind at their providers, and only they."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rolecall.errors import Refused
from rolecall.store.engine import Database, now
from rolecall.store.tables import Account, Link, Person
from rolecall.testing.factories import enable_provider, give_role, make_account, make_accounts, make_period, make_role, make_status
from rolecall.work import changes, links, period_changes, status_changes

PROVIDER = "moodle"


@pytest.fixture
def enabled(db: Database) -> Callable[..., None]:
    def enable(**settings: Any) -> None:
        with db.write() as session:
            enable_provider(session, PROVIDER, **settings)

    return enable


def account_of(db: Database, **values: Any) -> int:
    with db.write() as session:
        return make_account(session, **values).id


def fall_behind(db: Database, *ids: int, run_id: int | None = None) -> int:
    with db.write() as session:
        return links.behind(session, ids, run_id=run_id)


def link_of(db: Database, account_id: int, provider: str = PROVIDER) -> Link | None:
    with db.read() as session:
        return session.scalar(select(Link).where(Link.account_id == account_id, Link.provider == provider))


def the_link(db: Database, account_id: int) -> Link:
    link = link_of(db, account_id)
    assert link is not None
    return link


def change(db: Database, account_id: int, **values: Any) -> None:
    with db.write() as session:
        session.execute(update(Account).where(Account.id == account_id).values(**values))
        links.behind(session, [account_id])


def set_link(db: Database, account_id: int, **values: Any) -> None:
    with db.write() as session:
        session.execute(update(Link).where(Link.account_id == account_id).values(**values))


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


def test_the_scope_is_roles_of_the_current_period_and_statuses_as_far_as_their_action_allows(
    db: Database, enabled: Callable[..., None]
) -> None:
    with db.write() as session:
        now_, past = make_period(session), make_period(session, "2025", current=False)
        pupil, choir = make_role(session, "Pupil"), make_role(session, "Choir")
        here, away = make_status(session), make_status(session, "Away", type="other", provider_action="create")
        gone = make_status(session, "Gone", type="withdrawn", provider_action="nothing")
        people = {
            "pupil": make_account(session, status=here), "choir": make_account(session, status=here), "none": make_account(session),
            "was": make_account(session, status=here), "off": make_account(session, status=here),
            "away": make_account(session, status=away), "gone": make_account(session, status=gone),
            "teacher": make_account(session, type="teacher"),
        }  # fmt: skip
        for name, role, period in (
            ("pupil", pupil, now_), ("choir", choir, now_), ("was", pupil, past), ("away", pupil, now_), ("gone", pupil, now_),
            ("teacher", make_role(session, "Head", user_type="teacher"), now_),
        ):  # fmt: skip
            give_role(session, people[name], role, period)
        give_role(session, people["off"], pupil, now_, enabled=False)
        ids = {name: each.id for name, each in people.items()}
        head = make_role(session, "Head", user_type="teacher").id
    cases: tuple[tuple[dict[str, Any], set[str]], ...] = (
        ({}, {"pupil", "choir", "none", "was", "off", "away", "teacher"}),
        ({"roles": [str(pupil.id)]}, {"pupil", "away"}),
        ({"roles": [str(pupil.id), str(choir.id), str(head)]}, {"pupil", "choir", "away", "teacher"}),
        ({"statuses": [str(here.id)]}, {"pupil", "choir", "none", "was", "off", "teacher"}),
        ({"statuses": [str(away.id), str(gone.id)], "user_types": ["student"]}, {"away"}),
        ({"statuses": [str(away.id)], "roles": [str(head), str(choir.id)]}, {"teacher"}),
    )

    for number, (settings, expected) in enumerate(cases):
        provider = f"p{number}"
        with db.write() as session:
            enable_provider(session, provider, **settings)
            links.behind(session, list(ids.values()), providers=[provider])

        assert {name for name, each in ids.items() if link_of(db, each, provider)} == expected, settings


def test_a_user_type_out_of_scope_gets_no_link_but_keeps_the_one_it_has(db: Database, enabled: Callable[..., None]) -> None:
    enabled(user_types=["teacher"])
    student, linked = account_of(db), account_of(db)
    with db.write() as session:
        links.link(session, [linked], PROVIDER)

    fall_behind(db, student, linked)

    assert link_of(db, student) is None
    assert the_link(db, linked).wanted == 2


@pytest.mark.parametrize("values", [{"active": False}, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"no_sync": True}])
def test_a_closed_or_kept_out_account_gets_no_link(db: Database, enabled: Callable[..., None], values: dict[str, Any]) -> None:
    enabled()
    anna = account_of(db, **values)

    fall_behind(db, anna)

    assert link_of(db, anna) is None


@pytest.mark.parametrize(("action", "goal"), [("create", "present"), ("nothing", None), ("suspend", None)])
def test_a_student_status_says_whether_a_link_is_made(db: Database, enabled: Callable[..., None], action: str, goal: str | None) -> None:
    enabled()
    with db.write() as session:
        anna = make_account(session, status=make_status(session, "Some", provider_action=action)).id

    fall_behind(db, anna)

    link = link_of(db, anna)
    assert (link.goal if link else None) == goal


def test_a_status_that_suspends_closes_the_remote_account(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)
    fall_behind(db, anna)

    with db.write() as session:
        session.execute(update(Person).values(status_id=make_status(session, "Withdrawn", type="withdrawn", provider_action="suspend").id))
        links.behind(session, [anna])

    assert the_link(db, anna).goal == "suspended"


@pytest.mark.parametrize(
    ("settings", "values", "goal", "wanted"),
    [
        ({}, {"active": False}, "suspended", 2),
        ({}, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, "suspended", 2),
        ({"on_deactivation": "leave"}, {"active": False}, "present", 1),
        ({"on_deletion": "leave"}, {"active": False, "deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, "present", 1),
        ({"on_deletion": "delete", "delete_after": 0}, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, "deleted", 2),
        ({"on_deletion": "delete"}, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, "suspended", 2),
        ({"on_deactivation": "delete", "delete_after": 0}, {"active": False}, "deleted", 2),
        ({"on_deactivation": "delete", "delete_after": 0}, {"active": False, "type": "administrator"}, "suspended", 2),
        ({"on_deactivation": "delete", "delete_after": 0}, {"active": False, "is_owner": True}, "suspended", 2),
        ({"on_deactivation": "leave", "on_deletion": "delete"}, {"active": False}, "present", 1),
        (
            {"on_deactivation": "leave", "on_deletion": "delete", "delete_after": 0},
            {"active": False, "deleted_at": datetime(2026, 1, 1, tzinfo=UTC)},
            "deleted",
            2,
        ),
    ],
)
def test_closing_an_account_does_what_the_integration_says(
    db: Database, enabled: Callable[..., None], settings: dict[str, Any], values: dict[str, Any], goal: str, wanted: int
) -> None:
    enabled(**settings)
    anna = account_of(db)
    fall_behind(db, anna)

    change(db, anna, **values)

    assert (the_link(db, anna).goal, the_link(db, anna).wanted) == (goal, wanted)


def test_coming_back_makes_it_present_again(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)
    fall_behind(db, anna)
    change(db, anna, active=False)

    change(db, anna, active=True)

    assert the_link(db, anna).goal == "present"


def test_a_person_who_is_kept_out_has_nothing_queued(db: Database, enabled: Callable[..., None]) -> None:
    enabled()
    anna = account_of(db)
    fall_behind(db, anna)

    with db.write() as session:
        session.execute(update(Person).values(no_sync=True))
        links.behind(session, [anna])

    assert the_link(db, anna).wanted == 1


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


def test_whoever_has_a_role_is_behind_when_another_period_becomes_current_and_when_the_role_is_renamed(
    db: Database, enabled: Callable[..., None], office: Any
) -> None:
    with office.app.db.write() as session:
        enable_provider(session, PROVIDER)
        old, new = make_period(session), make_period(session, "2027", current=False)
        pupil, choir = make_role(session, "Pupil"), make_role(session, "Choir")
        ids = []
        for role, period in ((pupil, old), (choir, new), (None, None)):
            account = make_account(session)
            if role is not None and period is not None:
                give_role(session, account, role, period)
            ids.append(account.id)

    period_changes.edit_period(office.app, office.actor, new.id, {}, is_current=True)
    after_period = [getattr(link_of(db, each), "wanted", 0) for each in ids]
    changes.edit_role(office.app, office.actor, pupil.id, {"name": "Schoolchild"})

    assert after_period == [1, 1, 0]
    assert [getattr(link_of(db, each), "wanted", 0) for each in ids] == [2, 1, 0]


def test_what_the_settings_of_an_integration_name_is_not_deleted(office: Any) -> None:
    with office.app.db.write() as session:
        role, status = make_role(session, "Choir"), make_status(session, "Away", type="other")
        enable_provider(session, PROVIDER, grouped_roles=[str(role.id)], statuses=[str(status.id)])

    with pytest.raises(Refused, match="moodle name the role Choir"):
        changes.remove_role(office.app, office.actor, role.id)
    with pytest.raises(Refused, match="moodle name the status Away"):
        status_changes.remove_status(office.app, office.actor, status.id)
