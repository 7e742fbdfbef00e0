"""Three gateways that are none: Twilio, Vonage and one that settings describe; they keep every message and show it on a page.

For tests and the demonstration only. What they took stays in memory.
"""

from typing import Any

from rolecall_sms.fake.app import FakeSms

__all__ = ["FakeSms", "create_app"]


def create_app(base_url: str, **_: Any) -> FakeSms:
    """Return the WSGI application of the gateways, which are reached below ``base_url``."""
    return FakeSms(base_url)
