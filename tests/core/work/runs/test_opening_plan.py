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
from rolecall.testing.factories import set_plain
from rolecall.work.application import Application
from rolecall.work.runs.opening import start_opening
from rolecall.work.runs.opening_plan import plan_opening

OPERATOR = operator("office")


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
        plan = plan_opening(session, OPERATOR, people=ids(app, "s1", "s2", "s3", "s4"))

    assert (plan.total, plan.will) == (4, 1)
    assert sorted(number for _, number in plan.skipped) == [1, 1, 1]
    assert {"The person has an account already."} < {sentence for sentence, _ in plan.skipped}
    assert plan.examples == [("Eva Lang", "students", "elang2")]


def test_the_plan_of_a_list_has_everybody_who_can_have_one(app: Application) -> None:
    with app.db.read() as session:
        plan = plan_opening(session, OPERATOR, people_list="students")
        nobody = plan_opening(session, OPERATOR, people_list="teachers")

    assert (plan.total, plan.will, plan.skipped) == (2, 2, ())
    assert (nobody.will, nobody.examples) == (0, [])


def test_planning_claims_nothing(app: Application) -> None:
    with app.db.read() as session:
        first = plan_opening(session, OPERATOR).examples
    with app.db.read() as session:
        assert plan_opening(session, OPERATOR).examples == first
        assert session.query(Account).count() == 0


def test_a_list_that_does_not_exist_is_refused(app: Application) -> None:
    with app.db.read() as session, pytest.raises(Invalid):
        plan_opening(session, OPERATOR, people_list="friends")


def test_the_plan_says_who_is_invited_at_once_and_who_cannot_be(app: Application) -> None:
    with app.db.write() as session:
        people.create(
            session, {"list": "students", "code": "s5", "first_name": "Ina", "last_name": "Lang", "email": "ina@home.example"},
            now=datetime.now(UTC),
        )  # fmt: skip
    with app.db.read() as session:
        unasked = plan_opening(session, OPERATOR, people_list="students")
    with app.db.write() as session:
        set_plain(session, "core", invite_new_student=True)

    with app.db.read() as session:
        whole = plan_opening(session, OPERATOR, people_list="students")
        chosen = plan_opening(session, OPERATOR, people=ids(app, "s2", "s4", "s5"))

    assert (unasked.invited, unasked.unreachable) == (0, 0)
    assert (whole.will, whole.invited, whole.unreachable) == (3, 1, 2)
    assert (chosen.will, chosen.invited, chosen.unreachable) == (2, 1, 1)
