"""What opening accounts would do, before it is done (R4, R49)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rolecall.accounts import people, statuses
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.errors import Invalid
from rolecall.store.tables import Account
from rolecall.work.application import Application
from rolecall.work.runs.opening import start_opening
from rolecall.work.runs.opening_plan import plan_opening


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Application]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config) as application:
        with application.db.write() as session:
            statuses.create(session, label="Registered", type="registered")
            statuses.create(session, label="Withdrawn", type="withdrawn")
            for code, values in {
                "s1": {}, "s2": {"status": "Withdrawn"}, "s3": {"active": False}, "s4": {},
            }.items():  # fmt: skip
                facts = {"list": "students", "code": code, "first_name": "Eva", "last_name": "Lang", **values}
                people.create(session, facts, now=datetime.now(UTC))
        yield application


def ids(app: Application, *codes: str) -> list[int]:
    with app.db.read() as session:
        return [people.by_code(session, "students", code).id for code in codes]


def test_the_plan_counts_who_is_left_out_and_why(app: Application) -> None:
    start_opening(app, operator("tester"), people=ids(app, "s1"))

    with app.db.read() as session:
        plan = plan_opening(session, people=ids(app, "s1", "s2", "s3", "s4"))

    assert (plan.total, plan.will) == (4, 1)
    assert sorted(number for _, number in plan.skipped) == [1, 1, 1]
    assert {"The person has an account already."} < {sentence for sentence, _ in plan.skipped}
    assert plan.examples == [("Eva Lang", "students", "elang2")]


def test_the_plan_of_a_list_has_everybody_who_can_have_one(app: Application) -> None:
    with app.db.read() as session:
        plan = plan_opening(session, people_list="students")
        nobody = plan_opening(session, people_list="teachers")

    assert (plan.total, plan.will, plan.skipped) == (2, 2, ())
    assert (nobody.will, nobody.examples) == (0, [])


def test_planning_claims_nothing(app: Application) -> None:
    with app.db.read() as session:
        first = plan_opening(session).examples
    with app.db.read() as session:
        assert plan_opening(session).examples == first
        assert session.query(Account).count() == 0


def test_a_list_that_does_not_exist_is_refused(app: Application) -> None:
    with app.db.read() as session, pytest.raises(Invalid):
        plan_opening(session, people_list="friends")
