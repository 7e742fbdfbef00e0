"""Every page before and around signing in, in Chromium: on a small phone, in the dark, with the keyboard alone, and what axe finds."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from cryptography.fernet import Fernet
from flask import Flask
from playwright.sync_api import Page

from rolecall.accounts import emails, forgotten, identities, invitations, second_factor, sign_in, tokens
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.store.engine import now
from rolecall.store.tables import Account
from rolecall.testing.issuer import Issuer
from rolecall.testing.school import School
from rolecall.testing.wire import Wire
from rolecall.work.application import Application

pytestmark = pytest.mark.browser

GONE = "nobody-has-this-token"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A service that people sign in with."""
    app = Issuer()
    with Wire(app) as wire:
        app.url = wire.url
        yield app


@pytest.fixture
def core(database_url: str, tmp_path: Path, issuer: Issuer) -> Iterator[Application]:
    """The parts of a process that may call the service and sends e-mail."""
    keys = {"secret_key": "s" * 40, "encryption_keys": Fernet.generate_key().decode()}
    config = load(
        {},
        data=str(tmp_path),
        database_url=database_url,
        strict="1",
        outbound_allow=issuer.url.partition("//")[2],
        mail_url="smtp://127.0.0.1:1",
        **keys,
    )
    with Application(config) as application:
        yield application


class Door:
    """Somebody with an app and an identity at the service, and every link that may be sent to them."""

    def __init__(self, core: Application, account_id: int, username: str) -> None:
        self.core, self.id, self.username = core, account_id, username
        moment = datetime.now(UTC)
        address = f"{username}@example.org"
        with core.db.write() as session:
            session.get_one(Account, account_id).email_verified = True
            self.links = {
                "/one-time/": tokens.create_link(session, sign_in.LINK, account_id, lasts=timedelta(hours=1), now=moment),
                "/verify/": emails.verification_link_token(session, account_id, address=address, now=moment),
                "/set-password/": forgotten.link_token(session, account_id, address=address, now=moment, keep_older=False),
            }
            self.invitation = invitations.link_token(session, account_id, address=address, now=moment, keep_older=False)
            session.flush()

    def link_identity(self, issuer: str) -> None:
        with self.core.db.write() as session:
            account = session.get_one(Account, self.id)
            identities.link(
                session, account, method="oidc", issuer=issuer, subject="sub-ada", how=identities.SELF, actor=operator("office"),
                now=now(session),
            )  # fmt: skip

    def take_app(self) -> pyotp.TOTP:
        """Set up an app an hour ago, so that the code of now was never taken."""
        earlier = datetime.now(UTC) - timedelta(hours=1)
        with self.core.db.write() as session:
            second_factor.begin(session, self.core.keyring, self.id)
            app = pyotp.TOTP(str(second_factor.next_key(session, self.core.keyring, self.id)))
            assert second_factor.turn_on(session, self.core.keyring, self.id, app.at(earlier), now=earlier)
        return app


@pytest.fixture
def door(application: Flask, core: Application, school: School, issuer: Issuer, signed_in: Callable) -> Door:
    school.configure(
        "oidc", {"issuer": issuer.url, "client_id": "rolecall", "client_secret": issuer.clients["rolecall"], "button": "School ID"}
    )
    school.enable("email")
    ada = signed_in(owner=True)
    return Door(core, ada.account_id, ada.username)


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
def test_axe_finds_nothing_at_the_door_and_nothing_runs_off_the_screen(
    violations: Callable, new_page: Callable[..., Page], door: Door, issuer: Issuer, password: str, scheme: str, width: int
) -> None:
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 700})

    def look(what: str) -> None:
        assert violations(page) == [], what
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, what

    for path in ("/login", "/forgot", *(start + token for start, token in door.links.items()), f"/set-password/{GONE}"):
        page.goto(path)
        look(path)
    page.goto("/forgot")
    page.fill("#identifier", "anybody")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Look into your mailbox").wait_for()
    look("asked for a link")

    page.goto(f"/set-password/{door.invitation}")
    page.locator("#password:focus").wait_for()
    assert door.invitation not in page.url
    page.keyboard.type(password)
    for _ in range(2):  # past the box that shows it
        page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Your password is set").wait_for()
    look("chose a password with the keyboard alone")

    app = door.take_app()
    door.link_identity(issuer.url)
    page.goto("/login")
    page.fill("#username", door.username)
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.locator("#code:focus").wait_for()
    look("/login/code")
    page.keyboard.type(app.now())
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts")
    for path in ("/me", "/me/identities", "/me/second-factor", "/me/email", "/password", "/again"):
        page.goto(path)
        look(path)
