"""One's own account in Chromium: on a phone, in the dark, with the keyboard alone and without scripts, and what axe finds."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from rolecall.accounts import sessions
from rolecall.store.tables import Account, Link, Period, PluginState, Role, RolePeriod, RolePermission, WebSession
from rolecall.work.application import Application

pytestmark = pytest.mark.browser

PAGES = ("/me", "/me/sessions", "/me/sign-ins", "/me/second-factor", "/me/name", "/me/language", "/me/email", "/password")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1"


@pytest.fixture
def somebody(core: Application, signed_in: Callable) -> Any:
    """Somebody without rights, who waits for Moodle, is signed in on a phone too, and has a role in last year's period."""
    somebody = signed_in()
    with core.db.write() as session:
        session.merge(PluginState(plugin="moodle", enabled=True, is_provider=True))
        session.add(Link(account_id=somebody.account_id, provider="moodle", goal="present", changed_at=datetime.now(UTC)))
        sessions.create(session, somebody.account_id, address="203.0.113.9", agent=PHONE, now=datetime.now(UTC))
        period = Period(code="2025", code_key="2025", name="2025–26", starts_on=date(2025, 9, 1), ends_on=date(2026, 6, 30))
        role = Role(name="Office assistant", name_key="office assistant", user_type="administrator")
        role.permissions = [RolePermission(permission="people:view")]
        session.add_all([period, role])
        session.flush()
        given = {"account_id": somebody.account_id, "period_id": period.id, "role_id": role.id}
        session.add(RolePeriod(enabled=True, created_at=datetime.now(UTC), **given))
    return somebody


@pytest.fixture
def opened(new_page: Callable[..., Page], somebody: Any, password: str) -> Callable[..., Page]:
    """A function that opens a window in which they have signed in; complaints of the browser fail the test."""

    def open_window(**options: Any) -> Page:
        page = new_page(**{"viewport": {"width": 390, "height": 844}, **options})
        page.goto("/login")
        page.fill("#username", somebody.username)
        page.fill("#password", password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/me")
        return page

    return open_window


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 320)])
def test_axe_finds_nothing_and_nothing_runs_off_the_screen(violations: Callable, opened: Callable, scheme: str, width: int) -> None:
    page = opened(color_scheme=scheme, viewport={"width": width, "height": 844})
    for path in PAGES:
        page.goto(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    page.click("summary:has-text('Work in another period')")
    assert violations(page) == []
    page.click("button:has-text('2025–26')")
    page.locator(".elsewhere").wait_for()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_name_is_changed_with_the_keyboard_alone(core: Application, somebody: Any, opened: Callable) -> None:
    page = opened()
    press_until(page, "document.activeElement.textContent.trim() === 'Change my name'")
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/name")

    press_until(page, "document.activeElement.name === 'first_name'")
    page.keyboard.press("Control+A")
    page.keyboard.type("Adela")
    page.keyboard.press("Enter")
    page.locator("#notices", has_text="Your name is changed.").wait_for()

    with core.db.read() as session:
        assert session.get_one(Account, somebody.account_id).first_name == "Adela"


def press_until(page: Page, there: str) -> None:
    """Go on with the Tab key until the focus is there."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(there):
            return
    raise AssertionError(f"The Tab key never came to where {there}.")


def test_the_user_name_is_selected_with_one_click(somebody: Any, opened: Callable) -> None:
    page = opened()

    page.click(".whole")

    assert page.evaluate("getSelection().toString()") == somebody.username


def test_sessions_end_and_periods_change_without_scripts(core: Application, opened: Callable) -> None:
    page = opened(java_script_enabled=False)

    page.goto("/me/sessions")
    page.click("button:has-text('Sign out everywhere else')")
    page.locator("#notices", has_text="You are signed out everywhere else.").wait_for()
    page.click("summary:has-text('Work in another period')")
    page.click("button:has-text('2025–26')")
    page.locator(".elsewhere", has_text="which is not the current period").wait_for()
    assert page.url.endswith("/people")
    page.click(".elsewhere button")

    page.wait_for_url("**/me")
    with core.db.read() as session:
        assert len(session.scalars(select(WebSession)).all()) == 1
