"""The page of a mapping in Chromium: what axe finds in light, dark and on a phone, live while one types, and without scripts (R54)."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from rolecall.accounts.actors import operator
from rolecall.testing.school import School
from rolecall.work import mappings
from rolecall.work.application import Application
from rolecall.work.changes import set_plugin

pytestmark = pytest.mark.browser

SETTINGS = {
    "tenant": "school.example", "client_id": "6731de76-14a6", "client_secret": "x", "domain": "school.example", "usage_location": "GR",
    "user_types": ["student"],
}  # fmt: skip
WHERE = "/integrations/o365/mapping"


@pytest.fixture
def anna(core: Application, school: School) -> int:
    """Somebody to try a mapping on, and an integration that she could be made at."""
    set_plugin(core, operator("tester"), "o365", enabled=True, values=SETTINGS, untested=True)
    return school.student("Ελένη", last_name="Παπαδάκη", username="eleni.p")


@pytest.fixture
def open_window(new_page: Callable[..., Page], address: str, signed_in: Callable) -> Callable[..., Page]:
    cookie = signed_in(owner=True).client.get_cookie("rolecall")

    def open_one(**options: Any) -> Page:
        page = new_page(**options)
        page.context.add_cookies([{"name": "rolecall", "value": cookie.value, "url": address}])
        return page

    return open_one


@pytest.mark.parametrize(
    "options", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 800}}], ids=["light", "dark", "phone"]
)
def test_the_pages_of_an_integration_pass_axe(
    open_window: Callable[..., Page], violations: Callable[[Page], list[str]], anna: int, options: dict[str, Any]
) -> None:
    page = open_window(**options)

    for path in (WHERE, f"{WHERE}?who=eleni", "/integrations/o365/settings", "/integrations/o365"):
        page.goto(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_what_it_comes_to_follows_while_one_types(open_window: Callable[..., Page], core: Application, anna: int) -> None:
    page = open_window()
    page.goto(WHERE)
    tried = page.locator("#tried")

    page.get_by_label("Try it on").fill("eleni.p")
    expect(tried).to_contain_text("Ελένη Παπαδάκη")
    page.get_by_label("Template of Display name").fill("{last_name:upper}")
    expect(tried).to_contain_text("ΠΑΠΑΔΆΚΗ")
    page.get_by_label("Template of Display name").fill("{nobody}")
    expect(tried).to_contain_text("There is no placeholder {nobody}.")

    assert page.get_by_label("Template of Display name").input_value() == "{nobody}"
    with core.db.read() as session:
        assert mappings.stored(session, core.plugins.installed["o365"]) == {}


def test_without_scripts_it_is_tried_and_saved_with_buttons(open_window: Callable[..., Page], core: Application, anna: int) -> None:
    page = open_window(java_script_enabled=False)
    page.goto(WHERE)
    page.get_by_label("Try it on").fill("eleni.p")
    page.get_by_label("Template of Display name").fill("{code} {last_name}")
    page.get_by_label("Who decides Job title").select_option("once")

    page.get_by_role("button", name="Preview").click()
    shown = page.locator("#tried").inner_text()
    page.get_by_role("button", name="Save").click()

    assert "A sync would create the account" in shown
    assert "The mapping of Microsoft 365 is saved." in page.locator("#notices").inner_text()
    with core.db.read() as session:
        known = mappings.stored(session, core.plugins.installed["o365"])
    assert known == {"displayName": {"template": "{code} {last_name}"}, "jobTitle": {"mode": "once"}}
