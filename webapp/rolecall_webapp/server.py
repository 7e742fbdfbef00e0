"""Serves the web application with waitress, beside the worker of this process if it has one, until it is told to stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from waitress.server import create_server

from rolecall.work.application import Application
from rolecall.work.engine import engine_of

#: Requests at once; a page holds its thread for milliseconds, because progress is polled and not streamed.
THREADS = 16
#: Largest request body: a CSV of people of 200 MB, and the form around it.
LARGEST_BODY = 210 * 2**20
#: Seconds after which a silent connection is closed.
SILENCE = 60


def serve(application: Application, wsgi: Any, *, host: str, port: int, worker: bool, listening: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGINT or SIGTERM; then no new work is claimed, and what is under way is finished or given back.

    ``listening`` is called once the port answers.

    :raises OSError: when the port is taken.
    """
    server = create_server(
        wsgi, host=host, port=port, threads=THREADS, max_request_body_size=LARGEST_BODY, channel_timeout=SILENCE, ident=None,
        # Where proxies are trusted, the application itself takes as many of their hops as it was told to.
        clear_untrusted_proxy_headers=not application.config.trusted_proxies,
    )  # fmt: skip
    engine = engine_of(application, work=worker)
    with stopped_by_signal():
        try:
            if engine is not None:
                engine.start()
            listening()
            server.run()
        except (KeyboardInterrupt, SystemExit):
            pass
        finally:
            if engine is not None:
                engine.stop()
            server.close()


@contextmanager
def stopped_by_signal() -> Iterator[None]:
    """Make SIGTERM end the block as Ctrl+C does, so that everything is put away in order."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
