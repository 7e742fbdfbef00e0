"""The page behind the link of an invitation (R40, T-09, T-11)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from rolecall.accounts import invitations, passwords
from rolecall.store.tables import Account, Person
from rolecall.testing.factories import make_account
from rolecall.work.application import Application

GOOD = "quiet-Tuesday-marmalade"


@pytest.fixture
def link(application, core: Application) -> str:
    """Where Anna's invitation leads."""
    with core.db.write() as session:
        anna = make_account(session, "Anna", username="anna.k", email="anna@home.example")
        session.get_one(Person, anna.person_id).email = "anna@home.example"
        session.flush()
        token = invitations.link_token(session, anna.id, address="anna@home.example", now=datetime.now(UTC), keep_older=False)
    return f"/set-password/{token}"


def csrf(page: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def test_opening_the_link_changes_nothing_and_the_form_sets_the_password_once(client: FlaskClient, core: Application, link: str) -> None:
    for _ in range(5):
        shown = client.get(link, follow_redirects=True)
        client.head(link)
    assert "anna.k" in shown.text
    assert "At least 8 characters." in shown.text
    assert shown.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
    form = {"csrf_token": csrf(shown.text), "password": GOOD, "confirm": GOOD}

    refused = client.post(link, data={**form, "confirm": "other"})
    weak = client.post(link, data={**form, "password": "password1", "confirm": "password1"})
    done = client.post(link, data=form)
    late = client.post(link, data=form)

    assert (refused.status_code, weak.status_code, done.status_code, late.status_code) == (422, 422, 200, 410)
    assert "The two passwords differ." in refused.text
    assert "Your password is set" in done.text
    assert client.get("/accounts").status_code in (302, 303), "nobody is signed in by it"
    with core.db.read() as session:
        anna = session.query(Account).filter_by(username="anna.k").one()
        assert passwords.verify(anna.password_hash, GOOD)


@pytest.mark.parametrize("token", ["x", "é", "a" * 500])
def test_a_link_that_was_never_made_says_so(client: FlaskClient, token: str, token_of: Callable) -> None:
    shown = client.get(f"/set-password/{token}", follow_redirects=True)
    used = client.post(f"/set-password/{token}", data={"csrf_token": token_of(client), "password": GOOD, "confirm": GOOD})

    assert "no longer works" in shown.text
    assert used.status_code == 410
