"""The page about what the safety limits hold, in Chromium: what axe finds in light, dark and on a phone; decided without scripts (R62)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Page

from rolecall.config import load
from rolecall.testing.providers import memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work.application import Application

pytestmark = pytest.mark.browser


@pytest.fixture
def service():
    return memory_provider("service")


@pytest.fixture
def core(database_url: str, tmp_path: Path, service) -> Iterator[Application]:
    """A process with a provider that lives in memory."""
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"service": plugin_of(service)}) as application:
        yield application


@pytest.fixture
def school(core: Application, application: object, service) -> School:
    """Deletions above the limit, and an administrator whom a rule closed."""
    school = School(core)
    school.enable("service", user_types=["student"], on_deactivation="delete", delete_after=0)
    ids = [*school.students(20), school.student("Ελένη", username="a-user-name-that-somebody-made-very-long-years-ago")]
    school.sync(*ids)
    ada = school.account("Ada", type="administrator", linked_to="service")
    school.act("account.deactivate", *ids[-3:])
    school.change(ada, active=False)
    school.work()
    return school


@pytest.fixture
def open_window(new_page: Callable[..., Page], address: str, signed_in: Callable) -> Callable[..., Page]:
    """A function that opens a window of the Global Owner."""
    cookie = signed_in(owner=True).client.get_cookie("rolecall")

    def open_one(**options) -> Page:
        page = new_page(**options)
        page.context.add_cookies([{"name": "rolecall", "value": cookie.value, "url": address}])
        return page

    return open_one


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_the_page_is_for_everybody(violations: Callable, open_window: Callable, school: School, scheme: str, width: int) -> None:
    page = open_window(color_scheme=scheme, viewport={"width": width, "height": 900})

    for path in ("/sync", "/sync/service", "/sync/service/held"):
        page.goto(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


def test_it_is_decided_without_scripts(open_window: Callable, school: School, service) -> None:
    page = open_window(java_script_enabled=False)
    page.goto("/sync/service")

    page.click("text=See who, and decide")
    page.select_option("select[name=choice]", "suspend")
    page.check("input[name=agreed]")
    page.click("button:has-text('Do it')")

    # The administrator is closed by name only.
    page.wait_for_selector("text=3 accounts are closed at Service now.")
    school.work()
    assert (len(service.service.calls("suspend")), service.service.calls("delete")) == (3, [])
