"""Settings of the process: environment first, then a TOML file, then defaults.

Owns every key with its default and meaning. Knows nothing of the settings that an office changes; those live in the database.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rolecall.errors import ConfigurationError

PREFIX = "ROLECALL_"
#: What may stand before the address of a broker; with an s it is encrypted.
BROKERS = ("amqp", "amqps", "redis", "rediss")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting of the process: its name without prefix, default, meaning, and whether its value is hidden."""

    name: str
    default: str
    help: str
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()


KEYS = (
    Key(name="data", default="./instance", help="Data directory: database and generated keys."),
    Key(name="database_url", default="", help="SQLAlchemy URL; sqlite:///rolecall.db in the data directory when empty."),
    Key(name="base_url", default="http://127.0.0.1:8000", help="The only source of links; plain http is for loopback only."),
    Key(name="secret_key", default="", help="Signs cookies; generated into the data directory by init and demo.", secret=True),
    Key(name="encryption_keys", default="", help="Comma-separated Fernet keys: the first encrypts, all decrypt.", secret=True),
    Key(name="mail_url", default="", help="Server that sends messages, as smtp://user:password@host:port?starttls=1.", secret=True),
    Key(name="trusted_proxies", default="0", help="Number of proxies whose headers are believed."),
    Key(name="outbound_allow", default="", help="Extra host:port (or host:*) that plugins may call, comma-separated."),
    Key(name="plugins_allow", default="", help="Which plugins may be enabled, comma-separated; all installed when empty."),
    Key(name="broker_url", default="", help="RabbitMQ or Redis that wakes workers on many machines; none: threads of each process."),
    Key(name="lease_seconds", default="120", help="How long a worker owns what it claimed; longer than the longest call."),
    Key(name="strict", default="0", help="1: plugin faults become exceptions."),
    Key(name="trace", default="0", help="1: hook calls are printed."),
)
_BY_NAME = {key.name: key for key in KEYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A key's value and where it comes from: ``environment``, the file's path, ``generated`` or ``default``."""

    key: Key
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of this process, read once."""

    values: Mapping[str, Value]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> str:
        return self.values[name].value

    @property
    def data(self) -> Path:
        """The data directory."""
        return Path(self["data"]).expanduser().resolve()

    @property
    def database_url(self) -> str:
        """The database, by default a file in the data directory."""
        return self["database_url"] or f"sqlite:///{self.data / 'rolecall.db'}"

    @property
    def base_url(self) -> str:
        """Public address without a trailing slash."""
        return self["base_url"].rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether the public address is https: cookies are then ``__Host-`` and Secure."""
        return self.base_url.startswith("https://")

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """All keys, the encrypting one first."""
        return _split(self["encryption_keys"])

    @property
    def outbound_allow(self) -> tuple[str, ...]:
        """Extra ``host:port`` that plugins may call."""
        return _split(self["outbound_allow"])

    @property
    def plugins_allow(self) -> tuple[str, ...]:
        """Plugins that may be enabled; empty means all."""
        return _split(self["plugins_allow"])

    @property
    def given_plugins(self) -> dict[str, tuple[str, str]]:
        """Plugins that a setting of the process enables and configures: the setting's variable and its value, by the plugin's name."""
        return {"email": (_BY_NAME["mail_url"].variable, self["mail_url"])} if self["mail_url"] else {}

    @property
    def trusted_proxies(self) -> int:
        """How many proxies stand before us."""
        return _number(self.values["trusted_proxies"])

    @property
    def broker_url(self) -> str:
        """Who carries nudges to workers; empty where threads do the work."""
        return self["broker_url"]

    @property
    def lease_seconds(self) -> int:
        """Length of a lease in seconds."""
        return _number(self.values["lease_seconds"])

    @property
    def strict(self) -> bool:
        """Whether a plugin's fault is an exception."""
        return self["strict"] not in {"", "0", "no", "false"}

    @property
    def trace(self) -> bool:
        """Whether hook calls are printed."""
        return self["trace"] not in {"", "0", "no", "false"}


def load(environment: Mapping[str, str] | None = None, **overrides: str) -> Config:
    """Read the settings. ``overrides`` win over everything (command-line options, tests).

    Secrets may also be given as a file, by ``ROLECALL_<KEY>_FILE``; keys that ``init`` generated are read from the data directory.

    :raises ConfigurationError: on an unknown key, an unreadable file or a value that cannot be meant.
    """
    environment = os.environ if environment is None else environment
    _refuse_unknown_variables(environment)
    file = Path(environment.get(f"{PREFIX}CONFIG", "rolecall.toml"))
    table = _read_file(file, required=f"{PREFIX}CONFIG" in environment)
    values = {key.name: _value(key, environment, table, file, overrides) for key in KEYS}
    for name in ("secret_key", "encryption_keys"):
        if not values[name].value:
            generated = Path(values["data"].value).expanduser() / name
            if generated.is_file():
                values[name] = Value(key=_BY_NAME[name], value=generated.read_text("utf-8").strip(), origin="generated")
    config = Config(values=values, environment=dict(environment))
    _check(config)
    return config


def _value(key: Key, environment: Mapping[str, str], table: Mapping[str, Any], file: Path, overrides: Mapping[str, str]) -> Value:
    if key.name in overrides:
        return Value(key=key, value=overrides[key.name], origin="command line")
    if key.variable in environment:
        return Value(key=key, value=environment[key.variable], origin="environment")
    if key.secret and f"{key.variable}_FILE" in environment:
        path = Path(environment[f"{key.variable}_FILE"])
        try:
            return Value(key=key, value=path.read_text("utf-8").strip(), origin=str(path))
        except OSError as error:
            raise ConfigurationError(f"{key.variable}_FILE names {path}, which cannot be read: {error.strerror}.") from error
    if key.name in table:
        given = table[key.name]
        return Value(key=key, value=",".join(map(str, given)) if isinstance(given, list) else _text(given), origin=str(file))
    return Value(key=key, value=key.default, origin="default")


def _text(given: object) -> str:
    return {True: "1", False: "0"}[given] if isinstance(given, bool) else str(given)


def _read_file(file: Path, *, required: bool) -> dict[str, Any]:
    if not file.is_file():
        if required:
            raise ConfigurationError(f"ROLECALL_CONFIG names {file}, which does not exist.")
        return {}
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}.") from error
    for name in table:
        if name not in _BY_NAME:
            raise ConfigurationError(f"{file} has the unknown key {name!r}.{_suggestion(name)}")
    return table


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {key.variable for key in KEYS} | {f"{key.variable}_FILE" for key in KEYS if key.secret} | {f"{PREFIX}CONFIG"}
    for variable in environment:
        # ROLECALL_TEST_* belongs to the project's own test suite, not to the process.
        if variable.startswith(PREFIX) and variable not in known and not variable.startswith(f"{PREFIX}TEST_"):
            raise ConfigurationError(f"{variable} is not a setting.{_suggestion(variable.removeprefix(PREFIX).lower())}")


