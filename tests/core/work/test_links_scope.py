"""Who gets a link by themselves, and what becomes of it when an account is closed or comes back (R3, R54)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from linked_accounts import PROVIDER, account_of, change, fall_behind, link_of, the_link
from sqlalchemy import update

from rolecall.errors import Refused
from rolecall.store.engine import Database
from rolecall.store.tables import Person
from rolecall.testing.factories import enable_provider, give_role, make_account, make_period, make_role, make_status
from rolecall.work import changes, links, period_changes, status_changes


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
