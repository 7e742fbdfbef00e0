"""The plugins that the workers of the scaling benchmark load, and the service that they call: what a provider costs without its own logic.

The number of places at the steady one, and where the service is, come from the environment, because a worker is a process of its own.
"""

import os
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from rolecall.errors import Transient
from rolecall.sdk.provider import Attributes, Limits, Provider, Remote, Secret
from rolecall.sdk.snapshots import AccountSnapshot
from rolecall.testing.providers import plugin_of

#: How many may work at the steady provider at once, and the service's address.
PLACES, URL = "BENCH_PLACES", "BENCH_URL"
#: Calls that an account takes.
CALLS = 3
#: Calls a second that the limited provider takes.
RATE = 60.0


class Steady(Provider):
    """Three calls for each account, as most make them: looked up, made, put into its groups."""

    id = "steady"
    label = "Steady"
    limits = Limits(concurrency=int(os.environ.get(PLACES, "1")), calls=CALLS)

    def attributes(self, account: AccountSnapshot) -> Attributes:
        """What most providers want to know."""
        return {"username": account.username, "email": account.email, "last_name": account.person.last_name}

    def find(self, account: AccountSnapshot) -> Remote | None:
        """Nobody is there."""
        return None

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        """Call the service."""
        for _ in range(CALLS):
            answer = self.http.post(f"{os.environ[URL]}/{self.id}", json=dict(wanted))
            if answer.status != 200:
                raise Transient(f"{self.label} answered {answer.status}.")
        return Remote(external_id=account.key)


class Limited(Steady):
    """The same with a rate."""

    id = "limited"
    label = "Limited"
    limits = Limits(concurrency=8, rate=RATE, calls=CALLS)


class Down(Steady):
    """The same, but it answers nobody well."""

    id = "down"
    label = "Down"
    limits = Limits(concurrency=2, calls=CALLS)


steady, limited, down = plugin_of(Steady), plugin_of(Limited), plugin_of(Down)
PLUGINS = {Steady.id: steady, Limited.id: limited, Down.id: down}


class Service:
    """Answers every call, well or not."""

    def __init__(self, url: str) -> None:
        self.settings: dict[str, Any] = {"url": url}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer."""
        status = "503 Service Unavailable" if environ["PATH_INFO"] == f"/{Down.id}" else "200 OK"
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]
