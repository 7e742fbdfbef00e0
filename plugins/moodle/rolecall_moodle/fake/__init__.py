"""A Moodle that is none: it answers the web service calls this plugin makes as a real Moodle 4.3 did when it was recorded.

For tests and the demonstration only. It keeps state, knows nothing of Rolecall, and its users are invented.
"""

from typing import Any

from rolecall_moodle.fake.app import FakeMoodle
from rolecall_moodle.fake.state import ALL_RIGHTS, Token

__all__ = ["ALL_RIGHTS", "FakeMoodle", "Token", "create_app"]


def create_app(base_url: str, **options: Any) -> FakeMoodle:
    """Return the WSGI application of a fresh site that is reached at ``base_url``; options as for :class:`FakeMoodle`."""
    return FakeMoodle(base_url, **options)
