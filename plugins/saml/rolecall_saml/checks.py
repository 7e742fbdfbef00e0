"""What a test of signing in by SAML says: the certificates, and the identity provider's page (R54, F-15).

Owns what can be told without anybody signing in. That a certificate is over stops nobody: it is believed as long as it stands here.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from rolecall.errors import RolecallError
from rolecall.sdk.http import Http
from rolecall.sdk.provider import CheckLine
from rolecall_saml import certificates

#: An identity provider changes its certificate some time before it is over, and the office needs some time to hear of it.
SOON = timedelta(days=30)
_LABELS = {"certificate": "Certificate", "next_certificate": "Next certificate"}


def certificate_lines(settings: Mapping[str, Any], now: datetime) -> Iterator[CheckLine]:
    """Say until when each certificate is good, by its own dates."""
    for name in certificates.SETTINGS:
        if settings.get(name):
            try:
                found = certificates.read(settings[name])
            except ValueError as error:
                yield CheckLine(label=_LABELS[name], ok=False, detail=str(error), fix="Paste it again.")
            else:
                yield _dates(_LABELS[name], found, now, has_next=bool(settings.get("next_certificate")))


def page_lines(http: Http, url: str, entity_id: str) -> Iterator[CheckLine]:
    """Ask the identity provider what a browser would, and say whether it is there and does not turn Rolecall down."""
    what = "The address for signing in"
    try:
        reply = http.get(url, headers={"Accept": "text/html"})
    except RolecallError as error:
        yield CheckLine(label=what, ok=False, detail=error.message, fix=error.hint or "Compare it with the identity provider's metadata.")
        return
    yield CheckLine(label=what, ok=True, detail="The identity provider answers there.")
    known = reply.status < 400
    yield CheckLine(
        label="Knows Rolecall",
        ok=known,
        detail="It did not turn the question down." if known else f"It answered {reply.status} to a question of Rolecall.",
        fix="" if known else f"Give it Rolecall's metadata again; they call Rolecall {entity_id}.",
        required=False,
    )


def _dates(label: str, found: x509.Certificate, now: datetime, *, has_next: bool) -> CheckLine:
    ends = found.not_valid_after_utc
    day, left = f"{ends:%Y-%m-%d}", ends - now
    if left > SOON:
        return CheckLine(label=label, ok=True, detail=f"By its own dates good until {day}.")
    told = f"By its own dates it was good until {day}." if left < timedelta(0) else f"By its own dates it is over on {day}."
    fix = "Ask whoever runs the identity provider for the next one, and enter it."
    if has_next and label == _LABELS["certificate"]:
        fix = "The next one is here already; move it up once the identity provider has changed to it."
    return CheckLine(label=label, ok=False, required=False, detail=f"{told} It is believed all the same.", fix=fix)
