"""A provider's own fake on a port, with the provider that talks to it: what the contracts of accounts and of classes share."""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, ClassVar
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from rolecall.plugins.registry import Registry
from rolecall.sdk.integration import provider_schema
from rolecall.sdk.provider import Change, Provider, Result
from rolecall.sdk.snapshots import AccountSnapshot, PersonSnapshot, RoleSnapshot
from rolecall.testing.wire import Wire

#: A name as schools have them.
NAME = ("Anna", "Kowalska")


class Bench:
    """The fake on a port, with the provider that talks to it."""

    def __init__(self, kind: type[Provider], make_fake: Callable[[str], Any], settings: Mapping[str, Any]) -> None:
        self.wire = Wire(self._ask, deadline=3)
        self.fake = make_fake(self.wire.url)
        #: What the plugin's settings must be to reach the fake.
        self.settings = {**self.fake.settings, **settings}
        self.provider = kind(self._filled(kind), self.wire.http)

    def _ask(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        app: WSGIApplication = self.fake
        return app(environ, start_response)

    def _filled(self, kind: type[Provider]) -> dict[str, Any]:
        loaded: dict[str, Any] = provider_schema(kind, kind.settings_schema)().load(self.settings)
        return loaded

    def carry(self, *plan: Change) -> dict[int, Result]:
        """Have the provider carry changes out; each has exactly one result."""
        results = list(self.provider.apply(plan))
        assert sorted(result.change.link_id for result in results) == sorted(change.link_id for change in plan)
        return {result.change.link_id: result for result in results}


class ProviderBench:
    """What a contract needs besides its questions: the provider's class, its fake and accounts."""

    #: The name of the plugin's entry point.
    plugin: ClassVar[str]
    settings: ClassVar[Mapping[str, Any]] = {}

    def make_fake(self, url: str) -> Any:
        """Return a fresh fake that is reached at ``url``."""
        (point,) = entry_points(group="rolecall.fakes", name=self.plugin)
        return point.load()(url)

    def account(self, number: int = 1, *, first_name: str = "", last_name: str = "", **values: Any) -> AccountSnapshot:
        """Return an account; override it where the provider needs more than a user name, an e-mail and a role."""
        first, last = NAME
        person = PersonSnapshot(
            id=number,
            list="students",
            code=f"S{number}",
            first_name=first_name or first,
            last_name=last_name or f"{last} {number}",
            language="en",
        )
        role = RoleSnapshot(period="2026", role="Main student", period_is_current=True)
        facts = {"key": str(uuid4()), "type": "student", "username": f"user{number}", "email": f"user{number}@school.example"} | values
        return AccountSnapshot(id=number, person=person, roles=(role,), **facts)

    @pytest.fixture
    def kind(self) -> type[Provider]:
        """The provider's class."""
        return Registry(strict=True).installed[self.plugin].providers[self.plugin]

    @pytest.fixture
    def bench(self, kind: type[Provider]) -> Iterator[Bench]:
        """The fake and the provider."""
        bench = Bench(kind, self.make_fake, self.settings)
        with bench.wire:
            yield bench
