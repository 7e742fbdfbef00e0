"""A pretended SCIM service on a real port behind the contract, the provider that talks to it, and people to send there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from provider_contracts.scim import CheckedScim

from rolecall.testing.wire import Wire
from rolecall_scim.fake import FakeScim, Quirks, create_app
from rolecall_scim.provider import ScimProvider


@pytest.fixture
def quirks() -> dict[str, Any]:
    """What is unusual about the service."""
    return {}


@pytest.fixture
def service(quirks: dict[str, Any], options: dict[str, Any]) -> FakeScim:
    """An empty service."""
    return create_app("http://127.0.0.1", quirks=Quirks(**quirks), **options)


@pytest.fixture
def wire(service: FakeScim) -> Iterator[Wire]:
    """The service on a port."""
    with Wire(CheckedScim(service), deadline=2) as wire:
        service.base_url = wire.url
        yield wire


@pytest.fixture
def provider(service: FakeScim, wire: Wire, settings: dict[str, Any]) -> ScimProvider:
    """The provider, connected to the service."""
    return ScimProvider({**service.settings, **settings}, wire.http)


@pytest.fixture
def calls(service: FakeScim) -> Callable[[], list[str]]:
    """Method and path of every call, parts of bulks each by itself, with the ids left out."""

    def read() -> list[str]:
        ids = dict.fromkeys((*service.state.users, *service.state.groups), "{id}")
        return [f"{each['method']} {'/'.join(ids.get(step, step) for step in each['path'].split('/'))}" for each in service.journal]

    return read


@pytest.fixture
def facts() -> Callable[[str], dict[str, Any]]:
    """Addresses of the school."""
    return lambda name: {"key": f"key-{name}", "email": f"{name}@school.example"}
