"""Runs the fake Moodle as a process of its own: ``python -m rolecall_moodle.fake --port 8080 --token T``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from werkzeug.serving import make_server

from rolecall.testing.fakes import serve
from rolecall_moodle.fake import create_app


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until the process is ended; the first line of output is the address."""
    parser = argparse.ArgumentParser(prog="python -m rolecall_moodle.fake", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--token", help="the key of the robot user")
    parser.add_argument("--state", help="SQLite file in which the site survives its process")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each call takes")
    options = parser.parse_args(arguments)
    keywords = {"token": options.token} if options.token else {}
    app = create_app("http://127.0.0.1", state_file=options.state, latency=options.latency, **keywords)
    try:
        serve(app, make_server, options.port, lambda: app.base_url)
    finally:
        app.state.close()


if __name__ == "__main__":
    main()
