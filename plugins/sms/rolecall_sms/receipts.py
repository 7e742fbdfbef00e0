"""What gateways report of messages that they took: checked against their signature, and told to core (R42).

Owns the signatures and what each status means. A report that comes twice, late or in another order changes nothing, so a call that
somebody repeats is answered like the first.
"""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from rolecall import Endpoint, EndpointProblem, EndpointReply, EndpointRoute, SignedCall
from rolecall.errors import Forbidden, Invalid
from rolecall_sms.gateways import request

PREFIX = "/sms/receipts"
#: A gateway that settings describe signs nothing: it calls an address whose end nobody else knows.
TWILIO, VONAGE, DESCRIBED = "/twilio", "/vonage", "/http/{key}"
#: What Vonage calls its ways to sign: how a digest is made of the secret and the text that is signed.
SIGNED_BY: Mapping[str, str] = {
    "md5hash": "MD5 hash", "md5": "MD5 HMAC", "sha1": "SHA-1 HMAC", "sha256": "SHA-256 HMAC", "sha512": "SHA-512 HMAC",
}  # fmt: skip
_FORGED = "The signature is not the gateway's, or the address is not the one that it was given."
#: Messages that one call may tell of.
_MOST_REPORTS = 500

#: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
_TWILIO_LOST = ("undelivered", "failed", "canceled")
#: https://www.twilio.com/docs/api/errors, of messages that were taken.
_TWILIO_WHY = {
    "30003": "the phone is switched off or cannot be reached",
    "30004": "the person or the network blocks such messages",
    "30005": "nobody has this number",
    "30006": "it is a fixed line, or its network takes no messages",
    "30007": "the network took it for unwanted",
    "30008": "the network did not say why",
}
#: https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts
_VONAGE_LOST = ("expired", "failed", "rejected")


def is_twilio(call: SignedCall, token: str) -> bool:
    """Whether Twilio signed a call: HMAC-SHA1 over its address and the sorted fields of its form, with the account's auth token."""
    signed = call.url + "".join(f"{name}{value}" for name, value in sorted(set(_form(call))))
    wanted = b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    return bool(token) and hmac.compare_digest(wanted.encode(), call.headers.get("x-twilio-signature", "").encode())


def is_vonage(fields: Mapping[str, str], secret: str, method: str) -> bool:
    """Whether Vonage signed what it sent: a digest over the sorted fields, with the account's signature secret."""
    given = fields.get("sig", "")
    return bool(secret and given) and hmac.compare_digest(vonage_signature(fields, secret, method).encode(), given.lower().encode())


def vonage_signature(fields: Mapping[str, str], secret: str, method: str) -> str:
    """The digest of fields as Vonage makes it; in values its own separators give way to underscores."""
    clean = str.maketrans("&=", "__")
    signed = "".join(f"&{name}={fields[name].translate(clean)}" for name in sorted(fields) if name != "sig")
    if method == "md5hash":
        return hashlib.md5(f"{signed}{secret}".encode(), usedforsecurity=False).hexdigest()
    return hmac.new(secret.encode(), signed.encode(), method).hexdigest()


def receive(call: SignedCall) -> EndpointReply:
    """Take a report in.

    :raises Forbidden: when the gateway did not sign it, or is not the one that is set up.
    """
    gateway = call.path.strip("/").partition("/")[0]
    if call.settings.get("gateway") != gateway:
        raise Forbidden(_FORGED)
    _TAKERS[gateway](call)
    return EndpointReply(status=204)


def _twilio(call: SignedCall) -> None:
    if not is_twilio(call, secret_of(call.settings)):
        raise Forbidden(_FORGED)
    told = dict(_form(call))
    reference, status, code = told.get("MessageSid", ""), told.get("MessageStatus", ""), told.get("ErrorCode", "")
    if status in ("delivered", "read"):
        call.receipts.arrived(reference)
    elif status in _TWILIO_LOST:
        why = _TWILIO_WHY.get(code, "it did not say why")
        call.receipts.lost(reference, f"Twilio could not deliver it: {why}{f' (error {code})' if code.isdecimal() else ''}.")


