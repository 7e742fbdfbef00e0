"""A mail server that is none: it takes every mail on a port of this machine and shows it as an inbox.

For tests and the demonstration only. What it took stays in memory.
"""

from typing import Any

from rolecall_email.fake.app import FakeMail

__all__ = ["FakeMail", "create_app"]


def create_app(base_url: str, **_: Any) -> FakeMail:
    """Return the WSGI application of an inbox, which is reached at ``base_url`` and whose mail server runs already."""
    return FakeMail(base_url)
