"""A Brightspace that is none: it answers the calls this plugin makes as D2L's pages say a site does.

For tests and the demonstration only. It keeps state, knows nothing of Rolecall, and its users are invented.
"""

from typing import Any

from rolecall_brightspace.fake.app import FakeBrightspace

__all__ = ["FakeBrightspace", "create_app"]


def create_app(base_url: str, **options: Any) -> FakeBrightspace:
    """Return the WSGI application of a fresh site that is reached at ``base_url``; options as for :class:`FakeBrightspace`."""
    return FakeBrightspace(base_url, **options)