def _vonage(call: SignedCall) -> None:
    fields = _fields(call)
    if not is_vonage(fields, secret_of(call.settings), str(call.settings.get("receipt_method") or "sha256")):
        raise Forbidden(_FORGED)
    reference, status, code = fields.get("messageId", ""), fields.get("status", ""), fields.get("err-code", "")
    if status == "delivered":
        call.receipts.arrived(reference)
    elif status in _VONAGE_LOST:
        call.receipts.lost(reference, f"Vonage could not deliver it: {status}{f' (error {code})' if code.isdecimal() else ''}.")


def _described(call: SignedCall) -> None:
    """Believe whoever knows the address, and read what it says as the settings describe it."""
    key, given = secret_of(call.settings), call.path.strip("/").partition("/")[2]
    if not key or not hmac.compare_digest(key.encode(), given.encode()):
        raise Forbidden(_FORGED)
    told = request.below(_document(call), str(call.settings.get("report_list_path") or ""))
    reports = told if isinstance(told, list) else [told]
    if len(reports) > _MOST_REPORTS:
        raise Invalid(f"It tells of more than {_MOST_REPORTS} messages.")
    arrived, lost = (_folded(call.settings.get(name)) for name in ("delivered_values", "lost_values"))
    for each in reports:
        reference = request.at(each, str(call.settings.get("report_id_path") or ""))
        state = request.at(each, str(call.settings.get("report_status_path") or "")) or ""
        if not reference:
            continue
        if state.strip().casefold() in arrived:
            call.receipts.arrived(reference)
        elif state.strip().casefold() in lost:
            call.receipts.lost(reference, f"The gateway could not deliver it: {state.strip()[:100]}.")


def _folded(words: Any) -> frozenset[str]:
    return frozenset(str(each).strip().casefold() for each in words or ())


_TAKERS: Mapping[str, Callable[[SignedCall], None]] = {"twilio": _twilio, "vonage": _vonage, "http": _described}


def secret_of(settings: Mapping[str, Any]) -> str:
    """What the gateway signs its reports with; empty where that is not known, and nothing is believed."""
    own = str(settings.get("receipt_secret") or "")
    if own or settings.get("gateway") != "twilio" or settings.get("key"):
        return own
    # Without an API key the secret is the auth token.
    return str(settings.get("secret") or "")


def takes_receipts(settings: Mapping[str, Any], address: str) -> bool:
    """Whether a gateway is asked to report: that is wanted, its signature can be checked, and it can reach the address.

    A gateway at an address of the institution's own may reach what is not encrypted; all others are on the internet.
    """
    is_reached = address.startswith("https://") or (bool(settings.get("url")) and address.startswith("http://"))
    return bool(settings.get("receipts", True)) and bool(secret_of(settings)) and is_reached


def refuse(problem: EndpointProblem) -> EndpointReply:
    """Say why a report was not taken in; gateways look at the status only."""
    return EndpointReply(status=problem.status, body=f"{problem.message}\n".encode(), media="text/plain; charset=utf-8")


def _form(call: SignedCall) -> list[tuple[str, str]]:
    try:
        return parse_qsl(call.body.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise Invalid("It is no form.") from None


def _fields(call: SignedCall) -> dict[str, str]:
    """The fields of a report by Vonage: in the address, a form or a JSON document, as the account has it."""
    told = _document(call)
    if not isinstance(told, dict) or not all(isinstance(each, str | int) for each in told.values()):
        raise Invalid("It is no report.")
    return {name: str(value) for name, value in told.items()}


def _document(call: SignedCall) -> Any:
    """What a call says: the fields of its address or its form, or a JSON document."""
    if call.method == "GET":
        try:
            return dict(parse_qsl(call.query, keep_blank_values=True, max_num_fields=100))
        except ValueError:
            raise Invalid("The address cannot be read.") from None
    if call.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return dict(_form(call))
    try:
        return json.loads(call.body)
    except (ValueError, RecursionError):
        raise Invalid("It is no JSON.") from None


ENDPOINT = Endpoint(
    id="sms",
    label="Takes delivery receipts",
    prefix=PREFIX,
    routes=(
        EndpointRoute(method="POST", path=TWILIO, permissions=()),
        EndpointRoute(method="POST", path=VONAGE, permissions=()),
        EndpointRoute(method="GET", path=VONAGE, permissions=()),
        EndpointRoute(method="POST", path=DESCRIBED, permissions=()),
        EndpointRoute(method="GET", path=DESCRIBED, permissions=()),
    ),
    signed=receive,
    refuse=refuse,
    setting="receipts",
    body_bytes=100_000,
)
