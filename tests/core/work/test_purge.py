"""Purging deleted accounts: what goes, what stays, and what waits (R31, R49, R67)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import inspect, select

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor, operator
from rolecall.config import load
from rolecall.errors import Forbidden, Refused
from rolecall.store.engine import now
from rolecall.store.tables import Account, AuditEntry, Base, Link, Person, RolePeriod, Run, RunItem, SignIn, UsernameClaim
from rolecall.testing import factories
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall.work.purge import foresee, purge
from rolecall.work.runs import control
from rolecall.work.runs.actors import actor_of

OPERATOR = operator("test")


@pytest.fixture
def school(database_url: str, tmp_path: Path) -> Iterator[School]:
    """A school without providers."""
    keys = {"ROLECALL_SECRET_KEY": "test", "ROLECALL_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    with Application(load({"ROLECALL_DATA": str(tmp_path), "ROLECALL_DATABASE_URL": database_url, **keys})) as app:
        yield School(app)


def delete_long_ago(school: School, *ids: int, days: int = 31) -> None:
    """Delete accounts, so many days ago."""
    school.act("account.delete", *ids)
    with school.app.db.write() as session:
        for each in ids:
            session.get_one(Account, each).deleted_at = now(session) - timedelta(days=days)


def purge_now(school: School, actor: Actor = OPERATOR) -> int:
    """Purge what the setting says."""
    with school.app.db.read() as session:
        before = foresee(session).before
    return purge(school.app, actor, before)


def test_account_leaves_when_its_retention_has_passed_and_not_before(school):
    old, fresh, living = school.student("Old"), school.student("Fresh"), school.student("Living")
    delete_long_ago(school, old)
    delete_long_ago(school, fresh, days=29)
    with school.app.db.read() as session:
        foreseen = foresee(session)

    removed = purge_now(school)

    with school.app.db.read() as session:
        left = set(session.scalars(select(Account.id)))
    assert (foreseen.due, foreseen.waiting, removed) == (1, 0, 1)
    assert left == {fresh, living}


def test_user_name_stays_taken_and_the_person_stays_in_the_roster(school):
    anna, ben = school.student("Anna", username="anna.k"), school.student("Ben")
    delete_long_ago(school, anna)

    purge_now(school)

    with school.app.db.read() as session:
        claim = session.get_one(UsernameClaim, "anna.k")
        people = set(session.scalars(select(Person.first_name)))
    assert claim.account_id is None
    assert people == {"Anna", "Ben"}
    with pytest.raises(Refused):
        school.act("account.username", ben, username="Anna.K")


def test_nothing_about_the_account_is_left_but_digests(school):
    anna = school.student("Anna", username="anna.k")
    with school.app.db.write() as session:
        session.add(SignIn(account_id=anna, at=now(session), method="password", result="ok", address="192.0.2.7"))
        factories.give_role(session, session.get_one(Account, anna), factories.make_role(session), factories.make_period(session))
    renamed = school.act("account.profile_name", anna, first_name="Canary", last_name="Canary")
    delete_long_ago(school, anna)

    purge_now(school)

    with school.app.db.read() as session:
        item = session.scalars(select(RunItem).where(RunItem.run_id == renamed.id)).one()
        rows = [row for table in Base.metadata.sorted_tables for row in session.execute(select(table)).all()]
        kept = {
            name: session.scalars(select(table)).all() for name, table in {"roles": RolePeriod, "sign-ins": SignIn, "links": Link}.items()
        }
    assert (item.account_id, item.before, item.after, item.salt, item.outcome) == (None, None, None, None, "done")
    assert "canary" not in str(rows).casefold()
    assert kept == {"roles": [], "sign-ins": [], "links": []}


def test_audit_still_verifies_and_names_the_purge(school):
    anna = school.student("Anna")
    delete_long_ago(school, anna)

    purge_now(school)

    with school.app.db.read() as session:
        verdict = audit.verify(session)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == "account.purge")).one()
        erased = session.scalars(select(AuditEntry).where(AuditEntry.account_id == anna)).all()
    assert verdict.ok
    assert (entry.actor, entry.payload) == ("cli:test", {"accounts": [anna]})
    assert erased
    assert {(each.payload, each.salt) for each in erased} == {(None, None)}


def test_account_whose_provider_was_not_told_waits(school):
    anna = school.student("Anna")
    with school.app.db.write() as session:
        session.add(
            Link(
                account_id=anna, provider="moodle", goal="suspended", external_id="7", wanted=2, synced=1, fence=0, changed_at=now(session)
            )
        )
    delete_long_ago(school, anna)

    removed = purge_now(school)

    with school.app.db.read() as session:
        foreseen = foresee(session)
    assert (removed, foreseen.due, foreseen.waiting) == (0, 0, 1)


def test_retention_is_a_setting_and_may_be_named(school):
    anna = school.student("Anna")
    delete_long_ago(school, anna, days=5)
    with school.app.db.write() as session:
        by_setting = foresee(session).due
        factories.set_plain(session, "core", retention_days_deleted=3)
        by_new_setting = foresee(session).due
        by_word = foresee(session, timedelta(days=6)).due

    assert (by_setting, by_new_setting, by_word) == (0, 1, 0)


def test_purging_twice_removes_nothing_more(school):
    delete_long_ago(school, *(school.student() for _ in range(3)))

    assert [purge_now(school), purge_now(school)] == [3, 0]


def test_permission_to_delete_accounts_is_needed(school):
    anna = school.student("Anna")
    delete_long_ago(school, anna)

    with pytest.raises(Forbidden):
        purge_now(school, Actor(name="account:9", label="Somebody", account_id=9, permissions=frozenset({"accounts:view"})))


def test_run_of_a_purged_account_has_no_rights_any_more(school):
    admin, anna = school.account("Olga", type="administrator"), school.student("Anna")
    with school.app.db.write() as session:
        run = Run(
            kind="action", action="account.deactivate", actor=f"account:{admin}", actor_account_id=admin, actor_label="Olga", params={},
            facts={}, state="stopped", created_at=now(session),
        )  # fmt: skip
        session.add(run)
        session.flush()
        session.add(RunItem(run_id=run.id, n=1, account_id=anna, outcome="waiting"))
        run_id = run.id
    delete_long_ago(school, admin)
    purge_now(school)

    control.resume(school.app, OPERATOR, run_id)
    school.work()

    with school.app.db.read() as session:
        run = session.get_one(Run, run_id)
        actor = actor_of(session, run)
        anna_is_active = session.get_one(Account, anna).active
    assert actor.permissions == frozenset()
    assert run.state == "failed"
    assert anna_is_active


def test_every_table_that_points_at_accounts_is_thought_of(school):
    handled = {
        # These leave.
        "api_token", "delivery", "identity", "let_go", "link", "listing", "login_attempt", "match", "match_decision", "message_part",
        "one_time_token", "own_name", "plugin_data", "recovery_code", "role_period", "saved_view", "second_factor", "session", "sign_in",
        # These stay without the account.
        "username_claim", "run", "run_item",
    }  # fmt: skip
    tables: dict[str, Any] = {}
    with school.app.db.engine.connect() as connection:
        inspector = inspect(connection)
        for table in inspector.get_table_names():
            if any(key["referred_table"] == "account" for key in inspector.get_foreign_keys(table)):
                tables[table] = True

    assert set(tables) == handled
