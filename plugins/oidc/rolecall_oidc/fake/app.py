"""The pretended issuer: a page on which one chooses who one is, and the honest half of an issuer behind it.

Owns who there is and what a browser sees. Codes, tokens and keys are those of :mod:`rolecall.testing.issuer`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from rolecall.testing.fakes import FakeService, Table
from rolecall.testing.issuer import Issuer
from rolecall_oidc.fake import page

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

CLIENT, SECRET = "rolecall", "demo-secret"
#: The domain of everybody's address, about which the issuer decides.
DOMAIN = "home.example"
#: Somebody whom no list has: what becomes of them is for the institution to say.
NEWCOMER = {"sub": "newcomer", "given_name": "Nikos", "family_name": "Newcomer", "email": f"nikos.newcomer@{DOMAIN}"}


class FakeIssuer(FakeService):
    """One issuer, its client and its people; whoever asks for a fresh proof gets one, because everybody chooses each time."""

    service = "service that signs people in"

    def __init__(self, base_url: str, *, name: str = "Demo ID") -> None:
        super().__init__(base_url, name=name)
        self._issuer = Issuer(url=self.base_url, clients={CLIENT: SECRET})
        self._people: dict[str, dict[str, str]] = {NEWCOMER["sub"]: NEWCOMER}

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the plugin that reach this issuer; whoever comes from it for the first time is let in."""
        return {
            "issuer": self.base_url, "client_id": CLIENT, "client_secret": SECRET, "button": self.name,
            "authoritative_domains": [DOMAIN], "new_accounts": "everybody", "new_account_type": "student",
        }  # fmt: skip

    def meet(self, people: Sequence[Mapping[str, str]]) -> None:
        """Give the people of a school an identity here, before those that are here already."""
        known = {
            each["code"]: {
                "sub": f"id-{each['code'].lower()}", "given_name": each["first_name"], "family_name": each["last_name"],
                "email": each["email"], "note": each["note"],
            }
            for each in people
        }  # fmt: skip
        with self.lock:
            self._people = {each["sub"]: each for each in known.values()} | self._people

    def tables(self) -> Iterable[Table]:
        """Who there is."""
        columns = ("Name", "E-mail", "Subject")
        rows = [(True, (_name(each), each["email"], each["sub"])) for each in self._people.values()]
        yield Table(title="People", columns=columns, rows=rows)

    def respond(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Answer one request."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.note(method=method, path=path)
        if (planted := self.instead(method, path)) is not None:
            return Response(json.dumps(planted.body), planted.status, planted.headers, content_type="application/json")
        self._issuer.url = self.base_url
        return self._authorize(environ["QUERY_STRING"]) if path == "/authorize" else self._issuer

    def _authorize(self, query: str) -> WSGIApplication:
        asked = dict(parse_qsl(query))
        wrong = page.problem(asked, CLIENT)
        if wrong:
            return Response(page.message(self.name, wrong), 400, page.HEADERS)
        if asked.get("prompt") == "none":
            # Nobody stays signed in here, so nobody is without being asked.
            return _sent_back(asked["redirect_uri"], {"error": "login_required", "state": asked["state"], "iss": self.base_url})
        person = self._people.get(asked.get("who", ""))
        if person is None:
            choices = [(_name(each), each.get("note") or "in no list", f"?{query}&who={each['sub']}") for each in self._people.values()]
            return Response(page.choose(self.name, choices), 200, page.HEADERS)
        told = {name: value for name, value in person.items() if name != "note"}
        self._issuer.person = {**told, "email_verified": True, "amr": ["pwd"]}
        return _sent_back(asked["redirect_uri"], self._issuer.walk(f"?{query}"))


def _sent_back(where: str, args: Mapping[str, str]) -> WSGIApplication:
    return redirect(f"{where}?{urlencode(args)}", 303)


def _name(person: Mapping[str, str]) -> str:
    return f"{person['given_name']} {person['family_name']}"
