"""As much of Twilio's API 2010-04-01 as the plugin asks for, in the shapes of its published schema."""

import json
from datetime import date
from email.utils import format_datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from rolecall_sms.fake.phones import Phones, Taken

ACCOUNT, TOKEN, SENDER = "AC" + "0" * 31 + "1", "a-token-of-the-fake", "+306900000000"
NAME = "twilio"


def send(phones: Phones, request: Request, account: str) -> Response:
    """Take a message."""
    if (refusal := _unknown(request, account)) is not None:
        return refusal
    to, body = request.form.get("To", ""), request.form.get("Body", "")
    sender = request.form.get("From") or request.form.get("MessagingServiceSid") or ""
    if to in phones.put_off:
        return _error(503, 30001, "Queue overflow")
    if to in phones.refused or not to.startswith("+") or not body:
        return _error(400, 21211, f"The 'To' number {to} is not a valid phone number.")
    if sender != SENDER and not sender.startswith("MG"):
        return _error(400, 21606, f"The From phone number {sender} is not a valid, SMS-capable inbound phone number.")
    return _json(_message(phones.take(NAME, to=to, sender=sender, body=body)), 201)


def messages(phones: Phones, request: Request, account: str) -> Response:
    """List the messages to a number since a day."""
    if (refusal := _unknown(request, account)) is not None:
        return refusal
    since = date.fromisoformat(request.args.get("DateSent>", "2000-01-01"))
    found = [each for each in phones.of(NAME, request.args.get("To", "")) if each.at.date() >= since]
    return _json({"messages": [_message(each) for each in found[: int(request.args.get("PageSize", 50))]], "page": 0})


def numbers(phones: Phones, request: Request, account: str) -> Response:
    """List the account's numbers: one."""
    if (refusal := _unknown(request, account)) is not None:
        return refusal
    own = {"phone_number": SENDER, "capabilities": {"voice": True, "sms": True, "mms": False, "fax": False}}
    return _json({"incoming_phone_numbers": [own] if request.args.get("PhoneNumber", SENDER) == SENDER else []})


def balance(phones: Phones, request: Request, account: str) -> Response:
    """Say what is left."""
    if (refusal := _unknown(request, account)) is not None:
        return refusal
    return _json({"account_sid": ACCOUNT, "balance": f"{phones.credit:.2f}", "currency": "EUR"})


def _unknown(request: Request, account: str) -> Response | None:
    given = request.authorization
    known = given is not None and given.username == ACCOUNT == account and given.password == TOKEN
    return None if known else _error(401, 20003, "Authenticate")


def _message(taken: Taken) -> dict[str, Any]:
    return {
        "sid": f"SM{taken.id}", "account_sid": ACCOUNT, "to": taken.to, "from": taken.sender, "body": taken.body, "status": "sent",
        "direction": "outbound-api", "date_created": format_datetime(taken.at), "date_sent": format_datetime(taken.at), "error_code": None,
    }  # fmt: skip


def _error(status: int, code: int, message: str) -> Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return _json({"code": code, "message": message, "more_info": more, "status": status}, status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")
