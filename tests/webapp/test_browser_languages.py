"""The sign-in page and one's own account in Chromium, in each language: axe at any width, light and dark; and choosing by keyboard."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rolecall.store.tables import Account
from rolecall.work.application import Application

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIGN_IN = {"en": "Sign in", "el": "Σύνδεση", "ar": "تسجيل الدخول"}


def _fits(page: Page) -> bool:
    """Whether the page needs no scrolling sideways."""
    found: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return found


def _picture(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    if folder := os.environ.get("ROLECALL_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("language", SIGN_IN)
def test_the_sign_in_page_reads_well_in_every_language(
    new_page: Callable[..., Page], violations: Callable[[Page], list[str]], language: str
) -> None:
    for scheme in ("light", "dark"):
        page = new_page(locale=language, color_scheme=scheme)
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto("/login")
            expect(page.get_by_role("heading", name=SIGN_IN[language])).to_be_visible()

            assert violations(page) == []
            assert _fits(page), (language, width)
            _picture(page, f"login-{language}-{scheme}-{width}")


def test_a_language_is_chosen_by_keyboard_and_without_scripts(new_page: Callable[..., Page], address: str) -> None:
    page = new_page(locale="en", java_script_enabled=False)
    page.goto("/login?next=/me")

    greek = page.get_by_role("button", name="Ελληνικά")
    greek.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Σύνδεση")).to_be_visible()
    expect(page).to_have_url(f"{address}/login?next=/me")
    expect(page.get_by_role("button", name="Ελληνικά")).to_be_disabled()
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")


def test_ones_own_pages_run_from_right_to_left(
    new_page: Callable[..., Page], violations: Callable[[Page], list[str]], signed_in: Callable, core: Application, address: str
) -> None:
    browser = signed_in()
    with core.db.write() as session:
        session.get_one(Account, browser.account_id).language = "ar"
    page = new_page(locale="en", viewport={"width": 320, "height": 800})
    page.context.add_cookies([{"name": "rolecall", "value": browser.client.get_cookie("rolecall").value, "url": address}])

    for path in ("/me", "/me/sessions", "/me/second-factor", "/password"):
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        assert violations(page) == []
        assert _fits(page), path
        _picture(page, f"own{path.replace('/', '-')}-ar")
