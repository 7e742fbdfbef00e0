"""A pretended Workspace on a real port behind the published contracts, the provider that talks to it, and people to send there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from provider_contracts.google_batch import CheckedGoogle

from rolecall.testing.wire import Wire
from rolecall_google.fake import FakeGoogle, create_app
from rolecall_google.provider import GoogleProvider


@pytest.fixture
def school(options: dict[str, Any]) -> FakeGoogle:
    """An empty Workspace."""
    return create_app("http://127.0.0.1", **options)


@pytest.fixture
def wire(school: FakeGoogle) -> Iterator[Wire]:
    """The Workspace on a port."""
    with Wire(CheckedGoogle(school), deadline=2) as wire:
        school.base_url = wire.url
        yield wire


@pytest.fixture
def provider(school: FakeGoogle, wire: Wire, settings: dict[str, Any]) -> GoogleProvider:
    """The provider, connected to the Workspace."""
    return GoogleProvider({**school.settings, **settings}, wire.http)


@pytest.fixture
def calls(school: FakeGoogle) -> Callable[[], list[str]]:
    """Method and path of every call, parts of batches each by itself, with the ids left out."""

    def read() -> list[str]:
        state = school.state
        ids = dict.fromkeys((*state.users, *state.deleted, *state.groups, *state.courses), "{id}")
        return [f"{each['method']} {'/'.join(ids.get(step, step) for step in each['path'].split('/'))}" for each in school.journal]

    return read
