"""The token of a link that works once leaves the address as soon as it is opened (T-10)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from rolecall.accounts import emails, invitations, sign_in, tokens
from rolecall.store.tables import Account, Person
from rolecall.testing.factories import make_account
from rolecall.work.application import Application

GOOD = "quiet-Tuesday-marmalade"


@pytest.fixture
def token(application, core: Application) -> Callable[[str, str], str]:
    """A function that makes a token for a page and a new person."""

    def make(page: str, name: str) -> str:
        now, address = datetime.now(UTC), f"{name.lower()}@home.example"
        with core.db.write() as session:
            account: Account = make_account(session, name, username=f"{name.lower()}.k", email=address)
            session.get_one(Person, account.person_id).email = address
            session.flush()
            if page == "/verify":
                return emails.verification_link_token(session, account.id, address=address, now=now)
            if page == "/one-time":
                return tokens.create_link(session, sign_in.LINK, account.id, lasts=timedelta(hours=1), now=now)
            return invitations.link_token(session, account.id, address=address, now=now, keep_older=False)

    return make


def form_of(page: str) -> dict[str, str]:
    return {"password": GOOD, "confirm": GOOD, **dict(re.findall(r'name="(csrf_token|token)" value="([^"]+)"', page))}


@pytest.mark.parametrize("page", ["/set-password", "/verify", "/one-time"])
def test_the_page_has_an_address_without_the_token_which_only_its_form_carries(client: FlaskClient, token: Callable, page: str) -> None:
    made = token(page, "Anna")

    opened = client.get(f"{page}/{made}")
    shown = client.get(opened.location)

    assert (opened.status_code, opened.location) == (303, page)
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert shown.status_code == 200
    assert re.findall(rf'(\w+)="[^"]*{made}', shown.text) == ["value"]
    assert form_of(shown.text)["token"] == made
    assert re.findall(r'(?:src|href|action)="(?!/)', shown.text) == [], "nothing comes from elsewhere"


def test_of_two_links_opened_side_by_side_each_sets_its_own_password(client: FlaskClient, core: Application, token: Callable) -> None:
    annas, bens = (client.get(f"/set-password/{token('/set-password', name)}", follow_redirects=True).text for name in ("Anna", "Ben"))

    first = client.post("/set-password", data=form_of(annas))
    with core.db.read() as session:
        has_one = {each.username for each in session.query(Account) if each.password_hash is not None}
    again = client.get("/set-password").text

    assert first.status_code == 200
    assert has_one & {"anna.k", "ben.k"} == {"anna.k"}
    assert "ben.k" in bens
    assert "ben.k" in again, "the other one still waits"


@pytest.mark.parametrize("page", ["/set-password", "/verify", "/one-time"])
def test_a_token_that_was_used_up_is_forgotten(client: FlaskClient, token: Callable, page: str) -> None:
    shown = client.get(f"{page}/{token(page, 'Anna')}", follow_redirects=True).text

    client.post(page, data=form_of(shown))

    with client.session_transaction() as cookie:
        assert not [each for each in cookie if each.startswith("link:")]


@pytest.mark.parametrize("page", ["/set-password", "/verify", "/one-time"])
def test_without_a_link_there_is_nothing_to_do(client: FlaskClient, page: str) -> None:
    assert "no longer works" in client.get(page).text


def test_what_is_too_long_for_a_token_does_not_fill_the_cookie(client: FlaskClient) -> None:
    opened = client.get(f"/verify/{'a' * 3000}")

    assert max(len(each) for each in opened.headers.getlist("Set-Cookie")) < 1000
    assert "no longer works" in client.get("/verify").text
