"""The parts of a running Rolecall, put together once per process: settings, database, keys, plugins."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import structlog
from sqlalchemy.orm import Session

from rolecall import logs
from rolecall.accounts import rights
from rolecall.accounts.actors import Actor
from rolecall.accounts.keys import ENCRYPTION_KEYS, KeyFile
from rolecall.accounts.messages import ANNOUNCED
from rolecall.accounts.sealing import Keyring
from rolecall.config import Config
from rolecall.errors import ConfigurationError
from rolecall.plugins.registry import Registry
from rolecall.store.engine import Database
from rolecall.work.delivery.channels import Channels, serving
from rolecall.work.login_methods import LoginMethods
from rolecall.work.sync.instances import Instances

log = structlog.get_logger(__name__)

#: (function, argument, seconds from now): wakes a worker that may forget, repeat or die; the rows are the truth.
Nudge = Callable[[str, str, float], None]


class Application:
    """What every face and the worker work with. Close it when done; it may be used as a context manager."""

    def __init__(self, config: Config, *, plugins: Mapping[str, ModuleType] | None = None) -> None:
        if not structlog.is_configured():
            # Whoever did not say how to log gets lines without secrets: the library's own default prints local variables.
            logs.configure()
        if not config.encryption_keys:
            raise ConfigurationError(
                "There is no encryption key.",
                hint=f"Run “rolecall init” (it writes one into {config.data}), or set ROLECALL_ENCRYPTION_KEYS.",
            )
        self.config = config
        self.db = Database(config.database_url)
        self.db.after_commit = self._committed
        self.keyring = Keyring(config.encryption_keys, refresh=follow.changed if (follow := key_file(config)) else None)
        self.plugins = Registry(
            strict=config.strict, trace=config.trace, allow=config.plugins_allow, extra=plugins, given=config.given_plugins
        )
        self._begin_calls()
        self._wake: Nudge | None = None

    @contextmanager
    def read_as(self, actor: Actor) -> Iterator[Session]:
        """Open a unit that reads what an actor may see (R58). Faces read with this; rules and the worker, who see all, with ``db.read``."""
        with self.db.read() as session:
            rights.narrow(session, actor)
            yield session

    def wake_by(self, nudge: Nudge | None) -> None:
        """Say who is woken when something becomes due; without anybody, workers find it when they poll."""
        self._wake = nudge

    def nudge(self, name: str, argument: str, after: float = 0) -> None:
        """Tell the worker that ``name(argument)`` has something to do."""
        if self._wake is not None:
            self._wake(name, argument, after)

    def _committed(self, noted: Mapping[Any, Any]) -> None:
        """Wake whoever sends the messages that a unit queued, whichever rule queued them."""
        queued = noted.get(ANNOUNCED)
        if not queued or self._wake is None:
            return
        try:
            with self.db.read() as session:
                channels = serving(self.plugins.view(session))
        except Exception:  # the messages are there, and workers find them when they poll
            log.exception("nobody was woken for messages")
            return
        for address in queued & channels.keys():
            self.nudge("deliver", channels[address])

    def forked(self) -> None:
        """Begin anew what must not be shared with the process that this one was forked from; keys and plugins may be."""
        self.db.forked()
        self._begin_calls()

    def _begin_calls(self) -> None:
        self.instances = Instances(self)
        self.login_methods = LoginMethods(self)
        self.channels = Channels(self)

    def close(self) -> None:
        """Give the connections back, to the providers, the channels and the database."""
        self.instances.close()
        self.login_methods.close()
        self.channels.close()
        self.db.close()

    def __enter__(self) -> "Application":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def key_file(config: Config) -> KeyFile | None:
    """The file of keys that is ours to change, where the keys come from it; none where the operator keeps them elsewhere."""
    return KeyFile(config.data / ENCRYPTION_KEYS) if config.values["encryption_keys"].origin == "generated" else None
