"""Signing in by SAML 2.0, Web Browser SSO: asks by redirect, takes the answer by POST, believes one signed assertion (R60, R66).

Owns the order of the steps. That an answer works once is core's: the state is used up, and the question it belongs to with it.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any, ClassVar

from rolecall.errors import Misconfigured
from rolecall.sdk.decided_domains import decides_about
from rolecall.sdk.login import Departure, ExternalIdentity, LoginMethod, PublicDocument
from rolecall.sdk.provider import CheckLine
from rolecall.translation import gettext as _
from rolecall_saml import assertions, certificates, checks, documents, metadata, requests, responses, subjects
from rolecall_saml.refusals import refused


class SamlLogin(LoginMethod):
    """One identity provider that speaks SAML 2.0."""

    id: ClassVar[str] = "saml"
    label: ClassVar[str] = "SAML 2.0"
    guide: ClassVar[str] = resources.files("rolecall_saml").joinpath("guide.md").read_text(encoding="utf-8")
    posted_state: ClassVar[str | None] = "RelayState"

    @classmethod
    def is_ready(cls, settings: Mapping[str, Any]) -> bool:
        """Whether the identity provider is named, with its address and a certificate."""
        return all(settings.get(name) for name in ("idp_entity_id", "sso_url", "certificate"))

    @classmethod
    def issuer_of(cls, settings: Mapping[str, Any]) -> str:
        """The entity id of the identity provider."""
        return str(settings.get("idp_entity_id") or "")

    @classmethod
    def public_document(cls, callback_url: str) -> PublicDocument:
        """Rolecall's metadata, for whoever runs the identity provider."""
        return PublicDocument(media=metadata.MEDIA, body=metadata.document(callback_url))

    @property
    def button(self) -> str:
        """What the institution calls its identity provider."""
        return str(self.settings.get("button") or self.label)

    def speaks_for(self, address: str) -> bool:
        """Whether the settings name the domain as one whose addresses the identity provider gives itself."""
        return decides_about(self.settings, address)

    def check(self, callback_url: str) -> Iterable[CheckLine]:
        """Look at the certificates' dates and ask the identity provider a question that nobody answers (R54)."""
        yield from checks.certificate_lines(self.settings, datetime.now(UTC))
        asked = self.begin(callback_url, secrets.token_urlsafe(16))
        yield from checks.page_lines(self.http, asked.url, metadata.entity_id(callback_url))

    def begin(self, callback_url: str, state: str, *, fresh: bool = False) -> Departure:
        """Ask the identity provider who is there; what is remembered is which question it was."""
        if not self.is_ready(self.settings):
            raise Misconfigured(
                _("Signing in by SAML is not set up."),
                hint=_("Enter entity ID, address and certificate of the identity provider."),
            )
        now, request_id = time.time(), f"_{secrets.token_hex(20)}"
        url = requests.redirect(
            str(self.settings["sso_url"]), request_id=request_id, audience=metadata.entity_id(callback_url), callback_url=callback_url,
            state=state, persistent=not self.settings.get("subject_attribute"), fresh=fresh, now=now,
        )  # fmt: skip
        return Departure(url=url, remembered={"request": request_id, **({"since": str(int(now))} if fresh else {})})

    def complete(self, args: Mapping[str, str], callback_url: str, remembered: Mapping[str, str]) -> ExternalIdentity:
        """Read the one signed assertion of the answer, check what it says, and return who it is about."""
        if not args.get("SAMLResponse"):
            raise refused("there is no answer")
        since = remembered.get("since")
        expected = responses.Expected(
            issuer=self.issuer, recipient=callback_url, audience=metadata.entity_id(callback_url), request_id=remembered["request"],
            now=time.time(), since=float(since) if since else None,
        )  # fmt: skip
        root = documents.parse(documents.decode(args["SAMLResponse"]))
        assertion = responses.assertion_of(root, expected, certificates.pinned(self.settings))
        assertions.check(assertion, expected)
        return subjects.identity(assertion, expected.issuer, expected.audience, self.settings)
