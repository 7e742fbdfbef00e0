"""Messages, their texts, and the dialogs that send them, in Chromium: what axe finds in light, dark and on a phone, and what scripts do."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page

from rolecall.accounts.messages import STATES
from rolecall.store.tables import Delivery
from rolecall.testing.factories import set_plain
from rolecall.testing.school import School
from rolecall.work.application import Application

pytestmark = pytest.mark.browser

LONG = "a-mailbox-with-a-very-long-name-that-somebody-made@a-very-long-domain-of-a-school.example"
WHY = "550 5.1.1 The mailbox does not exist: " + "https://mail.example/help/" + "x" * 60


@pytest.fixture
def anna(core: Application, application: object) -> int:
    """Anna, with a message in every state, and a school with addresses to send from."""
    school = School(core)
    anna = school.student("Ελένη-Μαρία", last_name="Παπαδοπούλου")
    school.change(anna, person={"email": LONG})
    moment = datetime.now(UTC)
    with core.db.write() as session:
        set_plain(session, "core", sender_addresses=["office@school.example", LONG])
        for number, state in enumerate(STATES):
            session.add(
                Delivery(
                    kind=f"plugin.kind{number}", channel="email", account_id=anna, address=LONG, dedupe_key=state, state=state,
                    error=WHY if state in ("bounced", "unknown") else None, created_at=moment, attempts=2, message_id=f"<{'f' * 32}@x>",
                )
            )  # fmt: skip
    return anna


@pytest.fixture
def open_window(new_page: Callable[..., Page], address: str, signed_in: Callable, anna: int) -> Callable[..., Page]:
    """A function that opens a window of the Global Owner."""
    cookie = signed_in(owner=True).client.get_cookie("rolecall")

    def open_one(**options) -> Page:
        page = new_page(**options)
        page.context.add_cookies([{"name": "rolecall", "value": cookie.value, "url": address}])
        return page

    return open_one


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_the_pages_are_for_everybody(violations: Callable, open_window: Callable, anna: int, scheme: str, width: int) -> None:
    page = open_window(color_scheme=scheme, viewport={"width": width, "height": 900})
    paths = (
        "/messages", "/messages?state=unknown", "/messages/4", "/messages/6", "/templates", "/templates/invitation.account/en",
        f"/act/account.sender_email?ids={anna}", f"/act/invitation.send?ids={anna}",
    )  # fmt: skip

    for path in paths:
        assert page.goto(path).status == 200, path
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


def test_a_message_is_decided_about_without_scripts(open_window: Callable) -> None:
    page = open_window(java_script_enabled=False)
    page.goto("/messages?state=unknown")

    page.click("table a >> nth=0")
    page.click("button:has-text('It was sent')")

    page.wait_for_selector("text=It counts as sent.")


def test_the_preview_follows_while_a_text_is_written(open_window: Callable) -> None:
    page = open_window()
    page.goto("/templates/invitation.account/en")

    page.fill("input[name=who]", "Παπαδοπούλου")
    page.fill("input[name=subject]", "Welcome, {first_name}")
    page.wait_for_selector("#tried >> text=Welcome, Ελένη-Μαρία")
    page.fill("textarea[name=body]", "There is no {such} thing.")

    page.wait_for_selector("#tried >> text=There is nothing to show until this is mended.")
