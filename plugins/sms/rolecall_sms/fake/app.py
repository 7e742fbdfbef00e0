"""The pretended gateways behind one address, and the page of all phones."""

from collections.abc import Iterable
from html import escape
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from rolecall_sms.fake import others, twilio
from rolecall_sms.fake.phones import Phones

_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Phones of the demo</title><style>'
    "body{{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}"
    "td,th{{text-align:left;padding:.3em 1em .3em 0;vertical-align:top}}td.text{{white-space:pre-wrap}}</style></head>"
    "<body><main><h1>Phones of the demo</h1>{body}</main></body></html>"
)
_ACCOUNT = "/2010-04-01/Accounts/<account>"
_ROUTES = Map(
    [
        Rule("/", endpoint="page", methods=["GET"]),
        Rule(f"{_ACCOUNT}/Messages.json", endpoint=twilio.send, methods=["POST"]),
        Rule(f"{_ACCOUNT}/Messages.json", endpoint=twilio.messages, methods=["GET"]),
        Rule(f"{_ACCOUNT}/IncomingPhoneNumbers.json", endpoint=twilio.numbers, methods=["GET"]),
        Rule(f"{_ACCOUNT}/Balance.json", endpoint=twilio.balance, methods=["GET"]),
        Rule("/sms/json", endpoint=others.vonage, methods=["POST"]),
        Rule("/account/get-balance", endpoint=others.vonage_balance, methods=["GET"]),
        Rule("/send", endpoint=others.generic, methods=["POST", "GET"]),
    ]
)


class FakeSms:
    """Gateways for everybody. ``settings`` connect the plugin to the first; ``phones`` holds what they took."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.phones = Phones()

    @property
    def settings(self) -> dict[str, Any]:
        """What the plugin's settings must be."""
        return {
            "gateway": "twilio", "url": self.base_url, "account": twilio.ACCOUNT, "secret": twilio.TOKEN, "sender": twilio.SENDER,
            "countries": ["GR"],
        }  # fmt: skip

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            endpoint, arguments = _ROUTES.bind_to_environ(environ).match()
            response = self._page() if endpoint == "page" else endpoint(self.phones, request, **arguments)
        except HTTPException as error:
            return error(environ, start_response)
        return response(request.environ, start_response)

    def _page(self) -> Response:
        rows = "".join(
            f'<tr><td>{escape(each.to)}</td><td class="text">{escape(each.body)}</td><td>{each.at:%Y-%m-%d %H:%M}</td></tr>'
            for each in reversed(self.phones.messages)
        )
        table = f"<table><thead><tr><th>To</th><th>Message</th><th>Taken</th></tr></thead><tbody>{rows}</tbody></table>"
        response = Response(_PAGE.format(body=table if rows else "<p>No message was sent yet.</p>"), mimetype="text/html")
        # The messages are others' words.
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
