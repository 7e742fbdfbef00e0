"""A provider's fake as a process of its own, so that its work is not measured as ours: every answer takes the latency, and is counted.

``python -m benchmarks.server NAME SECONDS`` prints the settings that lead to it, and for each line it reads what came since the last one.
"""

import json
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from io import BytesIO
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from rolecall.testing.wire import Wire

#: Seconds over which calls are counted to see a rate.
WINDOW = 1.0
#: Here only the latency answers, and no application.
BARE = "/bare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a server saw: how many calls, what they weighed, how long each took on average, the most weight within any second, and the
    seconds between the first call and the last."""

    calls: int
    weight: int
    seconds: float
    most: int
    span: float


class Slow:
    """Lets every answer of an application take so many seconds in all, the application's own work included."""

    def __init__(self, latency: float) -> None:
        self.app: Any = None
        self._latency = latency
        self._seen: list[tuple[float, float, int]] = []
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer late."""
        begun, weight = time.monotonic(), _weight(environ)
        if environ["PATH_INFO"] == BARE:
            start_response("200 OK", [("Content-Length", "0")])
            body = [b""]
        else:
            body = list(self.app(environ, start_response))
        time.sleep(max(0.0, begun + self._latency - time.monotonic()))
        with self._lock:
            self._seen.append((begun, time.monotonic() - begun, weight))
        return body

    def report(self) -> Report:
        """Say what came since the last report."""
        with self._lock:
            seen, self._seen = sorted(self._seen), []
        first = most = within = 0
        for moment, _, weight in seen:
            within += weight
            while moment - seen[first][0] >= WINDOW:
                within -= seen[first][2]
                first += 1
            most = max(most, within)
        seconds = sum(taken for _, taken, _ in seen) / max(1, len(seen))
        span = seen[-1][0] - seen[0][0] if seen else 0.0
        return Report(calls=len(seen), weight=sum(weight for *_, weight in seen), seconds=seconds, most=most, span=span)


def _weight(environ: WSGIEnvironment) -> int:
    """Of how many calls a call counts: a batch of Microsoft's of as many as it has parts that write."""
    if not environ["PATH_INFO"].endswith("/$batch"):
        return 1
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    return max(1, sum(part["method"] != "GET" for part in json.loads(body)["requests"]))


def main(name: str, latency: str) -> None:
    """Serve until nobody writes any more."""
    slow = Slow(float(latency))
    (point,) = entry_points(group="rolecall.fakes", name=name)
    with Wire(slow) as wire:
        slow.app = point.load()(wire.url)
        print(json.dumps({"host": wire.host, "settings": slow.app.settings}), flush=True)
        for _ in sys.stdin:
            print(json.dumps(asdict(slow.report())), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
