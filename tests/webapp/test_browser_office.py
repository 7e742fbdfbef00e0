"""The office's pages in Chromium: what axe finds in light, dark and on a phone, the import without scripts, the formula with them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import update

from rolecall.accounts import people, periods, statuses
from rolecall.accounts.actors import operator
from rolecall.store.tables import ClassLink
from rolecall.testing.factories import make_class
from rolecall.work import class_links
from rolecall.work.application import Application
from rolecall.work.changes import set_plugin

pytestmark = pytest.mark.browser

PAGES = (
    "/people", "/people?q=nobody-at-all", "/people/new", "/people/{person}", "/people/{person}/edit", "/people/open?all=1&list=students",
    "/imports", "/imports/new", "/imports/{draft}", "/imports/{draft}?show=rejected", "/roles", "/roles/new", "/periods", "/periods/new",
    "/periods/{period}", "/periods/{period}/current", "/periods/{period}/delete", "/periods/{period}/copy",
    "/periods/{current}/rollover", "/periods/{current}/rollover/roles?to=2031", "/periods/{current}/rollover/plan?to=2031",
    "/classes", "/classes?q=nothing-of-the-kind", "/classes/new", "/classes/{class}", "/classes/{class}/edit", "/classes/{class}/delete",
    "/classes/{class}/members", "/integrations", "/integrations/moodle", "/integrations/moodle/settings",
    "/integrations/moodle/guide", "/sync", "/sync/moodle", "/sync/moodle/plan", "/sync/moodle/classes",
    "/sync/moodle/classes/plan", "/settings", "/settings?q=nothing-of-the-kind",
    "/settings?q=base", "/settings/usernames", "/settings/usernames?format=%7Bnothing%7D", "/settings/statuses", "/settings/statuses/new",
    "/settings/statuses/{status}", "/settings/statuses/{status}/plan?type=graduated",
    "/settings/installation", "/audit", "/audit/1",
)  # fmt: skip


@pytest.fixture
def open_window(new_page: Callable[..., Page], address: str, signed_in: Callable) -> Callable[..., Page]:
    """A function that opens a window of the Global Owner."""
    cookie = signed_in(owner=True).client.get_cookie("rolecall")

    def open_one(**options: Any) -> Page:
        page = new_page(**options)
        page.context.add_cookies([{"name": "rolecall", "value": cookie.value, "url": address}])
        return page

    return open_one


@pytest.fixture
def school(core: Application, application: Flask) -> dict[str, int]:
    """People in two scripts, another period, Moodle set up where nobody answers."""
    with core.db.write() as session:
        status = statuses.create(session, label="Registered", type="registered")
        current = periods.current(session)
        later = periods.create(session, code="2031", name="2031–32", starts_on=date(2031, 9, 1), ends_on=date(2032, 6, 30))
        ids = []
        for number, (first, last) in enumerate((("Ελένη", "Παπαδάκη"), ("ليلى", "حداد"), ("Boris", "Ivanov"))):
            values = {"list": "students", "code": f"s{number}", "first_name": first, "last_name": last, "email": f"s{number}@example.org"}
            ids.append(people.create(session, values, now=datetime.now(UTC)).id)
        people.relate(session, ids[2], ids[0], "guardian")
    set_plugin(core, operator("tester"), "moodle", values={"base_url": "https://moodle.invalid", "token": "a" * 32}, untested=True)
    set_plugin(core, operator("tester"), "moodle", enabled=True, values={"classes": True}, untested=True)
    with core.db.write() as session:
        taught = [make_class(session, period=current, name=name, members={ids[0]: "student"}) for name in ("Μαθηματικά", "Русский язык")]
        class_links.behind(session, [each.id for each in taught])
        why = {"blocked": True, "attempts": 1, "error_class": "permanent", "error": "s1 could not be put into it: no such user."}
        session.execute(update(ClassLink).where(ClassLink.class_id == taught[0].id).values(**why))
    return {"class": taught[0].id, "person": ids[0], "period": later.id, "current": current.id if current else 0, "status": status.id}


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
def test_every_page_is_for_everybody(
    violations: Callable, open_window: Callable, school: dict[str, int], tmp_path: Path, scheme: str, width: int
) -> None:
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
    page.wait_for_selector("text=A new person needs a first name and a last name.")

    page.click("text=Import 1 row")
    page.wait_for_url("**/runs/*")
    page.goto("/people?list=students&account=no")
    assert page.inner_text("#results .sentence") == "4 people in this selection"
    page.check("input[name=all][value='1']")
    page.click("button:has-text('Open accounts')")
    page.click("text=Open 4 accounts")
    page.wait_for_url("**/runs/*")

    page.goto("/people?list=students&account=no")
    page.wait_for_selector("text=Nobody matches all of these filters.")


def test_another_type_of_a_status_is_agreed_to_without_scripts(open_window: Callable, school: dict[str, int]) -> None:
    page = open_window(java_script_enabled=False)
    page.goto(f"/settings/statuses/{school['status']}")
    page.select_option("#field-type", "other")
    page.click("button.main")
    page.wait_for_url("**/settings/statuses")

    page.goto(f"/settings/statuses/{school['status']}")
    page.select_option("#field-type", "registered")
    page.click("button.main")
    page.wait_for_url("**/plan?*")
    told = page.inner_text("main")
    page.check("#field-agreed")
    page.click("text=Save the status")
    page.wait_for_url("**/runs/*")

    assert "Accounts that are opened" in told
    assert page.inner_text("main").count("was opened.") == 3


def test_a_year_is_rolled_over_without_scripts(open_window: Callable, school: dict[str, int], core: Application) -> None:
    page = open_window(java_script_enabled=False)
    page.goto("/periods")
    page.click("main table a >> nth=0")
    page.click("text=Roll over …")

    page.click("button:has-text('Go on') >> nth=0")
    page.wait_for_url("**/rollover/roles?to=2031")
    page.click("text=Show what this comes to")
    page.wait_for_selector("text=Nothing has been done yet.")
    page.check("#field-agreed")
    page.click("button:has-text('Roll over 1 account')")
    page.wait_for_url("**/runs/*")

    page.wait_for_selector("text=2031 is the current period now.")
    with core.db.read() as session:
        current = periods.current(session)
        assert current is not None
        assert current.code == "2031"


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


def test_a_setting_is_searched_while_it_is_typed_and_its_change_survives(open_window: Callable) -> None:
    page = open_window()
    page.goto("/settings")

    page.fill("#filter-q", "brake")
    page.wait_for_selector("text=1 setting")
    assert page.query_selector("#field-time_zone") is None
    page.fill("#field-import_shrink_percent", "35")
    page.click("text=Save")
    page.wait_for_selector("text=The settings are saved.")

    assert page.input_value("#field-import_shrink_percent") == "35"


def test_settings_are_saved_and_reset_without_scripts(open_window: Callable) -> None:
    page = open_window(java_script_enabled=False)
    page.goto("/settings")
    page.fill("#field-sender_addresses", "office@school.example\nhead@school.example")
    # Enter in a field saves: no button that resets something may come before.
    page.fill("#field-import_shrink_percent", "35")
    page.press("#field-import_shrink_percent", "Enter")
    page.wait_for_selector("text=The settings are saved.")
    assert page.input_value("#field-sender_addresses").split() == ["office@school.example", "head@school.example"]
    page.fill("#field-retention_days_deleted", "60")
    page.press("#field-retention_days_deleted", "Enter")
    page.wait_for_selector("text=The settings are saved.")
    assert page.input_value("#field-import_shrink_percent") == "35"

    page.get_by_label("Reset to default: Brake of complete imports").click()
    page.wait_for_selector("text=The setting has its default again.")

    assert page.input_value("#field-import_shrink_percent") == "10"
    assert page.input_value("#field-retention_days_deleted") == "60"


def test_a_list_of_people_follows_what_is_typed(open_window: Callable, school: dict[str, int]) -> None:
    page = open_window()
    page.goto("/people?list=students")

    page.fill("#filter-q", "papad")
    page.wait_for_selector("text=1 person in this selection")
    page.check("tbody input[type=checkbox]")
    assert "1 selected" in page.inner_text(".bar")
    page.click("button:has-text('Open accounts')")
    page.wait_for_selector("text=Open 1 account")
