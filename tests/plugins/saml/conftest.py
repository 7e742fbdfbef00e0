"""An identity provider per run of tests, because keys take a while; a sign-in that was begun for each test."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from saml_idp import ENTITY, SSO, IdentityProvider, Signer

from rolecall.sdk.http import Http
from rolecall.sdk.login import ExternalIdentity
from rolecall_saml.login import SamlLogin

CALLBACK = "https://rolecall.example/login/saml/callback"


@dataclass(kw_only=True)
class SignIn:
    """Somebody who was sent away: the address they were sent to, and the way back."""

    login: SamlLogin
    url: str
    remembered: dict[str, str]

    def finish(self, form: dict[str, str]) -> ExternalIdentity:
        return self.login.complete(form, CALLBACK, self.remembered)


Begin = Callable[..., SignIn]


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="session")
def stranger() -> Signer:
    return Signer("stranger.example")


@pytest.fixture(scope="session")
def _provider(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> IdentityProvider:
    document = SamlLogin.public_document(CALLBACK)
    return IdentityProvider(tmp_path_factory.mktemp("idp"), document.body, signer)


@pytest.fixture
def idp(_provider: IdentityProvider) -> Iterator[IdentityProvider]:
    before = {name: value for name, value in vars(_provider).items() if name != "server"}
    before["person"] = dict(_provider.person)
    yield _provider
    vars(_provider).update(before)


@pytest.fixture
def begin(signer: Signer) -> Iterator[Begin]:
    with closing(Http()) as http:

        def build(*, fresh: bool = False, **settings: Any) -> SignIn:
            whole = {"idp_entity_id": ENTITY, "sso_url": SSO, "certificate": signer.pem.splitlines(), **settings}
            login = SamlLogin(whole, http)
            departure = login.begin(CALLBACK, "the state", fresh=fresh)
            return SignIn(login=login, url=departure.url, remembered=dict(departure.remembered))

        yield build
