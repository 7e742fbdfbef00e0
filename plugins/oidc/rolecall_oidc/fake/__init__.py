"""A service that signs people in by OpenID Connect and is none: whoever comes chooses who they are.

For tests and the demonstration only. It keeps state, knows nothing of Rolecall, and its people are invented.
"""

from typing import Any

from rolecall_oidc.fake.app import FakeIssuer

__all__ = ["FakeIssuer", "create_app"]


def create_app(base_url: str, **options: Any) -> FakeIssuer:
    """Return the WSGI application of a fresh issuer that is reached at ``base_url``; options as for :class:`FakeIssuer`."""
    return FakeIssuer(base_url, **options)
