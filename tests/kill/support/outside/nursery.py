"""Starts the ``rolecall`` command in processes of its own, quickly: they are forked from one that has loaded everything already.

The same file is that process (``python nursery.py``) and, as :class:`Nursery`, the hand that gives it orders. A child runs what the
installed command runs, in a folder and an environment of its own, and is whoever's to kill.
"""

import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Self

from outside.waiting import PATIENCE, eventually
from rolecall.plugins import registry


def main() -> None:
    """Take orders, one a line, until the input ends; say who was started and who ended."""
    for package in ("rolecall", "rolecall_moodle", "rolecall_oneroster", "rolecall_webapp"):
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if not module.name.endswith("__main__") and ".migrations" not in module.name:
                import_module(module.name)
    # What else is installed is loaded by each process that begins.
    for plugin in entry_points(group=registry.GROUP):
        plugin.load()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _say({"ready": True})
    orders = b""
    while True:
        ready, _, _ = select.select([0, reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            _reap()
        if 0 in ready:
            received = os.read(0, 65536)
            if not received:
                return
            *whole, orders = (orders + received).split(b"\n")
            for order in whole:
                _fork(json.loads(order))


def _say(news: Mapping[str, Any]) -> None:
    os.write(1, json.dumps(news).encode() + b"\n")


def _reap() -> None:
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _say({"ended": pid, "status": os.waitstatus_to_exitcode(status)})
    except ChildProcessError:
        return


def _fork(order: Mapping[str, Any]) -> None:
    pid = os.fork()
    if pid:
        with suppress(OSError):
            os.setpgid(pid, pid)
        _say({"started": pid, "order": order["number"]})
        return
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)
        Path(order["pid_file"]).write_text(str(os.getpid()))
        Path(order["pid_file"]).with_suffix(".group").write_text(str(-os.getpid()))
        os.chdir(order["folder"])
        log = os.open("processes.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = ["rolecall", *order["arguments"]]
        from rolecall.cli import main as command

        command(order["arguments"])
    except SystemExit as ended:
        os._exit(ended.code if isinstance(ended.code, int) else 1)
    finally:
        os._exit(99)


@dataclass(frozen=True, slots=True)
class Child:
    """A process that was started. It leads a group, in which its own processes are too."""

    nursery: "Nursery"
    pid: int
    pid_file: Path

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to it and to all processes that it has started."""
        if not self.has_ended:
            os.killpg(self.pid, number)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        if not self.has_ended:
            os.kill(self.pid, number)

    @property
    def is_group_gone(self) -> bool:
        """Whether none of the processes that it has started is left."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end and return its exit code, or the negative number of the signal that killed it."""
        eventually(f"process {self.pid} ended", lambda: self.has_ended, seconds=seconds)
        return self.nursery.statuses[self.pid]

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self.pid in self.nursery.statuses

    def kill(self) -> int:
        """Kill it with its processes and wait for its end."""
        self.signal_group(signal.SIGKILL)
        return self.wait()


class Nursery:
    """The process from which others are forked."""

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self._pids: dict[int, int] = {}
        self._ready = threading.Event()
        self._orders = 0

    def __enter__(self) -> Self:
        path = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._reader = threading.Thread(target=self._read, name="nursery", daemon=True)
        self._reader.start()
        assert self._ready.wait(PATIENCE), "The nursery did not start."
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def start(self, *arguments: str, folder: Path, environment: Mapping[str, str], name: str = "process") -> Child:
        """Run ``rolecall`` with these arguments. Its output is in a log.

        Its process id is also in a file of that name in the folder (``.pid``), and in another (``.group``) as signals to the group need it.
        """
        assert self._process.stdin is not None
        self._orders += 1
        number, pid_file = self._orders, folder / f"{name}.pid"
        order = {"number": number, "arguments": arguments, "folder": str(folder), "environment": environment, "pid_file": str(pid_file)}
        self._process.stdin.write(json.dumps(order, default=dict).encode() + b"\n")
        self._process.stdin.flush()
        pid = eventually("the process was forked", lambda: self._pids.get(number), between=0.002)
        return Child(self, pid, pid_file)

    def kill_all(self) -> None:
        """Kill whoever is left."""
        for pid in self._pids.values():
            if pid not in self.statuses:
                os.killpg(pid, signal.SIGKILL)
        eventually("all processes are gone", lambda: all(pid in self.statuses for pid in self._pids.values()))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            news = json.loads(line)
            if "started" in news:
                self.statuses.pop(news["started"], None)
                self._pids[news["order"]] = news["started"]
            elif "ended" in news:
                self.statuses[news["ended"]] = news["status"]
            else:
                self._ready.set()


if __name__ == "__main__":
    main()
