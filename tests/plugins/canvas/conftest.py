"""A pretended Canvas on a real port behind the contract, the provider that talks to it, and people to send there."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import pytest
from provider_contracts.canvas import CheckedCanvas

from rolecall.testing.wire import Wire
from rolecall_canvas.fake import FakeCanvas, create_app
from rolecall_canvas.provider import CanvasProvider


@pytest.fixture
def canvas(options: dict[str, Any]) -> FakeCanvas:
    """An empty Canvas."""
    return create_app("http://127.0.0.1", **options)


@pytest.fixture
def wire(canvas: FakeCanvas) -> Iterator[Wire]:
    """Canvas on a port."""
    with Wire(CheckedCanvas(canvas), deadline=2) as wire:
        canvas.base_url = wire.url
        yield wire


@pytest.fixture
def provider(canvas: FakeCanvas, wire: Wire, settings: dict[str, Any]) -> CanvasProvider:
    """The provider, connected to Canvas."""
    return CanvasProvider({**canvas.settings, **settings}, wire.http)


@pytest.fixture
def calls(canvas: FakeCanvas) -> Callable[[], list[str]]:
    """Method and path of every call that changed something."""

    def read() -> list[str]:
        return [f"{each['method']} {each['path']}" for each in canvas.journal if each["method"] != "GET"]

    return read


@pytest.fixture
def facts() -> Callable[[str], dict[str, Any]]:
    """Keys as they are in earnest: Canvas makes SIS ids of them."""
    return lambda name: {"key": str(uuid5(NAMESPACE_DNS, name)), "email": f"{name}@home.example"}
