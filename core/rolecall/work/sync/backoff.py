"""How long a link waits for its next attempt, and after how many it is given up.

Full jitter: many accounts that failed together do not come back together. Pure.
"""

from datetime import timedelta
from random import SystemRandom

BASE = timedelta(seconds=5)
CAP = timedelta(hours=1)
LONGEST_RETRY_AFTER = timedelta(hours=24)

#: Attempts before a link is blocked: with these waits that is about an hour of bad luck.
ATTEMPTS = 10
#: An exception that is no provider's error is a bug, which does not go away by itself.
ATTEMPTS_UNEXPECTED = 8
#: An answer that is not the service's own language is seldom better the next time.
ATTEMPTS_BAD_RESPONSE = 3
#: Longer than this a change is not tried by itself.
PATIENCE = timedelta(days=7)

#: A link that was given up for what may have been the provider's fault is tried once a day ...
DAILY = timedelta(days=1)
#: ... until its change is so old.
DAILY_UNTIL = timedelta(days=28)

_random = SystemRandom()


def wait(attempts: int, retry_after: timedelta | None = None) -> timedelta:
    """Return the wait after this many failed attempts: anything up to the ceiling; what the server asked for wins."""
    if retry_after is not None:
        return min(max(retry_after, timedelta(0)), LONGEST_RETRY_AFTER)
    return ceiling(attempts) * _random.random()


def ceiling(attempts: int) -> timedelta:
    """Return the longest wait after this many failed attempts."""
    return min(BASE * (1 << min(max(attempts, 1) - 1, 20)), CAP)


def most_attempts(error_class: str) -> int:
    """Return after how many attempts a link is blocked that keeps failing in this way."""
    return {"error": ATTEMPTS_UNEXPECTED, "bad-response": ATTEMPTS_BAD_RESPONSE}.get(error_class, ATTEMPTS)
