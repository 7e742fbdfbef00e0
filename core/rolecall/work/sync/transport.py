"""The HTTP client that a provider gets: it calls only under a lease that is long enough, and not while the server asked to wait.

Owns nothing but that question before each call; the rest is the SDK's client.
"""

import time
from datetime import timedelta
from typing import Any

from rolecall.sdk.http import Http, Response
from rolecall.work import leases
from rolecall.work.leases import NotCalledError

#: Answers whose Retry-After speaks for the whole service.
_BUSY = frozenset({429, 503})


class LeasedHttp(Http):
    """A client whose calls each fit into the lease of the thread that makes them. ``seconds`` is the time that must be left."""

    def __init__(self, *, seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self._seconds = seconds
        self._quiet_until = 0.0

    def request(self, method: str, url: str, **options: Any) -> Response:
        """Send one request as :class:`Http` does.

        :raises NotCalledError: when the lease is over, or the server has asked for a pause that is not over.
        """
        left = self._quiet_until - time.monotonic()
        if left > 0:
            raise NotCalledError("The service asked to be left alone for a while.", retry_after=timedelta(seconds=left))
        leases.ensure(self._seconds)
        response = super().request(method, url, **options)
        pause = response.retry_after() if response.status in _BUSY else None
        if pause:
            self._quiet_until = max(self._quiet_until, time.monotonic() + pause.total_seconds())
        return response
