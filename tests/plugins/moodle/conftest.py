"""A pretended Moodle on a real port, the provider that talks to it, and people to send there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rolecall.testing.wire import Wire
from rolecall_moodle.fake import FakeMoodle, create_app
from rolecall_moodle.provider import MoodleProvider


@pytest.fixture
def moodle() -> FakeMoodle:
    """An empty site."""
    return create_app("http://127.0.0.1")


@pytest.fixture
def wire(moodle: FakeMoodle) -> Iterator[Wire]:
    """The site on a port."""
    with Wire(moodle, deadline=2) as wire:
        moodle.base_url = wire.url
        yield wire


@pytest.fixture
def provider(moodle: FakeMoodle, wire: Wire, settings: dict[str, Any]) -> MoodleProvider:
    """The provider, connected to the site."""
    return MoodleProvider({**moodle.settings, **settings}, wire.http)


@pytest.fixture
def calls(moodle: FakeMoodle) -> Callable[[], list[str]]:
    """The functions that were called, without their common beginning."""
    return lambda: [entry["function"].removeprefix("core_") for entry in moodle.journal]


@pytest.fixture
def facts() -> Callable[[str], dict[str, Any]]:
    """Addresses of the school."""
    return lambda name: {"key": f"key-{name}", "email": f"{name}@school.example"}
