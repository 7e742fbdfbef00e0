"""A session with a limit reads nothing but what it reaches, whichever way it is asked (R58, Z-09)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from rolecall.accounts import audit
from rolecall.accounts.actors import operator
from rolecall.store import accounts_query, people_query, reach
from rolecall.store.reach import Reach
from rolecall.store.tables import (
    Account,
    ApiToken,
    AuditEntry,
    Base,
    Delivery,
    Link,
    Listing,
    Person,
    RolePeriod,
    Run,
    RunItem,
    SignIn,
    WebSession,
)
from rolecall.testing.factories import give_role, make_account, make_period, make_person, make_role

NOW = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def ids(db):
    """Two students, a teacher, a member of staff and the clerk, each with one row of everything that hangs by an account."""
    with db.write() as session:
        found = {
            name: make_account(session, name, type=user_type)
            for name, user_type in (
                ("Anna", "student"), ("Ben", "student"), ("Tina", "teacher"), ("Stan", "staff"), ("Clara", "administrator"),
            )
        }  # fmt: skip
        make_person(session, "Paul", list="students")
        make_person(session, "Petra", list="teachers")
        period = make_period(session)
        for n, (name, account) in enumerate(found.items()):
            give_role(session, account, make_role(session, "Any", user_type=account.type), period)
            run = Run(kind="action", action="account.username", actor="account:999", actor_label="Somebody", state="done", created_at=NOW)
            session.add(run)
            session.flush()
            session.add(RunItem(run_id=run.id, n=1, account_id=account.id, person_id=account.person_id, outcome="done"))
            session.add(Link(account_id=account.id, provider="moodle", wanted=1, synced=0, changed_at=NOW, goal="present"))
            session.add(SignIn(account_id=account.id, at=NOW, method="password", result="ok"))
            times = {"created_at": NOW, "expires_at": NOW}
            session.add(ApiToken(digest=name, hint="rct_", name=name, account_id=account.id, **times))
            session.add(WebSession(digest=name, account_id=account.id, last_seen_at=NOW, authenticated_at=NOW, **times))
            session.add(_delivery(account.id, n))
            audit.append(session, actor=operator("office"), kind="account.purge", payload={}, account_id=account.id)
        audit.append(session, actor=operator("office"), kind="person.create", payload={"code": "P1"})
        audit.append(session, actor=operator("office"), kind="sign-in", payload={"username": "tina"})
        audit.append(session, actor=operator("office"), kind="role.create", payload={"role": 1})
        return {name: account.id for name, account in found.items()}


@pytest.fixture
def narrowed(db, ids):
    """A session that reaches students, of the clerk."""
    with db.read() as session:
        reach.limit(session, Reach(types=frozenset({"student"}), account_id=ids["Clara"], actor=f"account:{ids['Clara']}"))
        yield session


def _delivery(account_id, n):
    return Delivery(
        kind="email.changed", channel="email", account_id=account_id, address="a@example.org", facts={}, dedupe_key=f"k{n}", created_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("table", [Link, RunItem, SignIn, ApiToken, WebSession, Delivery, RolePeriod])
def test_what_hangs_by_an_account_is_read_with_the_account_alone(narrowed, ids, table):
    found = set(narrowed.scalars(select(table.account_id)))

    assert found == {ids["Anna"], ids["Ben"], ids["Clara"]}


def test_lists_and_counts_have_no_other_account_and_not_even_ones_own(narrowed, ids):
    page = accounts_query.page(narrowed, [], now=NOW)

    assert {row.id for row in page.rows} == {ids["Anna"], ids["Ben"]}
    assert page.total == accounts_query.count(narrowed, []) == 2
    assert not accounts_query.is_listed(narrowed, ids["Clara"])


def test_no_shape_of_statement_gets_around_it(narrowed, ids):
    other = aliased(Account)
    inner = select(Account.id).where(Account.username.is_not(None))
    forms = {
        "columns": set(narrowed.scalars(select(Account.id))),
        "entities": {each.id for each in narrowed.scalars(select(Account))},
        "alias": set(narrowed.scalars(select(other.id))),
        "subquery": set(narrowed.scalars(select(inner.subquery().c.id))),
        "in": set(narrowed.scalars(select(Listing.account_id).where(Listing.account_id.in_(inner)))) | {ids["Clara"]},
        "union": set(narrowed.scalars(select(Account.id).where(Account.type == "teacher").union(inner))),
        "cte": set(narrowed.scalars(select(inner.cte().c.id))),
        "join": set(narrowed.scalars(select(Account.id).join(Person, Person.id == Account.person_id))),
    }

    reached = {ids["Anna"], ids["Ben"], ids["Clara"]}
    assert {name: found for name, found in forms.items() if found != reached} == {}
    assert narrowed.get(Account, ids["Tina"]) is None
    assert narrowed.scalar(select(func.count()).select_from(inner.subquery())) == 3
    assert narrowed.scalar(select(exists().where(Account.id == ids["Tina"]))) is False


def test_people_are_those_of_the_lists_and_of_the_accounts_that_are_reached(narrowed):
    found = people_query.people_page(narrowed, [])

    assert sorted(row.first_name for row in found.rows) == ["Anna", "Ben", "Paul"]
    assert found.total == 3
    # One's own record is read, and is no row of a list.
    assert "Clara" in set(narrowed.scalars(select(Person.first_name)))


def test_whoever_reaches_staff_does_not_reach_administrators(db, ids):
    with db.read() as session:
        reach.limit(session, Reach(types=frozenset({"staff"}), account_id=ids["Anna"], actor="account:1"))

        assert [row.first_name for row in people_query.people_page(session, []).rows] == ["Stan"]


def test_runs_of_others_are_seen_where_something_of_them_is(narrowed, db, ids):
    with db.write() as session:
        own = Run(kind="import", action="people.import", actor=f"account:{ids['Clara']}", actor_label="C", state="draft", created_at=NOW)
        session.add(own)
        session.flush()
        session.add(RunItem(run_id=own.id, n=1, outcome="waiting"))

    runs = narrowed.scalars(select(Run.id)).all()
    items = narrowed.execute(select(RunItem.run_id, RunItem.account_id)).all()

    # Those about Anna and Ben, the clerk's own account's, and the clerk's own.
    assert {row.account_id for row in items} == {ids["Anna"], ids["Ben"], ids["Clara"], None}
    assert len(runs) == 3


def test_the_audit_tells_of_whom_is_reached_and_of_what_is_about_nobody(narrowed, ids):
    found = narrowed.execute(select(AuditEntry.kind, AuditEntry.account_id)).all()

    assert {tuple(row) for row in found} == {
        ("account.purge", ids["Anna"]), ("account.purge", ids["Ben"]), ("account.purge", ids["Clara"]), ("role.create", None),
    }  # fmt: skip


#: Tables that refer to somebody and are shown to nobody as they are, or only in the reader's own name.
NOT_SHOWN = {"OneTimeToken", "UsernameClaim", "SavedView", "Relation", "LoginAttempt", "SecondFactor", "RecoveryCode"}


def test_every_table_that_refers_to_somebody_is_decided_about():
    refer = {
        mapper.class_.__name__
        for mapper in Base.registry.mappers
        if {key.column.table.name for column in mapper.local_table.columns for key in column.foreign_keys} & {"account", "person"}
    }

    decided = reach.clauses(Reach(types=frozenset({"student"}), account_id=1, actor="account:1"))

    assert refer - NOT_SHOWN <= {each.__name__ for each in decided}


def test_a_session_without_a_limit_gets_no_clause(db, ids, statements):
    with db.read() as session, statements(db) as sent:
        assert accounts_query.count(session, []) == len(ids)

    assert sent == ["SELECT count(*) AS count_1 \nFROM listing"]
