"""Signing in by another service, from the button to the session (R32, R66, S-01, S-08, F-02 to F-14)."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from rolecall.accounts import identities, let_go
from rolecall.accounts.actors import operator
from rolecall.store.engine import now
from rolecall.store.tables import Account, AuditEntry, LinkedIdentity, LoginAttempt, RolePeriod, SignIn, WebSession
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.testing.issuer import Issuer
from rolecall.testing.school import School
from rolecall.testing.wire import Wire
from rolecall.work.application import Application


@pytest.fixture
def settings(wire: Wire, issuer: Issuer) -> dict[str, Any]:
    return {
        "issuer": wire.url, "client_id": "rolecall", "client_secret": issuer.clients["rolecall"], "button": "School <ID>",
        "authoritative_domains": ["school.example"],
    }  # fmt: skip


@pytest.fixture
def oidc(application: Flask, school: School, settings: dict[str, Any]) -> None:
    """OpenID Connect, enabled and set up."""
    school.configure("oidc", settings)


@pytest.fixture
def anna(oidc: None, core: Application) -> int:
    """A student with a role whose identity the office has linked."""
    number = student(core, "Anna")
    link(core, number)
    return number


def student(core: Application, name: str, **facts: Any) -> int:
    with core.db.write() as session:
        account = make_account(session, name, **facts)
        give_role(session, account, make_role(session), make_period(session))
        return account.id


def link(core: Application, account_id: int, subject: str = "sub-anna", issuer: str | None = None) -> None:
    with core.db.write() as session:
        identities.link(
            session, session.get_one(Account, account_id), method="oidc", issuer=issuer or settings_of(core)["issuer"], subject=subject,
            how=identities.OFFICE, actor=operator("office"), now=now(session),
        )  # fmt: skip


def settings_of(core: Application) -> dict[str, Any]:
    with core.db.read() as session:
        method = core.login_methods.get(session, core.plugins.view(session), "oidc")
        return dict(method.settings)


def away(client: FlaskClient, token_of: Callable, path: str = "/login/oidc") -> str:
    """Press the button, and return the address to which the browser goes on by itself."""
    answer = client.post(path, data={"csrf_token": token_of(client)})
    assert answer.status_code == 200, answer.text
    return answer.headers["Refresh"].removeprefix("0;url=")


def back(client: FlaskClient, args: dict[str, str], method: str = "oidc") -> Any:
    return client.get(f"/login/{method}/callback?{urlencode(args)}")


def count_sessions(core: Application) -> int:
    with core.db.read() as session:
        return len(session.scalars(select(WebSession.digest)).all())


@pytest.mark.usefixtures("oidc")
def test_the_button_leads_to_a_session_and_to_where_one_wanted_to_go(
    client: FlaskClient, token_of: Callable, issuer: Issuer, anna: int, core: Application
) -> None:
    page = client.get("/login?next=/me/sign-ins").text
    assert "School &lt;ID&gt;" in page
    assert "/login/oidc?next=/me/sign-ins" in page
    with client.session_transaction() as cookie:
        cookie["planted"] = "yes"

    answer = back(client, issuer.walk(away(client, token_of, "/login/oidc?next=/me/sign-ins")))

    assert (answer.status_code, answer.location) == (303, "/me/sign-ins")
    with client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert "browser" not in cookie
    assert "through OpenID Connect" in client.get("/me/sign-ins").text
    with core.db.read() as session:
        assert [(each.account_id, each.method, each.result) for each in session.scalars(select(SignIn))] == [(anna, "oidc", "ok")]
        assert session.scalars(select(AuditEntry.kind)).all()[-1] == "sign-in"


@pytest.mark.usefixtures("anna")
def test_an_answer_counts_in_the_browser_that_went_away_and_once(
    application: Flask, client: FlaskClient, token_of: Callable, issuer: Issuer, core: Application
) -> None:
    args = issuer.walk(away(client, token_of))
    victim = application.test_client()
    victim.get("/login")

    assert back(victim, args).status_code == 401
    assert count_sessions(core) == 0
    assert back(client, args).status_code == 303, "the stranger's try used nothing up"
    assert back(client, args).status_code == 401
    assert back(client, {**args, "state": "made up"}).status_code == 401
    assert count_sessions(core) == 1


@pytest.mark.usefixtures("anna")
def test_an_attempt_is_over_after_ten_minutes(client: FlaskClient, token_of: Callable, issuer: Issuer, core: Application) -> None:
    args = issuer.walk(away(client, token_of))
    with core.db.write() as session:
        session.execute(update(LoginAttempt).values(expires_at=LoginAttempt.expires_at))
        (row,) = session.scalars(select(LoginAttempt))
        assert row.expires_at - datetime.now(UTC) < timedelta(minutes=10)
        row.expires_at = datetime.now(UTC)

    assert back(client, args).status_code == 401


@pytest.mark.usefixtures("anna")
def test_an_answer_to_another_method_is_not_taken(client: FlaskClient, token_of: Callable, issuer: Issuer) -> None:
    args = issuer.walk(away(client, token_of))

    assert back(client, args, "google").status_code == 401


@pytest.mark.usefixtures("anna")
def test_a_forged_token_signs_nobody_in_and_is_in_the_history(
    client: FlaskClient, token_of: Callable, issuer: Issuer, core: Application
) -> None:
    issuer.claims["nonce"] = "of somebody else"

    answer = back(client, issuer.walk(away(client, token_of)))

    assert answer.status_code == 401
    assert "cannot be believed" in answer.text
    assert count_sessions(core) == 0
    with core.db.read() as session:
        assert session.scalars(select(SignIn.result)).all() == ["not-proved"]


@pytest.mark.usefixtures("oidc")
def test_who_may_not_come_in_is_told_why(client: FlaskClient, token_of: Callable, issuer: Issuer, anna: int, core: Application) -> None:
    cases: list[tuple[Any, str]] = [
        (update(RolePeriod).values(enabled=False), "no role in the current period"),
        (update(Account).where(Account.id == anna).values(active=False), "Your account is closed"),
        (update(Account).where(Account.id == anna).values(deleted_at=datetime.now(UTC)), "Your account is closed"),
    ]
    for change, sentence in cases:
        with core.db.write() as session:
            session.execute(change)

        answer = back(client, issuer.walk(away(client, token_of)))

        assert (answer.status_code, sentence in answer.text) == (401, True), sentence
        assert client.get("/me").status_code != 200
    issuer.person["sub"] = "somebody-unknown"
    assert "no account here belongs to you" in back(client, issuer.walk(away(client, token_of))).text
    assert count_sessions(core) == 0


@pytest.mark.usefixtures("oidc")
def test_a_verified_address_of_the_domain_links_the_account_that_has_it(
    client: FlaskClient, token_of: Callable, issuer: Issuer, core: Application
) -> None:
    number = student(core, "Ben", email="ben@school.example", email_verified=True)
    issuer.person |= {"sub": "sub-ben", "email": "ben@school.example"}

    answer = back(client, issuer.walk(away(client, token_of)))

    assert answer.status_code == 303
    with core.db.read() as session:
        assert session.scalars(select(LinkedIdentity.account_id)).all() == [number]


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize("fault", ["drop", "drip", "status"])
def test_a_service_that_is_out_is_a_page_in_words(
    client: FlaskClient, token_of: Callable, issuer: Issuer, wire: Wire, core: Application, fault: str
) -> None:
    args = issuer.walk(away(client, token_of))
    where = {"match": lambda request: request.path == "/token", "next": None}
    {"drop": wire.drop, "drip": lambda **more: wire.drip(0.2, **more), "status": wire.fail}[fault](**where)
    begun = datetime.now(UTC)

    answer = back(client, args)

    assert answer.status_code == 502
    assert 'name="password"' in answer.text, "the password is still a way in"
    assert datetime.now(UTC) - begun < timedelta(seconds=10)
    assert count_sessions(core) == 0


def test_a_service_that_is_out_from_the_start_is_a_page_in_words_too(
    school: School, settings: dict[str, Any], client: FlaskClient, token_of: Callable, wire: Wire
) -> None:
    school.configure("oidc", settings)
    wire.fail(next=None)

    answer = client.post("/login/oidc", data={"csrf_token": token_of(client)})

    assert answer.status_code == 502
    assert "Try again" in answer.text


def test_without_a_method_there_is_no_button_and_no_way(client: FlaskClient, token_of: Callable) -> None:
    assert "Or sign in with" not in client.get("/login").text
    assert client.post("/login/oidc", data={"csrf_token": token_of(client)}).status_code == 404
    assert client.post("/login/oidc").status_code == 400


@pytest.mark.usefixtures("oidc")
def test_somebody_links_an_identity_and_unlinks_it(signed_in: Callable, token_of: Callable, issuer: Issuer, core: Application) -> None:
    admin = signed_in("accounts:view")
    assert "Link School" in admin.get("/me/identities").text

    answer = back(admin.client, issuer.walk(away(admin.client, token_of, "/me/identities/oidc/link")))

    assert (answer.status_code, answer.location) == (303, "/me/identities")
    page = admin.get("/me/identities").text
    assert "You are sub-anna there" in page
    assert re.search(r'Linked <time datetime="[^"]+" title="[^"]+">[^<]+</time>\. Not used yet\.', page)
    with core.db.read() as session:
        (row,) = session.scalars(select(LinkedIdentity))
        assert (row.account_id, row.how) == (admin.account_id, "self")
        assert session.get_one(Account, admin.account_id).sso_provider == "oidc"
    assert admin.post(f"/me/identities/{row.id}/unlink").status_code == 303
    with core.db.read() as session:
        assert session.get_one(Account, admin.account_id).sso_provider is None
    assert admin.post(f"/me/identities/{row.id}/unlink").status_code == 404


@pytest.mark.usefixtures("anna")
def test_an_identity_of_somebody_else_is_not_linked(signed_in: Callable, token_of: Callable, issuer: Issuer, core: Application) -> None:
    admin = signed_in("accounts:view")

    answer = back(admin.client, issuer.walk(away(admin.client, token_of, "/me/identities/oidc/link")))

    assert "signs somebody in already" in admin.get(answer.location).text
    with core.db.read() as session:
        assert len(session.scalars(select(LinkedIdentity)).all()) == 1


@pytest.mark.usefixtures("oidc")
def test_an_answer_that_was_begun_by_another_account_links_nothing(
    signed_in: Callable, token_of: Callable, issuer: Issuer, core: Application
) -> None:
    mallory, victim = signed_in("accounts:view"), signed_in("accounts:view")
    args = issuer.walk(away(mallory.client, token_of, "/me/identities/oidc/link"))
    with mallory.client.session_transaction() as cookie:
        secret = cookie["browser"]
    with victim.client.session_transaction() as cookie:
        cookie["browser"] = secret

    back(victim.client, args)

    with core.db.read() as session:
        assert session.scalars(select(LinkedIdentity)).all() == []


def age(core: Application) -> None:
    with core.db.write() as session:
        session.execute(update(WebSession).values(authenticated_at=datetime.now(UTC) - timedelta(minutes=16)))


@pytest.mark.usefixtures("oidc")
def test_linking_is_asked_of_the_freshly_signed_in_only(signed_in: Callable, core: Application) -> None:
    admin = signed_in("accounts:view")
    age(core)

    answer = admin.post("/me/identities/oidc/link")

    assert answer.location.startswith("/again")


@pytest.mark.usefixtures("oidc")
def test_who_is_signed_in_by_a_service_proves_again_there_who_they_are(
    signed_in: Callable, token_of: Callable, issuer: Issuer, core: Application
) -> None:
    admin = signed_in("accounts:view")
    link(core, admin.account_id)
    age(core)
    page = admin.get("/again?next=/accounts").text
    assert 'name="password"' not in page
    assert "/again/oidc?next=/accounts" in page

    issuer.claims["auth_time"] = 1
    old = back(admin.client, issuer.walk(away(admin.client, token_of, "/again/oidc?next=/accounts")))
    assert old.location.startswith("/again")
    issuer.claims = {"sub": "somebody-else"}
    other = back(admin.client, issuer.walk(away(admin.client, token_of, "/again/oidc?next=/accounts")))
    assert "Somebody else signed in there" in admin.get(other.location).text
    issuer.claims = {}
    right = back(admin.client, issuer.walk(away(admin.client, token_of, "/again/oidc?next=/accounts")))

    assert right.location == "/accounts"
    with core.db.read() as session:
        (row,) = session.scalars(select(WebSession))
        assert datetime.now(UTC) - row.authenticated_at < timedelta(minutes=1)


@pytest.mark.usefixtures("oidc")
def test_the_office_sees_where_an_account_was_let_go(signed_in: Callable, core: Application, anna: int) -> None:
    with core.db.write() as session:
        let_go.note(session, [anna], ["oidc", "moodle"], now=datetime.now(UTC))

    page = signed_in(owner=True).get(f"/accounts/{anna}/external").text

    assert "Does not sign in with OpenID Connect" in page
    assert "Does not sign in with moodle" not in page


@pytest.mark.usefixtures("oidc")
def test_the_office_sees_who_an_account_is_elsewhere_and_where_people_are_sent_back_to(signed_in: Callable, anna: int) -> None:
    office = signed_in(owner=True)

    account = office.get(f"/accounts/{anna}/external").text
    integration = office.get("/integrations/oidc").text

    assert "Signs in with OpenID Connect" in account
    assert "sub-anna" in account
    assert "by the office" in account
    assert "/login/oidc/callback" in integration
    assert "signs people in" in integration


@pytest.mark.usefixtures("oidc")
def test_no_secret_of_the_way_is_in_the_database(client: FlaskClient, token_of: Callable, core: Application) -> None:
    away(client, token_of)

    with core.db.read() as session:
        (row,) = session.scalars(select(LoginAttempt))
        plain = json.loads(core.keyring.open(row.sealed, f"login_attempt:{row.digest}:sealed"))["remembered"]

    assert set(plain) == {"verifier", "nonce"}
    assert plain["verifier"].encode() not in row.sealed
