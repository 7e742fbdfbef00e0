"""A Microsoft 365 that is none: it answers the calls this plugin makes as Graph's reference says a tenant does.

For tests and the demonstration only. It keeps state, knows nothing of Rolecall, and its users are invented.
"""

from typing import Any

from rolecall_o365.fake.app import FakeMicrosoft
from rolecall_o365.fake.state import ALL_ROLES

__all__ = ["ALL_ROLES", "FakeMicrosoft", "create_app"]


def create_app(base_url: str, **options: Any) -> FakeMicrosoft:
    """Return the WSGI application of a fresh tenant that is reached at ``base_url``; options as for :class:`FakeMicrosoft`."""
    return FakeMicrosoft(base_url, **options)
