"""Signing in by an answer that another site's page posts: parked, and believed where the cookie comes along (R66, F-04, F-12)."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from saml_idp import ENTITY, SSO, IdentityProvider, Signer, changed, only
from sqlalchemy import select

from rolecall.accounts import identities
from rolecall.accounts.actors import operator
from rolecall.store.engine import now
from rolecall.store.tables import Account, LoginAttempt, SignIn, WebSession
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.testing.school import School
from rolecall.work.application import Application


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def idp(client: FlaskClient, school: School, signer: Signer, tmp_path: Path) -> IdentityProvider:
    """An identity provider that was told of Rolecall by the page for it, and of which Rolecall was told by its settings."""
    school.configure("saml", {"idp_entity_id": ENTITY, "sso_url": SSO, "certificate": signer.pem.splitlines(), "button": "School account"})
    return IdentityProvider(tmp_path, client.get("/login/saml/metadata").data, signer)


@pytest.fixture
def anna(idp: IdentityProvider, core: Application) -> int:
    """A student with a role, whose identity the office has linked."""
    with core.db.write() as session:
        account = make_account(session, "Anna")
        give_role(session, account, make_role(session), make_period(session))
        number = account.id
    with core.db.write() as session:
        identities.link(
            session, session.get_one(Account, number), method="saml", issuer=ENTITY, subject="pseudonym-of-anna",
            how=identities.OFFICE, actor=operator("office"), now=now(session),
        )  # fmt: skip
    return number


def away(client: FlaskClient, token_of: Callable) -> str:
    """Press the button, and return the address to which the browser goes on by itself."""
    answer = client.post("/login/saml", data={"csrf_token": token_of(client)})
    assert answer.status_code == 200, answer.text
    return answer.headers["Refresh"].removeprefix("0;url=")


def post(application: Flask, form: dict[str, str], method: str = "saml") -> str:
    """Let a page of another site post a form: no cookie goes along, and none may come back. Return where the browser goes on to."""
    answer = application.test_client().post(f"/login/{method}/callback", data=form, headers={"Origin": "https://idp.example"})
    assert answer.status_code == 303, answer.text
    assert "Set-Cookie" not in answer.headers, "it would take the place of the cookie that is there"
    return answer.location


def sessions_of(core: Application) -> list[int]:
    with core.db.read() as session:
        return list(session.scalars(select(WebSession.account_id)))


def test_an_answer_that_is_posted_signs_in_where_the_cookie_comes_along(
    application: Flask, client: FlaskClient, token_of: Callable, idp: IdentityProvider, anna: int, core: Application
) -> None:
    assert "School account" in client.get("/login").text

    onward = post(application, idp.answer(away(client, token_of)))
    assert sessions_of(core) == []
    answer = client.get(onward)

    assert (answer.status_code, answer.location) == (303, "/")
    assert sessions_of(core) == [anna]
    with core.db.read() as session:
        assert [(each.account_id, each.method, each.result) for each in session.scalars(select(SignIn))] == [(anna, "saml", "ok")]


@pytest.mark.usefixtures("anna")
def test_it_counts_in_the_browser_that_went_away_and_once(
    application: Flask, client: FlaskClient, token_of: Callable, idp: IdentityProvider, core: Application
) -> None:
    form = idp.answer(away(client, token_of))
    victim = application.test_client()
    victim.get("/login")

    onward = post(application, form)

    assert victim.get(onward).status_code == 401
    assert sessions_of(core) == []
    assert client.get(onward).status_code == 303
    assert client.get(onward).status_code == 401
    assert application.test_client().get(post(application, form)).status_code == 401
    assert len(sessions_of(core)) == 1


@pytest.mark.usefixtures("anna")
def test_an_answer_to_an_earlier_attempt_is_none_to_a_later_one(
    application: Flask, client: FlaskClient, token_of: Callable, idp: IdentityProvider, core: Application
) -> None:
    earlier, later = idp.answer(away(client, token_of)), idp.answer(away(client, token_of))
    assert client.get(post(application, earlier)).status_code == 303

    replayed = client.get(post(application, {**earlier, "RelayState": later["RelayState"]}))

    assert replayed.status_code == 401
    assert len(sessions_of(core)) == 1


@pytest.mark.usefixtures("anna")
def test_of_several_answers_the_first_is_kept_sealed(
    application: Flask, client: FlaskClient, token_of: Callable, idp: IdentityProvider, core: Application
) -> None:
    form = idp.answer(away(client, token_of))
    post(application, form)

    onward = post(application, {**form, "SAMLResponse": base64.b64encode(b"<p>").decode()})

    with core.db.read() as session:
        assert form["SAMLResponse"][:40].encode() not in session.scalars(select(LoginAttempt.sealed)).one()
    assert client.get(onward).status_code == 303
    assert len(sessions_of(core)) == 1


@pytest.mark.usefixtures("anna")
def test_a_forged_answer_signs_nobody_in_and_is_in_the_history(
    application: Flask, client: FlaskClient, token_of: Callable, idp: IdentityProvider, core: Application
) -> None:
    forged = changed(idp.answer(away(client, token_of)), lambda root: setattr(only(root, "//saml:NameID"), "text", "somebody-else"))

    answer = client.get(post(application, forged))

    assert answer.status_code == 401
    assert "cannot be believed" in answer.text
    assert sessions_of(core) == []
    with core.db.read() as session:
        assert [each.method for each in session.scalars(select(SignIn))] == ["saml"]


@pytest.mark.usefixtures("anna")
def test_what_should_be_posted_is_not_taken_from_an_address(
    client: FlaskClient, token_of: Callable, idp: IdentityProvider, core: Application
) -> None:
    form = idp.answer(away(client, token_of))

    answer = client.get(f"/login/saml/callback?{urlencode({**form, 'state': form['RelayState']})}")

    assert answer.status_code == 401
    assert sessions_of(core) == []


@pytest.mark.parametrize(
    ("method", "form"),
    [
        ("saml", {}),
        ("saml", {"SAMLResponse": "PHA+", "RelayState": "made up"}),
        ("saml", {"SAMLResponse": "PHA+"}),
        ("oidc", {"code": "1", "state": "made up"}),
        ("nothing", {"state": "made up"}),
    ],
)
@pytest.mark.usefixtures("idp")
def test_what_belongs_to_no_attempt_leads_to_the_sign_in_page(application: Flask, client: FlaskClient, method: str, form: Any) -> None:
    onward = post(application, form, method)

    answer = client.get(onward)

    assert onward == f"/login/{method}/callback"
    assert answer.status_code == 401
    assert "another browser, too long ago, or was finished already" in answer.text


@pytest.mark.usefixtures("anna", "idp")
def test_whoever_runs_the_identity_provider_reads_the_metadata_while_the_plugin_is_enabled(
    client: FlaskClient, signed_in: Callable, school: School
) -> None:
    admin = signed_in("integrations:view")
    assert "8000/login/saml/metadata" in admin.get("/integrations/saml").text
    answer = client.get("/login/saml/metadata")

    assert (answer.status_code, answer.mimetype) == (200, "application/samlmetadata+xml")
    assert b"/login/saml/callback" in answer.data
    assert client.get("/login/oidc/metadata").status_code == 404
    school.disable("saml")
    assert client.get("/login/saml/metadata").status_code == 404
    assert "/login/saml/metadata" not in admin.get("/integrations/saml").text
