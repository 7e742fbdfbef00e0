"""Pages of a comparison in Chromium: what axe finds in light, dark and on a phone; begun, looked at and decided without scripts (R64)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Page

from rolecall.config import load
from rolecall.store.tables import Comparison
from rolecall.testing.providers import memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work import jobs
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
    """Every kind of line, in two scripts."""
    school = School(core)
    school.enable("service", user_types=["student"])
    names = ("Ελένη", "ليلى", "Boris")
    _, changed, _ = (school.student(name, username=f"s{number}") for number, name in enumerate(names))
    school.student("Vera")
    service.service.add(
        "s0", name="Ελένη Παπαδάκη, with a very long name that somebody typed there by hand years ago", email="eleni@school.example"
    )
    service.service.add("s2", key="of-another-system", suspended=True)
    service.service.add("stranger")
    school.sync(changed)
    school.work()
    external_id = school.link(changed, "service").external_id
    held = service.service.accounts[external_id]
    service.service.accounts[external_id] = replace(
        held, attributes={**held.attributes, "name": "ليلى الجديدة", "groups": frozenset({"a", "b"})}
    )
    school.compare("service")
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
def test_every_page_is_for_everybody(
    violations: Callable, open_window: Callable, school: School, core: Application, scheme: str, width: int
) -> None:
    with core.db.write() as session:
        session.get_one(Comparison, "service").warning = "The provider listed 4 accounts, and 9 of the 12 linked ones were not among them."
    page = open_window(color_scheme=scheme, viewport={"width": width, "height": 900})
    lines = {f"line-{word}": f"verdict={word}" for word in ("conflict", "adoptable", "drifted", "here", "there")}
    paths = {"all": "", "nothing": "?q=nobody-at-all", **{word: f"?{query}" for word, query in lines.items()}}

    for name, query in paths.items():
        page.goto(f"/sync/service/comparison{query}")
        if name in lines:
            page.click("tbody a >> nth=0")
            page.wait_for_url("**/comparison/*")
        assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name


def test_a_comparison_is_begun_and_decided_without_scripts(open_window: Callable, school: School, core: Application) -> None:
    page = open_window(java_script_enabled=False)
    page.goto("/sync/service/comparison")

    page.click("button:has-text('Compare again')")
    page.wait_for_selector("text=It waits for a worker.")
    jobs.run_once(core)
    page.click("text=Look again")
    page.wait_for_selector("text=Compare again")
    page.click("button:has-text('Adopt all 1')")
    page.wait_for_selector("text=One account is linked.")
    page.click("a:has-text('Only there')")
    page.click("tbody a >> nth=0")
    page.click("button:has-text('Ignore')")

    page.wait_for_selector("text=It is ignored as long as it stays as it is.")
