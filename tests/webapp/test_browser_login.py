"""Chromium signs in by a real OpenID provider, oidc-provider for Node.js: our forms, its pages, and the way between them (R66)."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from sqlalchemy import select, update
from werkzeug.serving import make_server

from rolecall.config import load
from rolecall.store.tables import LinkedIdentity, WebSession
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.testing.school import School
from rolecall.work.application import Application

VERSION = "9.13.3"
SECRET = "s3cret of the client"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rolecall-tests" / f"oidc-provider-{VERSION}"

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("oidc-provider")]


@pytest.fixture(scope="module")
def library(requires_service: Callable[[str], None]) -> Path:
    """The folder in which the provider is installed, once for this user."""
    requires_service("npm")
    if not (CACHE / "node_modules" / "oidc-provider").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        what = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(CACHE), f"oidc-provider@{VERSION}"]
        subprocess.run(what, check=True, capture_output=True, timeout=240)
    return CACHE


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two ports that nobody uses: ours, which the provider must know, and its own, which we must know."""
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    found = tuple(each.getsockname()[1] for each in listening)
    for each in listening:
        each.close()
    return found[0], found[1]


@pytest.fixture
def issuer(library: Path, ports: tuple[int, int]) -> Iterator[str]:
    """Where the provider answers."""
    ours, its = ports
    command = ["node", str(Path(__file__).parent / "peer.mjs"), str(its), SECRET, f"http://127.0.0.1:{ours}/login/oidc/callback"]
    with subprocess.Popen(command, cwd=library, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as peer:
        assert peer.stdout is not None
        assert "ready" in peer.stdout.readline()
        yield f"http://127.0.0.1:{its}"
        peer.kill()


@pytest.fixture
def core(database_url: str, tmp_path: Path, ports: tuple[int, int]) -> Iterator[Application]:
    """The parts of a process that knows its own address and may call the provider."""
    keys = {"secret_key": "s" * 40, "encryption_keys": Fernet.generate_key().decode()}
    own, allowed = f"http://127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
    config = load({}, data=str(tmp_path), database_url=database_url, strict="1", base_url=own, outbound_allow=allowed, **keys)
    with Application(config) as application:
        yield application


@pytest.fixture
def address(application: Flask, ports: tuple[int, int]) -> Iterator[str]:
    """Where we answer."""
    server: Any = make_server("127.0.0.1", ports[0], application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{ports[0]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def anna(core: Application, application: Flask, school: School, issuer: str) -> int:
    """A student whose address the provider knows, and the provider set up."""
    settings = {"issuer": issuer, "client_id": "rolecall", "client_secret": SECRET, "button": "School ID"}
    school.configure("oidc", {**settings, "authoritative_domains": ["school.example"]})
    with core.db.write() as session:
        account = make_account(session, "Anna", email="anna@school.example", email_verified=True)
        give_role(session, account, make_role(session), make_period(session))
        return account.id


def pass_through(page: Page, who: str = "anna") -> None:
    """Sign in on the provider's own page."""
    page.locator("input[name=login]").fill(who)
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()


def test_somebody_signs_in_with_a_real_service_and_proves_again_who_they_are(
    chromium: Chromium, address: str, anna: int, core: Application, issuer: str
) -> None:
    context = chromium.new_context(base_url=address)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto("/login?next=/me/sign-ins")

    page.get_by_role("button", name="School ID").click()
    pass_through(page)
    page.locator("button[type=submit]").click()  # consent

    expect(page.get_by_role("cell", name="through OpenID Connect")).to_be_visible()
    with core.db.read() as session:
        (row,) = session.scalars(select(LinkedIdentity))
        assert (row.account_id, row.issuer, row.subject, row.how) == (anna, issuer, "anna", "email")

    with core.db.write() as session:
        session.execute(update(WebSession).values(authenticated_at=datetime.now(UTC) - timedelta(minutes=16)))
    page.goto("/again?next=/me/sessions")
    page.get_by_role("button", name="Sign in with School ID").click()
    pass_through(page)

    expect(page).to_have_url(f"{address}/me/sessions")
    with core.db.read() as session:
        (signed_in,) = session.scalars(select(WebSession))
        assert datetime.now(UTC) - signed_in.authenticated_at < timedelta(minutes=1)
    context.close()
