"""Slips in Chromium: the page as it is seen and as it is printed, in both directions, without scripts too (R28)."""

import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Page

from rolecall.testing.factories import give_role, make_account, make_period, make_role, set_plain
from rolecall.testing.school import School
from rolecall.work.application import Application

pytestmark = pytest.mark.browser

PEOPLE = (("Anna", "Kowalska", "en"), ("Βασίλης", "Δήμου", "el"), ("محمد", "الأحمد", "ar"))


@pytest.fixture
def accounts(core: Application, school: School) -> list[int]:
    """Ten students who read three languages, one of them without a first-time password."""
    with core.db.write() as session:
        set_plain(session, "core", institution_name="Harbour School")
        period, role = make_period(session), make_role(session, "Year 7")
        ids = []
        for number in range(10):
            first, last, language = PEOPLE[number % 3]
            account = make_account(session, first, last_name=last, language=language, username=f"student{number}")
            give_role(session, account, role, period)
            ids.append(account.id)
    school.act("password.reset", *ids[1:])
    return ids


@pytest.fixture
def printed(new_page: Callable[..., Page], signed_in: Callable, password: str, accounts: list[int]) -> Callable[..., Page]:
    """A function that prints the accounts as an administrator would, to the page of the slips."""

    def open_slips(width: int = 1280, **options: Any) -> Page:
        admin = signed_in("accounts:view", "act:account.print", "act:password.reset")
        page = new_page(viewport={"width": width, "height": 800}, **options)
        page.goto("/login")
        page.fill("#username", admin.username)
        page.fill("#password", password)
        page.click("button.main")
        page.wait_for_url("**/accounts")
        page.goto(f"/act/account.print?ids={','.join(map(str, accounts))}")
        page.click(".plan button.main")
        page.wait_for_url("**/runs/*")
        page.click("text=Show 10 slips")
        page.wait_for_url("**/slips")
        return page

    return open_slips


def pages_of(pdf: bytes) -> int:
    inside = b""
    for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with suppress(zlib.error):
            inside += zlib.decompress(part)
    return len(re.findall(rb"/Type ?/Page\b", pdf + inside))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_of_slips_has_no_barrier(violations: Callable, printed: Callable, scheme: str, width: int) -> None:
    page = printed(width, color_scheme=scheme)

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".slip").count() == 10


def test_ten_slips_are_printed_on_two_sheets_without_what_is_for_the_screen(printed: Callable) -> None:
    page = printed()

    made = page.pdf(prefer_css_page_size=True)
    page.emulate_media(media="print")

    assert pages_of(made) == 2
    assert not page.locator(".noprint").is_visible()
    assert not page.locator("header.top").is_visible()
    heights = page.eval_on_selector_all(".sheet", "all => all.map(each => each.getBoundingClientRect().height)")
    assert max(heights) <= 283 / 25.4 * 96


def test_everything_works_without_scripts(printed: Callable) -> None:
    page = printed(java_script_enabled=False)

    assert page.locator(".slip .secret").count() == 9
    assert page.locator(".note", has_text="1 of 10").locator("a").inner_text() == "Reset password (1)"


def test_what_is_typed_stays_in_order_where_the_text_runs_from_right_to_left(printed: Callable) -> None:
    page = printed()

    slip = page.locator(".slip[dir=rtl]").first
    direction, align = slip.locator("dd > bdi").first.evaluate(
        "each => [getComputedStyle(each).direction, getComputedStyle(each).textAlign]"
    )
    assert (direction, align) == ("ltr", "right")
    assert slip.evaluate("each => getComputedStyle(each).direction") == "rtl"
