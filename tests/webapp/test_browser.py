"""The pages in Chromium: what people do, with scripts and without, and what axe finds."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from rolecall.testing.school import School

pytestmark = pytest.mark.browser

#: Chromium starts without asking anybody for anything.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
RIGHTS = (
    "accounts:view", "runs:view", "runs:edit", "settings:edit", "integrations:edit", "act:account.deactivate", "act:account.activate",
    "act:account.delete", "act:roles.assign", "act:password.reset",
)  # fmt: skip


@pytest.fixture(scope="module")
def chromium(requires_service: Callable[[str], None]) -> Iterator[Browser]:
    """One browser for all tests of this module."""
    requires_service("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def address(application: Flask) -> Iterator[str]:
    """Where the application answers."""
    server: Any = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def opened(address: str, chromium: Browser, signed_in: Callable, password: str) -> Iterator[Callable[..., Page]]:
    """A function that opens a window in which an administrator has signed in; complaints of the browser fail the test."""
    admin = signed_in(*RIGHTS)
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_window(**options: Any) -> Page:
        context = chromium.new_context(base_url=address, viewport={"width": 1280, "height": 800}, **options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/login")
        page.fill("#username", admin.username)
        page.fill("#password", password)
        page.click("button.main")
        page.wait_for_url("**/accounts")
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert complaints == []


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


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
    assert page.inner_text("h1") == "Deactivate: 60 of 60 accounts"
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


def test_a_password_can_be_looked_at(chromium: Browser, address: str) -> None:
    page = chromium.new_page(base_url=address)
    page.goto("/login")
    page.fill("#password", "secret")

    page.check("[data-show=password]")

    assert page.get_attribute("#password", "type") == "text"
    page.context.close()


def test_everything_works_without_scripts(school: School, opened: Callable) -> None:
    anna = school.student("Anna")
    school.student("Berta")
    page = opened(java_script_enabled=False)

    page.fill("input[type=search]", "anna")
    page.click("button:has-text('Apply')")
    assert page.url.endswith("/accounts?q=anna")
    page.check(f"input[name=ids][value='{anna}']")
    page.click(".bar summary")
    page.click("button[formaction='/act/account.deactivate']")
    page.click(".plan button.main")
    assert page.url.endswith("/accounts?q=anna")
    assert "Deactivate: done." in page.inner_text("#notices")
    page.click("#notices button")

    assert school.snapshot(anna).active


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 320)])
def test_axe_finds_nothing_and_nothing_runs_off_the_screen(school: School, opened: Callable, scheme: str, width: int) -> None:
    anna, _ida = school.student("Άννα", last_name="الحسن"), school.student("Ida", active=False)
    run = school.act("account.deactivate", *school.students(3), anna)
    page = opened(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    paths = (
        "/accounts", "/accounts?type=student&q=a&login=never", "/accounts?q=nobody", f"/accounts/{anna}", f"/accounts/{anna}/roles",
        f"/accounts/{anna}/external", f"/accounts/{anna}/logins", f"/accounts/{anna}/timeline", f"/act/roles.assign?ids={anna}",
        "/act/account.delete?all=1&type=student&expected=1", f"/act/account.deactivate?ids={anna}", "/runs", f"/runs/{run.id}",
        f"/runs/{run.id}/undo", "/password", "/again",
    )  # fmt: skip
    for path in paths:
        page.goto(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    page.goto("/accounts")
    page.click(".bar summary")
    assert violations(page) == []
