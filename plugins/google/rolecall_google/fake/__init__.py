"""A Google Workspace that is none: it answers the calls this plugin makes as Google's reference says it does.

For tests and the demonstration only. It keeps state, knows nothing of Rolecall, and its users are invented.
"""

from typing import Any

from rolecall_google.fake.app import FakeGoogle
from rolecall_google.fake.state import ALL_RIGHTS, ALL_SCOPES

__all__ = ["ALL_RIGHTS", "ALL_SCOPES", "FakeGoogle", "create_app"]


def create_app(base_url: str, **options: Any) -> FakeGoogle:
    """Return the WSGI application of a fresh Workspace that is reached at ``base_url``; options as for :class:`FakeGoogle`."""
    return FakeGoogle(base_url, **options)
