"""Pages of the audit: filters, one entry, export, the check of the chain (R67)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.store.tables import WebSession
from rolecall.work.application import Application

IDA = Actor(name="account:77", label="Ida <b>Neu</b>", address="192.0.2.7")


@pytest.fixture
def entries(core: Application, application: object) -> None:
    """Three entries of different kinds."""
    with core.db.write() as session:
        audit.append(
            session, actor=IDA, kind="person.edit", payload={"person": 5, "before": {"phone": "1"}, "after": {"phone": "+30"}},
            at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        )  # fmt: skip
        audit.append(
            session, actor=IDA, kind="settings", at=datetime(2026, 4, 1, 12, tzinfo=UTC),
            payload={"plugin": "moodle", "changes": {"token": "set anew", "url": {"before": "a", "after": "b"}}},
        )  # fmt: skip
        audit.append(
            session, actor=IDA, kind="run", payload={"note": "=1+1"}, run_id=9, account_id=4, at=datetime(2026, 5, 1, 12, tzinfo=UTC)
        )


def test_entries_are_listed_newest_first_and_never_as_markup(signed_in: Callable, entries: None) -> None:
    page = signed_in("audit:view").get("/audit").text

    assert page.index("/audit/3") < page.index("/audit/1")
    assert "phone: 1 → +30" in page
    assert "<b>Neu" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("kind=settings", {2}),
        ("actor=ida", {1, 2, 3}),
        ("q=moodle", {2}),
        ("since=2026-04-01&until=2026-04-01", {2}),
        ("run=9", {3}),
        ("account=4", {3}),
        ("q=nothing-of-the-kind", set()),
    ],
)
def test_filters_are_in_the_address(signed_in: Callable, entries: None, query: str, found: set[int]) -> None:
    page = signed_in("audit:view").get(f"/audit?{query}").text

    assert {number for number in (1, 2, 3) if f'href="/audit/{number}"' in page} == found


@pytest.mark.parametrize("query", ["since=yesterday", "account=abc", "run=99999999999"])
def test_values_that_no_filter_means_are_refused(signed_in: Callable, query: str) -> None:
    assert signed_in("audit:view").get(f"/audit?{query}").status_code == 422


def test_a_long_list_goes_on(signed_in: Callable, core: Application, entries: None) -> None:
    with core.db.write() as session:
        for _ in range(60):
            audit.append(session, actor=IDA, kind="many", payload={})
    browser = signed_in("audit:view")

    first = browser.get("/audit?kind=many").text

    assert "60 entries" in first
    older = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert 'href="/audit/4"' in browser.get(older).text


def test_an_entry_tells_everything(signed_in: Callable, entries: None) -> None:
    browser = signed_in("audit:view")

    edited, settings = browser.get("/audit/1").text, browser.get("/audit/2").text

    assert "192.0.2.7" in edited
    assert "+30" in edited
    assert "set anew" in settings
    assert browser.get("/audit/99").status_code == 404


def test_the_export_has_what_the_filters_match_and_is_an_entry_itself(signed_in: Callable, core: Application, entries: None) -> None:
    browser = signed_in("audit:view")

    answer = browser.post("/audit/export?actor=ida")

    assert answer.mimetype == "text/csv"
    assert answer.text.count("\r\n") == 4
    assert "2026-05-01T12:00:00.000000Z" in answer.text
    with core.db.read() as session:
        (exported,) = audit.entries(session, audit.Filters(kind="audit.export")).items
        assert exported.payload == {"filter": {"actor": "ida"}, "entries": 3}


def test_the_export_asks_for_the_password_when_it_was_given_long_ago(signed_in: Callable, core: Application, entries: None) -> None:
    browser = signed_in("audit:view")
    with core.db.write() as session:
        for each in session.query(WebSession):
            each.authenticated_at = each.authenticated_at.replace(year=each.authenticated_at.year - 1)

    answer = browser.post("/audit/export?kind=settings")

    assert answer.status_code == 303
    assert answer.location.startswith("/again?next=")


def test_the_chain_is_verified(signed_in: Callable, entries: None) -> None:
    browser = signed_in("audit:view")

    assert browser.post("/audit/verify").status_code == 303

    assert "All 3 entries are as they were written." in browser.get("/audit").text


def test_a_forged_entry_is_found(signed_in: Callable, core: Application, entries: None) -> None:
    browser = signed_in("audit:view")
    with core.db.write() as session:
        if core.db.is_sqlite:
            for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")).all():
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE audit SET kind = 'forged' WHERE seq = 2"))

    browser.post("/audit/verify")

    page = browser.get("/audit").text
    assert "Entry 2 was changed" in page
    assert 'href="/audit/2"' in page


def test_the_audit_needs_its_right(signed_in: Callable, entries: None) -> None:
    browser = signed_in("accounts:view")

    for path in ("/audit", "/audit/1"):
        assert browser.get(path).status_code == 403
    for path in ("/audit/export", "/audit/verify"):
        assert browser.post(path).status_code == 403
