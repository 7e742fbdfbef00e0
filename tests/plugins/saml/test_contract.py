"""What the conformance kits ask of every plugin and of every login method."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from saml_idp import ENTITY, IdentityProvider, Signer, changed, only

from rolecall.testing import LoginContract, PluginContract
from rolecall.testing.login_contract import CALLBACK
from rolecall_saml.login import SamlLogin


@pytest.mark.parametrize("library", ["lxml", "signxml"])
def test_without_its_libraries_it_says_what_to_install(library: str) -> None:
    script = f"import sys; sys.modules[{library!r}] = None\nimport rolecall_saml"

    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)

    assert "SAML 2.0 needs the libraries lxml and signxml, which are not installed. Install rolecall[saml]." in answer.stderr


class TestPlugin(PluginContract):
    plugin: ClassVar[str] = "saml"


class TestLogin(LoginContract):
    plugin: ClassVar[str] = "saml"

    @pytest.fixture(autouse=True)
    def _somebody_agrees(self, tmp_path: Path, signer: Signer) -> None:
        self.signer, self.folder = signer, tmp_path

    def make_service(self) -> Any:
        """Only its page is there, for the test of the connection: question and answer of a sign-in travel with the browser."""

        def page(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            assert "SAMLRequest=" in environ["QUERY_STRING"], "SAML calls nobody but to ask"
            start_response("200 OK", [("Content-Type", "text/html")])
            return [b"Sign in"]

        return page

    def settings(self, url: str) -> Mapping[str, Any]:
        sso = f"{url}/sso?tenant=school"
        self.idp = IdentityProvider(self.folder, SamlLogin.public_document(CALLBACK).body, self.signer, sso=sso)
        return {"idp_entity_id": ENTITY, "sso_url": sso, "certificate": self.signer.pem.splitlines()}

    def walk(self, url: str) -> dict[str, str]:
        return self.idp.answer(url)

    def give_up(self, args: Mapping[str, str]) -> dict[str, str]:
        denied = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
        return changed(dict(args), lambda root: only(root, "//samlp:StatusCode").set("Value", denied))
