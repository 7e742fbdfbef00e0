"""A SCIM service that is none: it answers the calls this plugin makes as a real scim2-server 0.8 did when it was recorded.

For tests and the demonstration only. It keeps state, knows nothing of Rolecall, and its users are invented.
"""

from typing import Any

from rolecall_scim.fake.app import FakeScim
from rolecall_scim.fake.quirks import Quirks

__all__ = ["FakeScim", "Quirks", "create_app"]


def create_app(base_url: str, **options: Any) -> FakeScim:
    """Return the WSGI application of a fresh service that is reached at ``base_url``; options as for :class:`FakeScim`."""
    return FakeScim(base_url, **options)
