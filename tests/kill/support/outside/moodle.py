"""The fake Moodle in a process of its own, with levers: at an exact point of a call it kills or stops the process that made it.

The same file is the process (``python moodle.py --token ...``) and, as :class:`Site`, the hand that pulls the levers.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import requests

TOKEN = "0123456789abcdef0123456789abcdef"
#: Longer than any test: what is held this long was forgotten.
FORGOTTEN = 120.0


class LostError(Exception):
    """The process that asked is dead, and its request never had an effect."""


class Levers:
    """What is to happen at which point of which call, and what has happened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[dict[str, Any]] = []
        self._free = threading.Event()
        self.struck: list[dict[str, Any]] = []
        self.poison: list[str] = []

    def arm(self, strike: dict[str, Any]) -> None:
        """Add a strike; the first that fits a call is used up by it."""
        with self._lock:
            self._armed.append(strike)

    def release(self) -> None:
        """Let go on whoever is held."""
        self._free.set()

    def reached(self, function: str, phase: str) -> None:
        """Carry out what is armed for this point."""
        with self._lock:
            fitting = (each for each in self._armed if each["phase"] == phase and each["function"] in (function, "*"))
            strike = next(fitting, None)
            if strike is None:
                return
            self._armed.remove(strike)
        time.sleep(strike["after"])
        if strike["do"] == "hold":
            with self._lock:
                self.struck.append(strike)
            self._free.wait(FORGOTTEN)
            self._free.clear()
            return
        pid = int(Path(strike["pid_file"]).read_text())
        os.kill(pid, getattr(signal, strike["do"]))
        wait_for_state(abs(pid), "ZX" if strike["do"] == "SIGKILL" else "T")
        with self._lock:
            self.struck.append(strike)
        if strike["do"] == "SIGKILL" and phase == "before_commit":
            raise LostError


def wait_for_state(pid: int, states: str) -> None:
    """Wait until a process is in one of these states of ``/proc``; one that is gone is dead enough."""
    while True:
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        if text.rpartition(")")[2].split()[0] in states:
            return
        time.sleep(0.001)


def _application(fake: Any, levers: Levers) -> Any:
    def pull(path: str, body: dict[str, Any]) -> Any:
        if path == "/_arm":
            return levers.arm(body)
        if path == "/_release":
            return levers.release()
        if path == "/_poison":
            levers.poison[:] = body["texts"]
            return None
        if path == "/_latency":
            fake.latency = body["seconds"]
            return None
        if path == "/_struck":
            return levers.struck
        if path == "/_courses":
            return fake.course_list
        users = fake.users
        passwords = {str(each["id"]): each["password"] for each in fake.state.users.values()}
        return [{**each, "groups": sorted(each["groups"]), "password": passwords[str(each["id"])]} for each in users.values()]

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if path in ("/_arm", "/_release", "/_poison", "/_latency", "/_struck", "/_users", "/_courses"):
            answer = json.dumps(pull(path, json.loads(body or b"{}"))).encode()
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
            return [answer]
        if b"wsfunction=core_user_get" not in body and any(each.encode() in body for each in levers.poison):
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return []
        environ["wsgi.input"] = BytesIO(body)
        try:
            answered: Iterable[bytes] = fake(environ, start_response)
        except LostError:
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return []
        return answered

    return application


def main() -> None:
    """Serve until the process is ended; the first line of output says that it listens."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    from rolecall_moodle.fake import create_app

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            """The journal is the log."""

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--state")
    parser.add_argument("--latency", type=float, default=0.0)
    options = parser.parse_args()
    levers = Levers()
    fake = create_app(
        f"http://127.0.0.1:{options.port}", token=TOKEN, state_file=options.state, latency=options.latency, on_request=levers.reached
    )
    server = make_server("127.0.0.1", options.port, _application(fake, levers), threaded=True, request_handler=Quiet)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    server.serve_forever()


class Site:
    """A fake Moodle that runs: its address, what it holds, and its levers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.settings = {"base_url": f"http://{self.host}", "token": TOKEN}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, *, latency: float = 0.0) -> None:
        """Begin to serve what the site held when it was killed."""
        command = [
            sys.executable,
            __file__,
            "--port",
            str(self.port),
            "--state",
            str(self._folder / "moodle.db"),
            "--latency",
            str(latency),
        ]
        with (self._folder / "moodle.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n", "The fake Moodle did not start; moodle.log says why."

    def kill(self) -> None:
        """Be gone at once, as after a power cut: what was answered is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def arm(self, do: str, function: str, phase: str, pid_file: Path | None = None, *, after: float = 0.0) -> None:
        """Have the next call of this function (``*``: any) do something when it comes to a phase.

        ``do`` is ``hold`` or the name of a signal for the process whose id is in the file, or for a group of them where that is negative;
        ``after`` so many seconds more.
        """
        self._pull("/_arm", do=do, function=function, phase=phase, pid_file=str(pid_file), after=after)

    def release(self) -> None:
        """Let the call go on that is held."""
        self._pull("/_release")

    def poison(self, *texts: str) -> None:
        """Fail with 500 over every change in which one of these texts is."""
        self._pull("/_poison", texts=texts)

    def slow_down(self, seconds: float) -> None:
        """Let every call take so long."""
        self._pull("/_latency", seconds=seconds)

    @property
    def struck(self) -> int:
        """How many strikes have happened."""
        return len(self._pull("/_struck"))

    @property
    def users(self) -> list[dict[str, Any]]:
        """The living users but the site's own, with their cohorts as ``groups``."""
        found: list[dict[str, Any]] = self._pull("/_users")
        return found

    @property
    def courses(self) -> list[dict[str, Any]]:
        """The courses, with the roles of their people by user name."""
        found: list[dict[str, Any]] = self._pull("/_courses")
        return found

    @property
    def journal(self) -> list[dict[str, Any]]:
        """Every call since the start, with its fields."""
        found: list[dict[str, Any]] = requests.get(f"http://{self.host}/_journal", timeout=30).json()
        return found

    def calls(self, function: str) -> list[dict[str, Any]]:
        """The calls of one function."""
        return [each for each in self.journal if each["function"] == function]

    def _pull(self, path: str, **body: Any) -> Any:
        return requests.post(f"http://{self.host}{path}", json=body, timeout=30).json()


if __name__ == "__main__":
    main()
