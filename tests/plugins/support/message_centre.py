"""A real message centre for tests: the npm package smpp in a process of its own, and what it took."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

VERSION = "0.5.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rolecall-tests" / f"smpp-{VERSION}"
#: What a centre answers, by the standard.
THROTTLED, QUEUE_FULL, BAD_NUMBER, BAD_SENDER, BIND_FAILED, SYSTEM_ERROR = 0x58, 0x14, 0x0B, 0x0A, 0x0D, 0x08


def install() -> None:
    """Install the package, once for this user."""
    if not (CACHE / "node_modules" / "smpp").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        what = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(CACHE), f"smpp@{VERSION}"]
        subprocess.run(what, check=True, capture_output=True, timeout=240)


class Centre:
    """A message centre that runs. What is asked of it is JSON over HTTP."""

    def __init__(self, port: int, control: int) -> None:
        self.port, self._control = port, control

    @property
    def settings(self) -> dict[str, Any]:
        """What connects the plugin to it."""
        return {
            "gateway": "smpp",
            "smpp_host": "127.0.0.1",
            "smpp_port": self.port,
            "smpp_tls": False,
            "account": "school",
            "secret": "pass",
        }

    def do(self, order: str, **values: Any) -> Any:
        """Tell it something, or ask for its state."""
        with urlopen(f"http://127.0.0.1:{self._control}/{order}", data=json.dumps(values).encode(), timeout=20) as answer:
            return json.load(answer)

    @property
    def state(self) -> dict[str, Any]:
        """All that it knows."""
        return self.do("state")  # type: ignore[no-any-return]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts that it took."""
        return self.state["taken"]  # type: ignore[no-any-return]

    def taken(self) -> list[str]:
        """The numbers that whole messages were taken for."""
        return [f"+{each['to']}" for each in self.parts if each["part"] == each["total"]]

    def refuse(self, address: str) -> None:
        """Refuse a number for good."""
        self._answer(address, BAD_NUMBER)

    def put_off(self, address: str) -> None:
        """Refuse a number for now."""
        self._answer(address, QUEUE_FULL)

    def lose(self, address: str) -> None:
        """Take the next part for a number and hang up without an answer."""
        self.do("set", lose={address.lstrip("+"): True})

    def answer(self, address: str, *statuses: int) -> None:
        """Answer the next parts for a number with these statuses; what comes after is taken."""
        self.do("set", statuses={**self.state["statuses"], address.lstrip("+"): list(statuses)})

    def _answer(self, address: str, status: int) -> None:
        self.do("set", statuses={**self.state["statuses"], address.lstrip("+"): status})


@contextmanager
def running() -> Iterator[Centre]:
    """Run a message centre."""
    command = ["node", str(Path(__file__).parent / "message_centre.mjs")]
    with subprocess.Popen(command, cwd=CACHE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            port, control = process.stdout.readline().split()
            yield Centre(int(port), int(control))
        finally:
            process.kill()
