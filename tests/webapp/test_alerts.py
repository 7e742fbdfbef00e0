"""What is done on the pages and is told to the alert addresses: taking many rows out, and a check of the audit that fails (L-06)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from rolecall.accounts import alerts, audit, settings
from rolecall.accounts.actors import operator
from rolecall.accounts.core_settings import CoreSettings
from rolecall.store.tables import Delivery
from rolecall.testing.school import School
from rolecall.work.application import Application

OFFICE = operator("office")


@pytest.fixture(autouse=True)
def owner(core: Application, signed_in: Callable) -> None:
    """An owner and an alert address, without which nobody is told."""
    signed_in(owner=True)
    with core.db.write() as session:
        values = {"alert_addresses": ["it@school.example"]}
        settings.write(session, "core", CoreSettings, values, actor=OFFICE, keyring=core.keyring)


def told(core: Application) -> list[tuple[str, str]]:
    """What was said, and by whom it was done."""
    with core.db.read() as session:
        found = session.scalars(select(Delivery.facts).where(Delivery.kind == alerts.KIND).order_by(Delivery.id))
        return [(each["what"], each["who"]) for each in found]


def forge(core: Application, statement: str) -> None:
    """Change the audit past everything that forbids it."""
    with core.db.write() as session:
        if core.db.is_sqlite:
            for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'")).all():
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(statement))


@pytest.mark.parametrize(("number", "says"), [(500, []), (501, ["A list of 501 accounts was exported."])])
def test_a_list_of_many_accounts(core: Application, school: School, signed_in: Callable, number: int, says: list[str]) -> None:
    school.students(number)

    signed_in("accounts:view").post("/accounts/export?type=student")

    assert told(core) == [(each, "Ada Office") for each in says]


def test_many_entries_of_the_audit(core: Application, signed_in: Callable) -> None:
    browser = signed_in("audit:view")
    browser.post("/audit/export")
    with core.db.write() as session:
        for number in range(alerts.ROWS):
            audit.append(session, actor=OFFICE, kind="person.edit", payload={"n": number}, at=datetime(2026, 5, 1, tzinfo=UTC))

    browser.post("/audit/export?kind=person.edit")
    few = told(core)
    browser.post("/audit/export")

    assert few == []
    assert told(core) == [("503 entries of the audit were exported.", "Ada Office")]


def test_a_check_of_the_audit_that_fails_once_a_day_however_often_it_is_asked_for(core: Application, signed_in: Callable) -> None:
    browser = signed_in("audit:view")
    browser.post("/audit/verify")
    before = told(core)
    forge(core, "UPDATE audit SET kind = 'forged' WHERE seq = 1")

    browser.post("/audit/verify")
    browser.post("/audit/verify")

    assert before == []
    (found,) = told(core)
    assert found[0].startswith("A check of the audit failed. Entry 1 was changed")


def test_a_check_of_the_audit_whose_head_is_gone(core: Application, signed_in: Callable) -> None:
    browser = signed_in("audit:view")
    forge(core, "DELETE FROM audit_head")

    browser.post("/audit/verify")

    assert told(core) == [("A check of the audit failed. The head of the audit's chain is missing.", "Ada Office")]
