"""What a test of signing in by OpenID Connect says: line by line, and how to mend what does not work (R54, F-15).

Owns what can be told without anybody signing in. The conversation itself is :mod:`rolecall.sdk.oidc`'s.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from rolecall.errors import Misconfigured, NotProved, RolecallError
from rolecall.sdk.http import Response
from rolecall.sdk.id_token import LEEWAY
from rolecall.sdk.provider import CheckLine
from rolecall.sdk.signing_keys import ALGORITHMS, usable

_OURS = ", ".join(ALGORITHMS)


def issuer_line(issuer: str) -> CheckLine:
    """Say that the issuer answers under its own name."""
    return CheckLine(label="The issuer", ok=True, detail=f"It calls itself {issuer}.")


def failed(label: str, error: RolecallError, fix: str = "") -> CheckLine:
    """Say that something does not work, in the words of the error."""
    return CheckLine(label=label, ok=False, detail=error.message, fix=error.hint or fix)


def keys_line(document: Any) -> CheckLine:
    """Say how many of the published keys can check a signature that is taken here."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    count = sum(usable(each) for each in listed if isinstance(each, Mapping)) if isinstance(listed, list) else 0
    if count:
        return CheckLine(label="Its signing keys", ok=True, detail=f"{count} can be used." if count > 1 else "One can be used.")
    return CheckLine(
        label="Its signing keys", ok=False, detail=f"It publishes none that can be used here ({_OURS}).",
        fix="Let it sign with one of these, with RSA keys of 2048 bits or the curve P-256.",
    )  # fmt: skip


def abilities(metadata: Mapping[str, Any], *, dated: bool) -> Iterator[CheckLine]:
    """Say what the issuer can do, as far as it tells; what it is silent about is not held against it."""
    algorithms = metadata.get("id_token_signing_alg_values_supported")
    if isinstance(algorithms, list) and not set(ALGORITHMS) & {each for each in algorithms if isinstance(each, str)}:
        yield CheckLine(
            label="How it signs", ok=False, detail=f"It signs in other ways than are taken here ({_OURS}).",
            fix="Choose one of these for Rolecall at the service.",
        )  # fmt: skip
    flows = metadata.get("response_types_supported")
    if isinstance(flows, list) and "code" not in flows:
        yield CheckLine(
            label="The authorization code flow", ok=False, detail="It does not offer it, and Rolecall speaks no other.",
            fix="Switch it on for Rolecall at the service.",
        )  # fmt: skip
    methods = metadata.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        yield CheckLine(
            label="PKCE", ok=False, detail="It does not name S256, which Rolecall always sends.", required=False,
            fix="Most services take it all the same; if signing in breaks off there, switch PKCE with S256 on.",
        )  # fmt: skip
    claims = metadata.get("claims_supported")
    if dated and isinstance(claims, list) and "auth_time" not in claims:
        yield CheckLine(
            label="When somebody proved who they are", ok=False, required=False, detail="It does not name auth_time among its claims.",
            fix="Let it tell auth_time, or nobody who signs in there gets past the question “Sign in again”.",
        )  # fmt: skip


def client_line(label: str, redeem: Callable[[], object]) -> CheckLine:
    """Redeem a code that is none: a service that knows the client refuses the code, another one the client (RFC 6749, 5.2)."""
    what = "Client id and secret"
    try:
        redeem()
    except NotProved as refused:
        if "invalid_grant" in refused.detail:
            return CheckLine(label=what, ok=True, detail="It takes them.")
        return CheckLine(
            label=what,
            ok=False,
            required=False,
            detail=f"It cannot be told whether they are taken: {refused.detail}.",
            fix="Try to sign in.",
        )
    except Misconfigured as refused:
        return failed(what, refused)
    except RolecallError as error:
        return failed(what, error, f"Ask whoever runs {label}.")
    fix = f"Ask whoever runs {label}; do not let people sign in with it."
    return CheckLine(label=what, ok=False, detail="It took a code that it never gave.", fix=fix)


def return_line(reply: Response, callback_url: str) -> CheckLine:
    """Say whether the service sends a browser back that nobody is signed in with (OpenID Connect Core 1.0, 3.1.2.6)."""
    what = "The address to come back to"
    where = reply.headers.get("Location", "")
    if 300 <= reply.status < 400 and (where == callback_url or where.startswith(f"{callback_url}?")):
        return CheckLine(label=what, ok=True, detail=f"It sends people back to {callback_url}.", required=False)
    detail = f"It did not send us back (it answered {reply.status}), so it may not know the address."
    return CheckLine(label=what, ok=False, required=False, detail=detail, fix=f"Enter {callback_url} at the service, to the letter.")


def clock_lines(reply: Response) -> Iterator[CheckLine]:
    """Say how far the clocks differ, where the service tells the time."""
    try:
        theirs = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        return
    apart = abs(time.time() - theirs)
    if apart > LEEWAY:
        yield CheckLine(
            label="Clocks", ok=False, detail=f"They differ by {apart:.0f} seconds; more than {LEEWAY:.0f} and no answer is believed.",
            fix="Set the clock of this machine, or of the service.",
        )  # fmt: skip
