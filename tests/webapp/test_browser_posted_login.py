"""Chromium comes back from another site by a form that is posted: whether its cookie comes along is the browser's to say (R60, F-04)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, Request, Route, expect
from saml_idp import ENTITY, SSO, IdentityProvider, Signer
from sqlalchemy import select

from rolecall.accounts import identities
from rolecall.accounts.actors import operator
from rolecall.store.engine import now
from rolecall.store.tables import Account, SignIn
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall_saml.login import SamlLogin

pytestmark = pytest.mark.browser

#: What an identity provider answers with: a form that goes on by itself.
PAGE = """<!DOCTYPE html><title>One moment</title><body onload="document.forms[0].submit()"><form method="post" action="{where}">
<input type="hidden" name="SAMLResponse" value="{SAMLResponse}"><input type="hidden" name="RelayState" value="{RelayState}"></form>"""


@pytest.fixture
def idp(application: Flask, core: Application, school: School, tmp_path: Path) -> IdentityProvider:
    """An identity provider that Anna can sign in with."""
    signer = Signer()
    school.configure("saml", {"idp_entity_id": ENTITY, "sso_url": SSO, "certificate": signer.pem.splitlines()})
    with core.db.write() as session:
        account = make_account(session, "Anna")
        give_role(session, account, make_role(session), make_period(session))
        number = account.id
    with core.db.write() as session:
        identities.link(
            session, session.get_one(Account, number), method="saml", issuer=ENTITY, subject="pseudonym-of-anna",
            how=identities.OFFICE, actor=operator("office"), now=now(session),
        )  # fmt: skip
    document = SamlLogin.public_document(f"{core.config.base_url}/login/saml/callback")
    return IdentityProvider(tmp_path, document.body, signer)


def test_chromium_brings_its_cookie_after_another_site_has_posted_the_answer(
    idp: IdentityProvider, core: Application, address: str, new_page: Callable[..., Page]
) -> None:
    page = new_page()
    sent: list[Request] = []

    def answer(route: Route) -> None:
        form = idp.answer(route.request.url)
        route.fulfill(content_type="text/html", body=PAGE.format(where=f"{address}/login/saml/callback", **form))

    page.route("https://idp.example/**", answer)
    page.on("request", lambda each: sent.append(each) if "/callback" in each.url else None)
    page.goto("/login?next=/me/sign-ins")

    page.get_by_role("button", name="SAML 2.0").click()

    expect(page).to_have_url(f"{address}/me/sign-ins")
    expect(page.get_by_role("main")).to_contain_text("SAML 2.0")
    assert [(each.method, "cookie" in each.all_headers()) for each in sent] == [("POST", False), ("GET", True)]
    with core.db.read() as session:
        assert [(each.method, each.result) for each in session.scalars(select(SignIn))] == [("saml", "ok")]
