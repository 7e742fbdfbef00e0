"""The office's pages in Chromium: what axe finds in light, dark and on a phone, the import without scripts, the formula with them."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from rolecall.accounts import people, periods, statuses
from rolecall.accounts.actors import operator
from rolecall.work.application import Application
from rolecall.work.changes import set_plugin

pytestmark = pytest.mark.browser

#: Chromium starts without asking anybody for anything.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
PAGES = (
    "/people", "/people?q=nobody-at-all", "/people/new", "/people/{person}", "/people/{person}/edit", "/people/open?all=1&list=students",
    "/imports", "/imports/new", "/imports/{draft}", "/imports/{draft}?show=rejected", "/roles", "/roles/new", "/periods", "/periods/new",
    "/periods/{period}", "/periods/{period}/current", "/integrations", "/integrations/moodle", "/integrations/moodle/settings",
    "/integrations/moodle/guide", "/sync", "/sync/moodle", "/sync/moodle/plan", "/settings", "/settings?q=nothing-of-the-kind",
    "/settings/usernames", "/settings/usernames?format=%7Bnothing%7D", "/settings/statuses", "/settings/statuses/new",
    "/settings/installation", "/audit", "/audit/1",
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
def open_window(address: str, chromium: Browser, signed_in: Callable) -> Iterator[Callable[..., Page]]:
    """A function that opens a window of the Global Owner; complaints of the browser fail the test."""
    owner = signed_in(owner=True)
    cookie = owner.client.get_cookie("rolecall")
    contexts, complaints = [], []

    def open_one(**options: Any) -> Page:
        context = chromium.new_context(base_url=address, **{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.add_cookies([{"name": "rolecall", "value": cookie.value, "url": address}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def school(core: Application, application: Flask) -> dict[str, int]:
    """People in two scripts, another period, Moodle set up where nobody answers."""
    with core.db.write() as session:
        statuses.create(session, label="Registered", type="registered")
        later = periods.create(session, code="2031", name="2031–32", starts_on=date(2031, 9, 1), ends_on=date(2032, 6, 30))
        ids = []
        for number, (first, last) in enumerate((("Ελένη", "Παπαδάκη"), ("ليلى", "حداد"), ("Boris", "Ivanov"))):
            values = {"list": "students", "code": f"s{number}", "first_name": first, "last_name": last, "email": f"s{number}@example.org"}
            ids.append(people.create(session, values, now=datetime.now(UTC)).id)
        people.relate(session, ids[2], ids[0], "guardian")
    set_plugin(core, operator("tester"), "moodle", values={"base_url": "https://moodle.invalid", "token": "a" * 32})
    set_plugin(core, operator("tester"), "moodle", enabled=True)
    return {"person": ids[0], "period": later.id}


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{page.url} {each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


def upload(page: Page, folder: Path) -> int:
    """Stage a file with a new person and a problem; answers the draft's number."""
    file = folder / "people.csv"
    file.write_text("code,first_name,last_name,shoe\nn1,Ida,Neu,38\nn2,,,\n", "utf-8")
    page.goto("/imports/new")
    page.select_option("#field-list", "students")
    page.set_input_files("#field-file", file)
    page.click("button.main")
    page.wait_for_url("**/imports/*")
    return int(page.url.rsplit("/", 1)[-1])


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_every_page_is_for_everybody(open_window: Callable, school: dict[str, int], tmp_path: Path, scheme: str, width: int) -> None:
    page = open_window(color_scheme=scheme, viewport={"width": width, "height": 800})
    known = {**school, "draft": upload(page, tmp_path)}

    for path in PAGES:
        answer = page.goto(path.format(**known))
        assert answer.status == 200, path
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


def test_people_are_imported_and_get_accounts_without_scripts(open_window: Callable, school: dict[str, int], tmp_path: Path) -> None:
    page = open_window(java_script_enabled=False)
    upload(page, tmp_path)
    assert "A new person needs a first name and a last name." in page.content()

    page.click("text=Import 1 row")
    page.wait_for_url("**/runs/*")
    page.goto("/people?list=students&account=no")
    assert page.inner_text("#results .sentence") == "4 people in this selection"
    page.check("input[name=all][value='1']")
    page.click("button:has-text('Open accounts')")
    page.click("text=Open 4 accounts")
    page.wait_for_url("**/runs/*")

    page.goto("/people?list=students&account=no")
    assert "Nobody matches all of these filters." in page.content()


def test_a_formula_is_tried_while_it_is_typed(open_window: Callable, school: dict[str, int]) -> None:
    page = open_window()
    page.goto("/settings/usernames")
    assert "epapadaki" in page.inner_text("#results")

    page.fill("#filter-format", "{last}.{first}")
    page.wait_for_selector("text=papadaki.eleni")

    assert "format=" in page.url
    assert page.evaluate("document.activeElement.id") == "filter-format"
    page.click("text=Use it for students")
    page.wait_for_selector("text=New user names of students are made by this format.")


def test_a_list_of_people_follows_what_is_typed(open_window: Callable, school: dict[str, int]) -> None:
    page = open_window()
    page.goto("/people?list=students")

    page.fill("#filter-q", "papad")
    page.wait_for_selector("text=1 person in this selection")
    page.check("tbody input[type=checkbox]")
    assert "1 selected" in page.inner_text(".bar")
    page.click("button:has-text('Open accounts')")
    page.wait_for_selector("text=Open 1 account")
