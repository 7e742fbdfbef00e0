"""The pages in Chromium: what people do, with scripts and without, and what axe finds."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from rolecall.testing.school import School

pytestmark = pytest.mark.browser

RIGHTS = (
    "accounts:view", "runs:view", "runs:edit", "settings:edit", "integrations:edit", "act:account.deactivate", "act:account.activate",
    "act:account.delete", "act:roles.assign", "act:password.reset",
)  # fmt: skip


@pytest.fixture
def opened(new_page: Callable[..., Page], signed_in: Callable, password: str) -> Callable[..., Page]:
    """A function that opens a window in which an administrator has signed in; complaints of the browser fail the test."""
    admin = signed_in(*RIGHTS)

    def open_window(**options: Any) -> Page:
        page = new_page(**options)
        page.goto("/login")
        page.fill("#username", admin.username)
        page.fill("#password", password)
        page.click("button.main")
        page.wait_for_url("**/accounts")
        return page

    return open_window


def test_the_list_follows_while_one_types_and_keeps_the_focus(school: School, opened: Callable) -> None:
    for name in ("Anna", "Berta", "Annika"):
        school.student(name, last_name="Berg")
    page = opened()

    page.locator("input[type=search]").press_sequentially("ann", delay=40)
    page.wait_for_url("**/accounts?q=ann")
    page.locator(".sentence", has_text="2 accounts").wait_for()

    assert page.evaluate("document.activeElement.name") == "q"
    page.reload()
    assert page.input_value("input[type=search]") == "ann"
    assert page.locator("tbody tr").count() == 2


def test_everything_that_matches_is_deactivated_and_the_run_is_watched(school: School, opened: Callable) -> None:
    school.students(60)
    page = opened()
    page.select_option("#filter-type", "student")
    page.wait_for_url("**/accounts?type=student")

    page.check("input[name=all][value='1']")
    page.click(".bar summary")
    page.click("button[formaction='/act/account.deactivate']")
    page.get_by_role("heading", name="Deactivate: 60 of 60 accounts").wait_for()
    page.click(".plan button.main")
    page.locator("#progress").wait_for()
    school.work()

    page.locator(".head .state.ok").wait_for()
    assert page.locator("#progress").count() == 0
    assert page.locator(".tile", has_text="Done").inner_text().startswith("60")


def test_boxes_are_counted_and_all_of_the_page_are_ticked_at_once(school: School, opened: Callable) -> None:
    school.students(4)
    page = opened()
    page.goto("/accounts?type=student")

    page.check("[data-tick-all]")

    assert page.inner_text(".bar label >> nth=0") == "4 selected"


def test_a_password_can_be_looked_at(new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.goto("/login")
    page.fill("#password", "secret")

    page.check("[data-show=password]")

    assert page.get_attribute("#password", "type") == "text"


def test_everything_works_without_scripts(school: School, opened: Callable) -> None:
    anna = school.student("Anna")
    school.student("Berta")
    page = opened(java_script_enabled=False)

    page.fill("input[type=search]", "anna")
    page.click("button:has-text('Apply')")
    page.wait_for_url("**/accounts?q=anna")
    page.check(f"input[name=ids][value='{anna}']")
    page.click(".bar summary")
    page.click("button[formaction='/act/account.deactivate']")
    page.click(".plan button.main")
    page.wait_for_url("**/accounts?q=anna")
    page.locator("#notices", has_text="Deactivate: done.").wait_for()
    page.click("#notices button")
    page.locator("#notices", has_text="Undo").wait_for()

    assert school.snapshot(anna).active


def test_a_password_says_how_strong_it_is_while_it_is_typed(violations: Callable, opened: Callable) -> None:
    page = opened()
    page.goto("/password")
    said = page.locator("#strength-password")

    page.locator("#field-password").press_sequentially("sunshine2024", delay=5)
    said.get_by_text("Not accepted").wait_for()
    assert "tried first" in said.inner_text()
    assert violations(page) == []
    page.fill("#field-password", "quiet-Tuesday-marmalade")
    said.get_by_text("Strong").wait_for()
    page.fill("#field-password", "")
    expect(said).to_have_text("")

    assert page.locator("#field-password").evaluate("field => field === document.activeElement")


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 320)])
def test_axe_finds_nothing_and_nothing_runs_off_the_screen(
    violations: Callable, school: School, opened: Callable, scheme: str, width: int
) -> None:
    anna, _ida = school.student("Άννα", last_name="الحسن"), school.student("Ida", active=False)
    run = school.act("account.deactivate", *school.students(3), anna)
    page = opened(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    paths = (
        "/accounts", "/accounts?type=student&q=a&login=never", "/accounts?q=nobody", f"/accounts/{anna}", f"/accounts/{anna}/access",
        f"/accounts/{anna}/roles", f"/accounts/{anna}/external", f"/accounts/{anna}/logins", f"/accounts/{anna}/timeline",
        f"/act/roles.assign?ids={anna}", "/act/account.delete?all=1&type=student&expected=1", f"/act/account.deactivate?ids={anna}",
        "/runs", f"/runs/{run.id}", f"/runs/{run.id}/undo", "/password", "/again",
    )  # fmt: skip
    for path in paths:
        page.goto(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    page.goto("/accounts")
    page.click(".bar summary")
    assert violations(page) == []
