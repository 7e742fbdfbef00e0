"""A pretended site on a real port behind the published contract, the provider that talks to it, and people to send there."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from provider_contracts.brightspace import CheckedSite

from rolecall import Change, ClassSnapshot, PeriodSnapshot, Result
from rolecall.testing.wire import Wire
from rolecall_brightspace.fake import FakeBrightspace, create_app
from rolecall_brightspace.provider import BrightspaceProvider
from rolecall_brightspace.settings import BrightspaceSettings


@pytest.fixture
def site(options: dict[str, Any]) -> FakeBrightspace:
    """An empty site."""
    return create_app("http://127.0.0.1", **options)


@pytest.fixture
def wire(site: FakeBrightspace) -> Iterator[Wire]:
    """The site on a port."""
    with Wire(CheckedSite(site), deadline=2) as wire:
        site.base_url = wire.url
        yield wire


@pytest.fixture
def filled(site: FakeBrightspace, wire: Wire, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as the plugin gets them; those of scope and classes as they are."""
    own = {name: value for name, value in settings.items() if name in BrightspaceSettings().fields}
    return {**BrightspaceSettings().load({**site.settings, **own}), **{name: settings[name] for name in settings.keys() - own.keys()}}


@pytest.fixture
def provider(filled: dict[str, Any], wire: Wire) -> BrightspaceProvider:
    """The provider, connected to the site."""
    return BrightspaceProvider(filled, wire.http)


@pytest.fixture
def school_class() -> ClassSnapshot:
    """A class."""
    period = PeriodSnapshot(code="2026", name="2026/27", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30), is_current=True)
    return ClassSnapshot(id=1, key="9b2f-class", code="M7B", name="Maths 7B", period=period)


@pytest.fixture
def apply(provider: BrightspaceProvider) -> Callable[..., Result]:
    """Carries one change out."""

    def run(change: Change) -> Result:
        (result,) = provider.apply([change])
        return result

    return run


@pytest.fixture
def calls(site: FakeBrightspace) -> Callable[[], list[str]]:
    """Method and path of every call, with the ids left out."""

    def read() -> list[str]:
        steps = [[step if not step.isdigit() else "{id}" for step in each["path"].split("/")] for each in site.journal]
        return [f"{each['method']} {'/'.join(path)}" for each, path in zip(site.journal, steps, strict=True)]

    return read
