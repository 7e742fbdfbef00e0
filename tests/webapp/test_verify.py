"""Changing an e-mail in the pages, the link that verifies it, and what the account's page tells meanwhile (R22, T-05, T-09)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from rolecall.accounts import emails
from rolecall.store.tables import Account
from rolecall.testing.school import School
from rolecall.work.application import Application

NEW = "anna.new@school.example"
CHANGE = ("accounts:view", "act:account.email")


@pytest.fixture
def link(core: Application) -> Callable[[int], str]:
    """A function that makes the address of the link that verifies an account's e-mail."""

    def make(account_id: int) -> str:
        with core.db.write() as session:
            address = session.get_one(Account, account_id).email
            return f"/verify/{emails.verification_link_token(session, account_id, address=address, now=datetime.now(UTC))}"

    return make


@pytest.fixture
def anna(school: School) -> int:
    """An account whose e-mail was changed, in the mode in which nobody signs in until it is verified."""
    anna = school.student("Anna", last_name="Berg", email_verified=True)
    school.act("account.email", anna, email=NEW)
    return anna


def account_of(core: Application, account_id: int) -> Account:
    with core.db.read() as session:
        return session.get_one(Account, account_id)


def test_opening_the_link_changes_nothing_and_the_button_verifies_once(
    core: Application, client: FlaskClient, anna: int, link: Callable, token_of: Callable
) -> None:
    path = link(anna)

    opened = [client.open(path, method=method, follow_redirects=True).status_code for method in ("GET", "HEAD", "GET", "HEAD", "GET")]
    shown = client.get(path, follow_redirects=True).text
    before = account_of(core, anna).email_verified
    first, second = (client.post(path, data={"csrf_token": token_of(client)}) for _ in range(2))

    assert opened == [200] * 5
    assert "This is my address" in shown
    assert not before
    assert (first.status_code, second.status_code) == (200, 410)
    assert "is verified" in first.text
    assert "no longer works" in second.text
    assert account_of(core, anna).email_verified_by == "user"
    assert "no longer works" in client.get(path, follow_redirects=True).text


def test_the_button_needs_the_token_of_its_page_and_signs_nobody_in(
    core: Application, client: FlaskClient, anna: int, link: Callable, token_of: Callable
) -> None:
    path = link(anna)

    forged = client.post(path)
    client.post(path, data={"csrf_token": token_of(client)})

    assert forged.status_code == 400
    assert client.get("/accounts").status_code == 303, "nobody is signed in"
    assert account_of(core, anna).last_login_at is None


@pytest.mark.parametrize("token", ["x", "é", "a" * 500, "%00"])
def test_a_link_that_was_never_made_says_so(client: FlaskClient, token: str, token_of: Callable) -> None:
    shown = client.get(f"/verify/{token}", follow_redirects=True)
    used = client.post(f"/verify/{token}", data={"csrf_token": token_of(client)})

    assert "no longer works" in shown.text
    assert used.status_code == 410


def test_the_accounts_page_says_that_nobody_signs_in_and_what_waits(signed_in: Callable, anna: int) -> None:
    page = signed_in("accounts:view").get(f"/accounts/{anna}").text

    assert "nobody signs in until it is verified" in page
    assert "Link to verify the new e-mail" in page
    assert "Notice that the e-mail was changed" in page
    assert "No e-mail channel is set up, so messages wait." in page


def test_the_accounts_page_says_which_address_signs_in_meanwhile(signed_in: Callable, school: School) -> None:
    school.save("core", email_change="keep")
    anna = school.student("Anna", email_verified=True, email="old@school.example")
    school.act("account.email", anna, email=NEW)

    page = signed_in("accounts:view").get(f"/accounts/{anna}").text

    assert "until it is verified, old@school.example signs in" in page


def test_nothing_is_said_of_messages_where_none_waits(signed_in: Callable, school: School) -> None:
    page = signed_in("accounts:view").get(f"/accounts/{school.student('Ben')}").text

    assert "Messages" not in page


@pytest.mark.parametrize(
    ("mode", "said"), [("block", "nobody can sign in to this account by any means"), ("keep", "The user name goes on")]
)
def test_the_dialog_warns_of_the_mode_in_force_and_asks_for_consent(
    core: Application, signed_in: Callable, school: School, mode: str, said: str
) -> None:
    school.save("core", email_change=mode)
    anna = school.student("Anna")
    admin = signed_in(*CHANGE)
    path = f"/act/account.email?ids={anna}"

    shown = admin.get(path).text
    without = admin.post(path, {"email": NEW, "expected": "1"})
    wrong = admin.post(path, {"email": "nobody", "expected": "1", "agreed": "yes"})
    done = admin.post(path, {"email": NEW, "expected": "1", "agreed": "yes"})

    assert said in shown
    assert "I agree" in shown
    assert (without.status_code, wrong.status_code, done.status_code) == (409, 422, 303)
    assert "is not an e-mail address" in wrong.text
    assert account_of(core, anna).email == NEW


def test_signing_in_says_that_the_address_has_to_be_verified(
    core: Application, client: FlaskClient, signed_in: Callable, school: School, password: str, token_of: Callable
) -> None:
    admin = signed_in("accounts:view")
    school.act("account.email", admin.account_id, email=NEW)

    out = admin.get("/accounts")
    wrong, right = (
        client.post("/login", data={"csrf_token": token_of(client), "username": admin.username, "password": each})
        for each in ("not it", password)
    )

    assert out.status_code == 401, "the session has ended"
    assert (wrong.status_code, right.status_code) == (401, 401)
    assert "is not verified yet" not in wrong.text
    assert "is not verified yet" in right.text


def test_ownership_is_offered_to_the_owner_alone(signed_in: Callable, school: School) -> None:
    path = f"/accounts/{school.account('Ida', type='administrator')}"
    clerk, owner = signed_in("accounts:view", "act:account.global_owner"), signed_in(owner=True)

    assert "Only the present Global Owner" in clerk.get(path).text
    assert "Only the present Global Owner" not in owner.get(path).text
    assert "Convert to Global Owner …" in owner.get(path).text
