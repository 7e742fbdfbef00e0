"""A pretended tenant on a real port behind the published contract, the provider that talks to it, and people to send there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from provider_contracts.graph import CheckedGraph

from rolecall.testing.wire import Wire
from rolecall_o365.fake import FakeMicrosoft, create_app
from rolecall_o365.provider import MicrosoftProvider


@pytest.fixture
def tenant(options: dict[str, Any]) -> FakeMicrosoft:
    """An empty tenant."""
    return create_app("http://127.0.0.1", **options)


@pytest.fixture
def wire(tenant: FakeMicrosoft) -> Iterator[Wire]:
    """The tenant on a port."""
    with Wire(CheckedGraph(tenant), deadline=2) as wire:
        tenant.base_url = wire.url
        yield wire


@pytest.fixture
def provider(tenant: FakeMicrosoft, wire: Wire, settings: dict[str, Any]) -> MicrosoftProvider:
    """The provider, connected to the tenant."""
    return MicrosoftProvider({**tenant.settings, **settings}, wire.http)


@pytest.fixture
def calls(tenant: FakeMicrosoft) -> Callable[[], list[str]]:
    """Method and path of every call, parts of batches each by itself, with the ids left out."""

    def read() -> list[str]:
        ids = dict.fromkeys((*tenant.state.users, *tenant.state.deleted, *tenant.state.groups), "{id}")
        return [f"{each['method']} {'/'.join(ids.get(step, step) for step in each['path'].split('/'))}" for each in tenant.journal]

    return read
