"""Finds the fakes that the demo connects, and says of those it must leave out what is missing.

Any plugin may bring one, so one that cannot be made never keeps the others out. Knows none of them by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

from rolecall.plugins.plugin import Plugin
from rolecall.testing.fakes import FakeService

GROUP = "rolecall.fakes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fakes:
    """The WSGI applications to connect, by plugin, and a sentence for each that is left out."""

    apps: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def make(points: Iterable[EntryPoint], plugins: Mapping[str, Plugin], address: str) -> Fakes:
    """Make each fake below ``address``, as ``address/NAME``, whose plugin can be used here."""
    fakes = Fakes()
    for point in points:
        plugin = plugins.get(point.name)
        if plugin is None or plugin.fault is not None:
            label = plugin.label if plugin else point.name
            fakes.left_out.append(f"{label} is left out. {plugin.fault if plugin else 'Its plugin is not installed.'}")
            continue
        try:
            fakes.apps[point.name] = point.load()(f"{address}/{point.name}")
        except Exception as error:  # noqa: BLE001 - a plugin's code may do anything; the demo goes on without it
            fakes.left_out.append(f"{plugin.label} is left out. Its fake could not be made: {type(error).__name__}: {error}")
    return fakes


def introduce(fakes: Fakes, people: Sequence[Mapping[str, str]]) -> None:
    """Tell the fakes of some people of the school: see :meth:`FakeService.meet`."""
    for fake in fakes.apps.values():
        if isinstance(fake, FakeService):
            fake.meet(people)
