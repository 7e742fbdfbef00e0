"""The HTTP client that a provider gets: it calls only under a lease that is long enough, and not while the server asked to wait.

Owns nothing but that question before each call; the rest is the SDK's client.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from rolecall.sdk.http import Http, Response
from rolecall.work import leases
from rolecall.work.leases import NotCalledError
from rolecall.work.sync import totals

#: Answers whose Retry-After speaks for the whole service.
_BUSY = frozenset({429, 503})


class LeasedHttp(Http):
    """A client whose calls each fit into the lease of the thread that makes them. ``seconds`` is the time that must be left.

    ``count`` is told of every request: what was answered, in a word of ``totals.ANSWERS``.
    """

    def __init__(self, *, seconds: float, count: Callable[[str], None] = lambda _: None, **options: Any) -> None:
        super().__init__(**options)
        self._seconds = seconds
        self._count = count
        self._whole = options.get("rate")
        self._quiet_until = 0.0

    @property
    def rate(self) -> float | None:
        """Calls a second that this process may make; none for no limit."""
        return self._pace.rate if self._pace else None

    def share(self, part: float) -> None:
        """Keep to this part of the rate, because other processes that call the same service have the rest."""
        if self._pace and self._whole and part > 0:
            self._pace.rate = self._whole * part

    def request(self, method: str, url: str, **options: Any) -> Response:
        """Send one request as :class:`Http` does.

        :raises NotCalledError: when the lease is over, or the server has asked for a pause that is not over.
        """
        left = self._quiet_until - time.monotonic()
        if left > 0:
            raise NotCalledError("The service asked to be left alone for a while.", retry_after=timedelta(seconds=left))
        leases.ensure(self._seconds)
        try:
            response = super().request(method, url, **options)
        except Exception:
            self._count("none")
            raise
        self._count(totals.answer(response.status))
        pause = response.retry_after() if response.status in _BUSY else None
        if pause:
            self._quiet_until = max(self._quiet_until, time.monotonic() + pause.total_seconds())
        return response
