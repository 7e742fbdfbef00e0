"""The pretended Vonage, which answers 200 whatever happens, and a gateway that the plugin knows by its settings only."""

import json
from typing import Any

from werkzeug.wrappers import Request, Response

from rolecall_sms.fake.phones import Phones

KEY, SECRET = "abcd1234", "a-secret-of-the-fake"


def vonage(phones: Phones, request: Request) -> Response:
    """Take a message by Vonage's SMS API."""
    form, to = request.form, f"+{request.form.get('to', '')}"
    if (form.get("api_key"), form.get("api_secret")) != (KEY, SECRET):
        return _part({"status": "4", "error-text": "Bad Credentials"})
    if not form.get("text") or not form.get("from"):
        return _part({"status": "2", "error-text": "Missing Parameters"})
    if to in phones.refused:
        return _part({"status": "6", "error-text": "Unroutable message"})
    if to in phones.put_off:
        return _part({"status": "5", "error-text": "Internal Error"})
    if phones.credit <= 0:
        return _part({"status": "9", "error-text": "Partner quota violation"})
    taken = phones.take("vonage", to=to, sender=form["from"], body=form["text"])
    return _part({"status": "0", "to": form["to"], "message-id": taken.id, "client-ref": form.get("client-ref", "")})


def vonage_balance(phones: Phones, request: Request) -> Response:
    """Say what is left."""
    given = request.authorization
    if given is None or (given.username, given.password) != (KEY, SECRET):
        return _json({"error-code": "401", "error-code-label": "authentication failed"}, 401)
    return _json({"value": phones.credit, "autoReload": False})


def generic(phones: Phones, request: Request) -> Response:
    """Take a message as JSON, as a form or in the address, with a bearer token."""
    if request.headers.get("Authorization") != f"Bearer {SECRET}":
        return _json({"result": {"state": "bad-token"}}, 401)
    given: Any = request.get_json(silent=True) or request.values
    to = str(given.get("to", ""))
    if to in phones.put_off:
        return _json({"result": {"state": "busy"}})
    if to in phones.refused:
        return _json({"result": {"state": "bad-number"}})
    taken = phones.take("http", to=to, sender=str(given.get("from", "")), body=str(given.get("text", "")))
    return _json({"result": {"state": "queued", "ids": [taken.id]}})


def _part(part: dict[str, str]) -> Response:
    return _json({"message-count": "1", "messages": [part]})


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")
