"""The main job in a browser, on the real server: from a roster file to accounts that Moodle follows (R4, R6, R15, R20, R36, R54, R61)."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Page, expect, sync_playwright

from rolecall.testing.wire import Wire
from rolecall_moodle.fake import FakeMoodle, create_app

pytestmark = pytest.mark.browser

PASSWORD = "Sunny-Harbour-4411-lamp"
STUDENTS = 120
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Site:
    """A fake Moodle that learns its address when the wire is laid."""

    def __init__(self) -> None:
        self.moodle: FakeMoodle | None = None

    def __call__(self, environ, start_response):
        return self.moodle(environ, start_response)


@pytest.fixture
def moodle() -> Iterator[FakeMoodle]:
    """A fake Moodle on a port of its own."""
    site = Site()
    with Wire(site) as wire:
        site.moodle = create_app(wire.url)
        yield site.moodle


@pytest.fixture
def address(empty_database_url: str, tmp_path: Path) -> Iterator[str]:
    """A new institution, served by the real command with its embedded worker."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROLECALL_")} | {
        "ROLECALL_DATA": str(tmp_path), "ROLECALL_DATABASE_URL": empty_database_url, "ROLECALL_BASE_URL": url,
        "ROLECALL_SECRET_KEY": "s" * 40, "ROLECALL_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ROLECALL_OUTBOUND_ALLOW": "127.0.0.1:*",
    }  # fmt: skip
    command = [str(Path(sys.executable).with_name("rolecall"))]
    set_up = [*command, "init", "--institution", "Harbour School", "--owner", "ada", "--password-stdin"]
    subprocess.run(set_up, input=PASSWORD, text=True, env=environment, cwd=tmp_path, check=True, capture_output=True)
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([*command, "run", "--port", str(port)], env=environment, cwd=tmp_path, stdout=log, stderr=log)
        try:
            _wait_for(f"{url}/readyz", server)
            yield url
        finally:
            server.terminate()
            assert server.wait(35) == 0, (tmp_path / "log").read_text()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail("The server did not start.")


@pytest.fixture
def page(requires_service: Callable[[str], None], address: str) -> Iterator[Page]:
    """A browser window; what it complains of fails the test."""
    requires_service("chromium")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(QUIET))
        context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(15_000)
        window = context.new_page()
        window.on("pageerror", lambda error: complaints.append(str(error)))
        window.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        yield window
        browser.close()
    assert complaints == []


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    """A file of students, one row of which is wrong."""
    file = tmp_path / "students.csv"
    rows = [f"S{n},Maria{n},Papadaki,s{n}@home.example" for n in range(1, STUDENTS + 1)]
    file.write_text("\n".join(["code,first_name,last_name,email", *rows, "S999,,Nobody,", ""]), encoding="utf-8")
    return file


def _button(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=name).first.click()


def _run_ends(page: Page) -> None:
    expect(page.locator("main")).to_contain_text(re.compile(r"\bdone\b"), timeout=60_000)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=60_000)


def _act_on_all(page: Page, action: str) -> None:
    page.goto("/accounts?type=student")
    page.get_by_label(re.compile(rf"All {STUDENTS} matching")).check()
    page.locator("summary", has_text="Actions").click()
    page.get_by_role("button", name=re.compile(rf"^{action}")).first.click()
    page.wait_for_url("**/act/**")


def _is_held(page: Page) -> bool:
    page.goto("/sync/moodle/held")
    return f"{STUDENTS} suspensions (Students) are held" in page.locator("main").inner_text()


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    pytest.fail(f"It did not come about that {what}.")


def test_from_a_roster_to_moodle_and_back(page: Page, roster: Path, moodle: FakeMoodle):
    page.goto("/login")
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    _button(page, "Sign in")
    page.wait_for_url("**/accounts")

    # Moodle is connected: tried first, then saved, then enabled.
    page.goto("/integrations/moodle/settings")
    page.get_by_label("Address").fill(moodle.settings["base_url"])
    page.get_by_label("Token").fill(moodle.settings["token"])
    _button(page, "Test connection")
    expect(page.locator("main")).to_contain_text("core_user_create_users")
    _button(page, "Save")
    expect(page.locator("main")).to_contain_text("are saved")
    page.goto("/integrations/moodle")
    _button(page, "Enable")
    expect(page.locator("main")).to_contain_text("Enabled")

    # The roster: nothing is changed before the preview is confirmed.
    page.goto("/imports/new")
    page.get_by_label("File", exact=True).set_input_files(roster)
    page.get_by_label("List").select_option("students")
    _button(page, "Check the file")
    expect(page.locator("main")).to_contain_text("Row")
    expect(page.get_by_text("A new person needs a first name.")).to_be_visible()
    _button(page, re.compile(rf"Import {STUDENTS}"))
    _run_ends(page)

    # Accounts for everybody who may have one.
    page.goto("/people/open?all=1&list=students")
    _button(page, re.compile(r"Open .*accounts"))
    _run_ends(page)

    # A role for the period, for all that match.
    _act_on_all(page, "Assign a role")
    page.get_by_label("What to do").select_option("replace")
    assert page.locator("select[name=period] option:checked").inner_text().endswith("(current)")
    page.locator("select[name=role]").select_option(label="Default student (Students)")
    _button(page, re.compile("Assign a role"))
    _run_ends(page)
    _until(lambda: len(moodle.users) >= STUDENTS, "Moodle shows all students")

    # Deactivated here; suspended there once the office has looked who it is.
    _act_on_all(page, "Deactivate")
    _button(page, re.compile(f"Deactivate: {STUDENTS}"))
    _run_ends(page)
    expect(page.locator("main")).to_contain_text(str(STUDENTS))
    _until(lambda: _is_held(page), "all suspensions are held")
    assert not any(user["suspended"] for user in _ours(moodle))
    page.get_by_label("With all that is held").select_option("approve")
    page.get_by_label("I agree").check()
    _button(page, "Do it")
    _until(lambda: sum(user["suspended"] for user in _ours(moodle)) == STUDENTS, "all are suspended at Moodle")
    page.goto("/accounts?type=student&active=no")
    expect(page.locator("main")).to_contain_text(f"{STUDENTS} accounts")


def _ours(moodle: FakeMoodle) -> list[dict[str, object]]:
    return [user for user in moodle.users.values() if user["idnumber"]]
