"""A Canvas that is none: it answers the calls this plugin makes as Canvas's documentation and its own code say it does.

For tests and the demonstration only. It keeps state, knows nothing of Rolecall, and its users are invented.
"""

from typing import Any

from rolecall_canvas.fake.app import FakeCanvas
from rolecall_canvas.fake.state import ALL_PERMISSIONS

__all__ = ["ALL_PERMISSIONS", "FakeCanvas", "create_app"]


def create_app(base_url: str, **options: Any) -> FakeCanvas:
    """Return the WSGI application of a fresh Canvas that is reached at ``base_url``; options as for :class:`FakeCanvas`."""
    return FakeCanvas(base_url, **options)
