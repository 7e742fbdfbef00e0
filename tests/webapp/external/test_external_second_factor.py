"""Whose second factor counts of somebody whom a service signs in, and that a fresh proof there is not all (R53, A-22, S-08)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from rolecall.accounts import identities, second_factor
from rolecall.accounts.actors import operator
from rolecall.store.engine import now
from rolecall.store.tables import Account, OneTimeToken, SignIn, WebSession
from rolecall.testing.factories import give_role, make_account, make_period, make_role, set_plain
from rolecall.testing.issuer import Issuer
from rolecall.testing.school import School
from rolecall.testing.wire import Wire
from rolecall.work.application import Application


@pytest.fixture
def configure(application: Flask, school: School, wire: Wire, issuer: Issuer) -> Callable[..., None]:
    """A function that says whose second factor counts."""
    known = {"issuer": wire.url, "client_id": "rolecall", "client_secret": issuer.clients["rolecall"]}
    return lambda there="here", **more: school.configure("oidc", {**known, "second_factor_there": there, **more})


@pytest.fixture
def anna(application: Flask, core: Application, wire: Wire) -> int:
    """An administrator whom the service signs in, of whom a second factor is required."""
    with core.db.write() as session:
        set_plain(session, "core", second_factor_administrator="required")
        account = make_account(session, "Anna", type="administrator")
        give_role(session, account, make_role(session, "Office", user_type="administrator"), make_period(session))
        number = account.id
    with core.db.write() as session:
        identities.link(
            session, session.get_one(Account, number), method="oidc", issuer=wire.url, subject="sub-anna", how=identities.OFFICE,
            actor=operator("office"), now=now(session),
        )  # fmt: skip
    return number


@pytest.fixture
def app(core: Application, anna: int) -> pyotp.TOTP:
    """The app of whom the service signs in."""
    earlier = datetime.now(UTC) - timedelta(hours=1)
    with core.db.write() as session:
        second_factor.begin(session, core.keyring, anna)
        made = pyotp.TOTP(second_factor.next_key(session, core.keyring, anna) or "")
        assert second_factor.turn_on(session, core.keyring, anna, made.at(earlier), now=earlier) is not None
    return made


@pytest.fixture
def go(client: FlaskClient, token_of: Callable, issuer: Issuer) -> Callable[..., Any]:
    """A function that presses a button, goes through the service and returns the answer to who came back."""

    def go(path: str = "/login/oidc") -> Any:
        answer = client.post(path, data={"csrf_token": token_of(client)})
        return client.get(f"/login/oidc/callback?{urlencode(issuer.walk(answer.headers['Refresh'].removeprefix('0;url=')))}")

    return go


def vouched(core: Application) -> list[bool]:
    with core.db.read() as session:
        return [each.second_factor for each in session.scalars(select(WebSession))]


#: The setting, what the service says of it, and whether its second factor counts then.
CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("here", {"amr": ["pwd", "mfa"]}, False),
    ("told", {"amr": ["pwd"]}, False),
    ("told", {}, False),
    ("told", {"amr": ["pwd", "mfa"]}, True),
    ("told", {"acr": "https://refeds.org/profile/mfa"}, True),
    ("always", {}, True),
]


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(("there", "claims", "counts"), CASES)
def test_who_has_none_here_sets_one_up_unless_that_of_the_service_counts(
    configure: Callable, go: Callable, client: FlaskClient, issuer: Issuer, core: Application, there: str, claims: dict, counts: bool
) -> None:
    configure(there)
    issuer.claims = claims

    go()

    reached = client.get("/me")
    assert (reached.status_code == 200) == counts
    assert counts or reached.location == "/me/second-factor"
    assert vouched(core) == [counts]


@pytest.mark.parametrize(("there", "claims", "counts"), CASES)
def test_who_has_one_here_gives_its_code_unless_that_of_the_service_counts(
    configure: Callable, go: Callable, client: FlaskClient, token_of: Callable, issuer: Issuer, core: Application, app: pyotp.TOTP,
    there: str, claims: dict, counts: bool,
) -> None:  # fmt: skip
    configure(there)
    issuer.claims = claims

    answer = go()

    if not counts:
        assert answer.location.startswith("/login/code")
        answer = client.post(answer.location, data={"csrf_token": token_of(client), "code": app.now()})
    assert answer.status_code == 303
    assert client.get("/me").status_code == 200
    assert vouched(core) == [True]


@pytest.mark.usefixtures("anna")
def test_it_is_asked_for_where_what_is_said_of_it_counts(configure: Callable, client: FlaskClient, token_of: Callable) -> None:
    for there, asked in (("here", None), ("told", ["gold silver"]), ("always", None)):
        configure(there, second_factor_acr=["gold", "silver"])
        away = client.post("/login/oidc", data={"csrf_token": token_of(client)}).headers["Refresh"]

        assert parse_qs(urlsplit(away).query).get("acr_values") == asked


def age(core: Application) -> None:
    with core.db.write() as session:
        session.execute(update(WebSession).values(authenticated_at=datetime.now(UTC) - timedelta(minutes=16)))


def is_fresh(core: Application) -> bool:
    with core.db.read() as session:
        (row,) = session.scalars(select(WebSession))
        return datetime.now(UTC) - row.authenticated_at < timedelta(minutes=1)


def test_a_fresh_proof_there_is_followed_by_the_code_here_even_where_the_service_has_its_own(
    configure: Callable, go: Callable, client: FlaskClient, token_of: Callable, issuer: Issuer, core: Application, app: pyotp.TOTP
) -> None:
    configure("told")
    issuer.claims = {"amr": ["mfa"]}
    go()
    age(core)

    asked = go("/again/oidc?next=/accounts")

    assert asked.location == "/again-code?next=/accounts"
    assert not is_fresh(core)
    page = client.get(asked.location)
    assert 'autocomplete="one-time-code"' in page.text
    token = token_of(client)
    empty = client.post(asked.location, data={"csrf_token": token, "code": " "})
    wrong = client.post(asked.location, data={"csrf_token": token, "code": "000000"})
    assert (empty.status_code, wrong.status_code, is_fresh(core)) == (422, 401, False)
    right = client.post(asked.location, data={"csrf_token": token, "code": app.now()})
    assert (right.status_code, right.location, is_fresh(core)) == (303, "/accounts", True)
    with core.db.read() as session:
        assert "wrong-code" in session.scalars(select(SignIn.result)).all()


def test_the_code_without_the_proof_or_too_late_or_twice_is_nothing(
    configure: Callable, go: Callable, client: FlaskClient, token_of: Callable, core: Application, app: pyotp.TOTP
) -> None:
    configure("always")
    go()
    age(core)
    token = token_of(client)

    without = client.post("/again-code?next=/accounts", data={"csrf_token": token, "code": app.now()})
    go("/again/oidc?next=/accounts")
    with core.db.write() as session:
        session.execute(update(OneTimeToken).values(expires_at=datetime.now(UTC)))
    late = client.post("/again-code?next=/accounts", data={"csrf_token": token, "code": app.now()})

    assert without.location.startswith("/again?next=")
    assert late.location.startswith("/again?next=")
    assert not is_fresh(core)
    assert client.get("/again-code").location.startswith("/again?next=")


def test_guesses_at_that_code_are_counted(
    configure: Callable, go: Callable, client: FlaskClient, token_of: Callable, core: Application, app: pyotp.TOTP
) -> None:
    configure("always")
    go()
    age(core)
    go("/again/oidc")
    token = token_of(client)

    statuses = [client.post("/again-code", data={"csrf_token": token, "code": "000000"}).status_code for _ in range(11)]

    assert statuses == [401] * 10 + [429]


@pytest.mark.usefixtures("anna")
def test_who_has_no_code_here_is_taken_further_by_the_fresh_proof(configure: Callable, go: Callable, core: Application) -> None:
    configure("always")
    go()
    age(core)

    assert go("/again/oidc?next=/accounts").location == "/accounts"
    assert is_fresh(core)
