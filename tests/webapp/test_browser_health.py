"""The page about the providers' health, in Chromium: axe in light, dark, narrow and from right to left; its figures by keyboard."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Page

from rolecall.config import load
from rolecall.store.tables import SyncSample
from rolecall.testing.providers import MemoryProvider, memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work.application import Application

pytestmark = pytest.mark.browser

NAMES = ("alder", "birch", "cedar")


@pytest.fixture
def services() -> list[type[MemoryProvider]]:
    return [memory_provider(name) for name in NAMES]


@pytest.fixture
def core(database_url: str, tmp_path: Path, services: list[type[MemoryProvider]]) -> Iterator[Application]:
    """A process with providers that live in memory."""
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={each.id: plugin_of(each) for each in services}) as application:
        yield application


@pytest.fixture
def school(core: Application, application: object, services: list[type[MemoryProvider]]) -> School:
    """A day at three providers: one works something off, one was refused, one has nothing to do. Nobody works."""
    school = School(core)
    for each in services:
        school.enable(each)
    ids = school.students(40)
    school.sync(*ids)
    school.set_provider("birch", state="paused", reason="birch.example.org refused the token (401).")
    school.set_link(ids[0], "alder", blocked=True, error="The user name is taken.")
    for each in ids:
        school.set_link(each, "cedar", synced=1)
    school.set_provider("cedar", last_success_at=datetime.now(UTC) - timedelta(minutes=4))
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with core.db.write() as session:
        for name in NAMES:
            done = failed = 0
            for step in range(24 * 6 - 1, -1, -1):
                wave = max(0, 60 - abs(step - 80)) if name == "alder" else 0
                done += 2 * wave
                failed += 1 if name == "alder" and step % 20 == 0 else 0
                at = end - step * timedelta(minutes=10)
                sample = {"pending": 4 * wave, "blocked": 0, "held": 0, "done": done, "failed": failed}
                session.add(SyncSample(provider=name, at=at, hourly=at.minute == 0, **sample))
    return school


@pytest.fixture
def open_window(new_page: Callable[..., Page], address: str, signed_in: Callable) -> Callable[..., Page]:
    """A function that opens a window of the Global Owner."""
    cookie = signed_in(owner=True).client.get_cookie("rolecall")

    def open_one(**options: object) -> Page:
        page = new_page(**options)
        page.context.add_cookies([{"name": "rolecall", "value": cookie.value, "url": address}])
        return page

    return open_one


@pytest.mark.parametrize(("scheme", "width", "direction"), [("light", 1280, "ltr"), ("dark", 1280, "rtl"), ("light", 320, "ltr")])
def test_the_page_is_for_everybody(
    violations: Callable, open_window: Callable, school: School, scheme: str, width: int, direction: str
) -> None:
    page = open_window(color_scheme=scheme, viewport={"width": width, "height": 900})

    for path in ("/sync", "/sync?span=month"):
        page.goto(path)
        page.evaluate("direction => document.documentElement.dir = direction", direction)
        page.evaluate("document.querySelector('.watch details').open = true")
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        if folder := os.environ.get("ROLECALL_TEST_PICTURES"):
            page.evaluate("document.querySelector('.watch details').open = false")
            page.screenshot(path=f"{folder}/health-{scheme}-{width}-{'month' if 'month' in path else 'day'}.png", full_page=True)


def test_the_plots_are_read_aloud_and_their_figures_opened_by_keyboard(open_window: Callable, school: School) -> None:
    page = open_window()
    page.goto("/sync")

    assert [each.inner_text() for each in page.locator(".watch h2").all()] == ["Birch", "Alder", "Cedar"], "those that need somebody first"
    pictures = page.get_by_role("img", name="Pending, the last 24 hours")
    assert [each.get_attribute("aria-label") for each in pictures.all()] == ["Pending, the last 24 hours: now 0, at most 240."]
    assert page.get_by_text("Nothing waited, the last 24 hours.").count() == 2
    page.get_by_text("The figures of Alder").focus()
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Alder over time").wait_for()
    assert page.get_by_role("region", name="Alder over time").locator("tbody tr").count() == 24


def test_that_nobody_works_is_said_on_every_page_to_who_can_act(open_window: Callable, school: School) -> None:
    page = open_window()
    page.goto("/accounts")

    banner = page.get_by_role("region", name="Nobody works")
    assert "rolecall worker" in banner.inner_text()
    banner.get_by_role("link").click()

    page.get_by_role("heading", name="Sync").wait_for()
