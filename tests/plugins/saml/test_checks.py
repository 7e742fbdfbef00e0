"""A test of signing in by SAML tells of certificates that end, and of a provider that does not know Rolecall (R54, F-13, F-15)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from saml_idp import ENTITY, Signer

from rolecall.sdk.provider import CheckLine
from rolecall.testing.wire import Wire
from rolecall_saml import checks
from rolecall_saml.login import SamlLogin

CALLBACK = "https://rolecall.example/login/saml/callback"


@pytest.fixture
def wire() -> Iterator[Wire]:
    def page(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"Sign in"]

    with Wire(page, deadline=1.0) as wire:
        yield wire


def check(wire: Wire, signer: Signer, **more: Any) -> dict[str, CheckLine]:
    settings = {"idp_entity_id": ENTITY, "sso_url": f"{wire.url}/sso?tenant=1", "certificate": signer.pem.splitlines(), **more}
    return {line.label: line for line in SamlLogin(settings, wire.http).check(CALLBACK)}


def test_what_works_is_said_and_the_question_is_the_one_that_browsers_take(wire: Wire, signer: Signer) -> None:
    lines = check(wire, signer)

    assert [(label, line.ok) for label, line in lines.items()] == [
        ("Certificate", True), ("The address for signing in", True), ("Knows Rolecall", True),
    ]  # fmt: skip
    (asked,) = wire.journal
    assert {"tenant", "SAMLRequest", "RelayState"} <= set(asked.query)


@pytest.mark.parametrize(
    ("left", "has_next", "ok", "sentence"),
    [
        (timedelta(days=31), False, True, "good until"),
        (timedelta(days=29), False, False, "is over on"),
        (timedelta(days=-1), False, False, "was good until"),
        (timedelta(days=-1), True, False, "was good until"),
    ],
)
def test_a_certificate_that_ends_is_told_in_time_and_stops_nobody(
    signer: Signer, left: timedelta, has_next: bool, ok: bool, sentence: str
) -> None:
    ends = x509.load_pem_x509_certificate(signer.pem.encode()).not_valid_after_utc
    settings = {"certificate": signer.pem.splitlines(), "next_certificate": signer.pem.splitlines() if has_next else []}

    line = next(iter(checks.certificate_lines(settings, ends - left)))

    assert (line.ok, line.ok or not line.required, sentence in line.detail) == (ok, True, True)
    assert ("move it up" in line.fix) == has_next


def test_a_next_certificate_is_looked_at_too_and_one_that_is_none_is_a_line(signer: Signer) -> None:
    lines = list(checks.certificate_lines({"certificate": ["rubbish"], "next_certificate": signer.pem.splitlines()}, datetime.now(UTC)))

    assert [(line.label, line.ok) for line in lines] == [("Certificate", False), ("Next certificate", True)]


def test_an_identity_provider_that_turns_the_question_down_may_not_know_rolecall(wire: Wire, signer: Signer) -> None:
    wire.fail(status=403, next=None)

    line = check(wire, signer)["Knows Rolecall"]

    assert (line.ok, line.required) == (False, False)
    assert "/login/saml/metadata" in line.fix
