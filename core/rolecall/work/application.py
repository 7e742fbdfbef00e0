"""The parts of a running Rolecall, put together once per process: settings, database, keys, plugins."""

from collections.abc import Callable, Mapping
from types import ModuleType

import structlog

from rolecall import logs
from rolecall.accounts.sealing import Keyring
from rolecall.config import Config
from rolecall.errors import ConfigurationError
from rolecall.plugins.registry import Registry
from rolecall.store.engine import Database
from rolecall.work.sync.instances import Instances

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
        self.keyring = Keyring(config.encryption_keys)
        self.plugins = Registry(strict=config.strict, trace=config.trace, allow=config.plugins_allow, extra=plugins)
        self.instances = Instances(self)
        self._wake: Nudge | None = None

    def wake_by(self, nudge: Nudge | None) -> None:
        """Say who is woken when something becomes due; without anybody, workers find it when they poll."""
        self._wake = nudge

    def nudge(self, name: str, argument: str, after: float = 0) -> None:
        """Tell the worker that ``name(argument)`` has something to do."""
        if self._wake is not None:
            self._wake(name, argument, after)

    def close(self) -> None:
        """Give the connections back, to the providers and to the database."""
        self.instances.close()
        self.db.close()

    def __enter__(self) -> "Application":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