def _suggestion(name: str) -> str:
    near = get_close_matches(name, _BY_NAME, 1)
    return f" Did you mean {near[0]!r} ({_BY_NAME[near[0]].variable})?" if near else " rolecall config lists them all."


def _check(config: Config) -> None:
    url = urlsplit(config.base_url)
    if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.path not in {"", "/"}:
        raise ConfigurationError(
            f"ROLECALL_BASE_URL is {config.base_url!r}; it must be an address without a path, like https://accounts.example.org."
        )
    if url.scheme == "http" and url.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ConfigurationError("ROLECALL_BASE_URL is plain http, which is for this machine only. Use https.")
    _check_broker(config)
    if config.lease_seconds < 1:
        raise ConfigurationError("ROLECALL_LEASE_SECONDS must be at least 1.")


def _check_broker(config: Config) -> None:
    if not config.broker_url:
        return
    url = urlsplit(config.broker_url)
    if url.scheme not in BROKERS or not url.hostname:
        raise ConfigurationError(
            "ROLECALL_BROKER_URL must be the address of a RabbitMQ or a Redis, like amqp://user:password@host/vhost or "
            "redis://:password@host:6379/0."
        )
    if config.database_url.startswith("sqlite"):
        raise ConfigurationError(
            "ROLECALL_BROKER_URL is for workers on many machines, and a SQLite file is on one.",
            hint="Set ROLECALL_DATABASE_URL to a PostgreSQL, or leave ROLECALL_BROKER_URL out.",
        )


def _number(value: Value) -> int:
    try:
        number = int(value.value)
    except ValueError:
        number = -1
    if number < 0:
        raise ConfigurationError(f"{value.key.variable} is {value.value!r}; it must be a whole number of 0 or more.")
    return number


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
