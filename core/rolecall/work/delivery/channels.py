"""The channel objects of this process: one per enabled channel, built anew when plugins or settings have changed (R69).

Owns which channel sends to which kind of address, and the guard around building one: what cannot be built is a fault to be shown.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.orm import Session

from rolecall.accounts import settings
from rolecall.errors import RolecallError
from rolecall.plugins.plugin import Plugin
from rolecall.plugins.registry import View
from rolecall.sdk.channel import Channel
from rolecall.sdk.integration import needs_filling_in
from rolecall.sdk.network import Network, Tcp
from rolecall.work.sync.circuit import LONGEST_PROBE
from rolecall.work.sync.transport import LeasedHttp

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

#: The longest that handing one message over may take in all; shorter where leases are.
DEADLINE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInstance:
    """A channel that was built, or the ``fault`` why it could not be; ``call_seconds`` is what one message may take at most."""

    kind: type[Channel]
    channel: Channel | None
    fault: str | None
    generation: int
    call_seconds: float
    lease: timedelta
    #: Where the gateway reports what became of messages; empty where the plugin takes no reports.
    receipts_to: str = ""
    http: LeasedHttp | None = None


class Channels:
    """Builds and keeps the channels of one process. Safe to use from several threads."""

    def __init__(self, app: "Application") -> None:
        self._app = app
        self._built: dict[str, ChannelInstance] = {}
        self._begun: set[str] = set()
        self._lock = threading.Lock()

    def get(self, session: Session, view: View, channel_id: str) -> ChannelInstance | None:
        """Return the channel as it is enabled and configured now; none when it is not enabled."""
        kind = view.channels.get(channel_id)
        with self._lock:
            known = self._built.get(channel_id)
            if kind is None:
                self._drop(channel_id)
                return None
            if known is None or known.generation != view.generation:
                self._drop(channel_id)
                known = self._built[channel_id] = self._build(session, view.plugins[channel_id], kind, view.generation)
            return known

    def candidate(self, plugin: Plugin, kind: type[Channel], values: Mapping[str, Any], *, deadline: float) -> Channel:
        """Build a channel with these settings, for a test of its connection; the caller closes its ``network.http``."""
        return kind(values, self._network(plugin, deadline))

    def settings(self, session: Session, plugin: Plugin) -> Mapping[str, Any]:
        """Return the settings of a plugin as they count now, with their secrets."""
        return channel_settings(session, plugin, self._app)

    def again_after(self, plugin: Plugin) -> timedelta | None:
        """How long after a refusal a channel is tried again that the operator set up: at once after a restart, which may have mended it."""
        if plugin.given is None:
            return None
        with self._lock:
            is_first = plugin.name not in self._begun
            self._begun.add(plugin.name)
        return timedelta(0) if is_first else LONGEST_PROBE

    def close(self) -> None:
        """Close every connection that is kept open."""
        with self._lock:
            for channel_id in list(self._built):
                self._drop(channel_id)

    def _drop(self, channel_id: str) -> None:
        old = self._built.pop(channel_id, None)
        if old is None:
            return
        if old.channel is not None:
            try:
                old.channel.close()
            except (Exception, SystemExit):  # a plugin may raise anything; what it kept open ends with the process
                log.exception("channel not closed", channel=channel_id)
        if old.http is not None:
            old.http.close()

    def _build(self, session: Session, plugin: Plugin, kind: type[Channel], generation: int) -> ChannelInstance:
        lease = float(self._app.config.lease_seconds)
        deadline = min(DEADLINE, lease / 4)
        times: dict[str, Any] = {"generation": generation, "call_seconds": 2 * deadline, "lease": timedelta(seconds=lease)}
        signed = next((each.prefix for each in plugin.endpoints.values() if each.signed is not None), "")
        times["receipts_to"] = f"{self._app.config.base_url.rstrip('/')}{signed}" if signed else ""
        http = None
        try:
            if plugin.given is not None and plugin.given.fault is not None:
                return ChannelInstance(kind=kind, channel=None, fault=plugin.given.fault, **times)
            values = channel_settings(session, plugin, self._app)
            if missing := needs_filling_in(plugin.settings, values):
                return ChannelInstance(kind=kind, channel=None, fault=f"Fill in first: {', '.join(missing)}.", **times)
            network = self._network(plugin, deadline)
            http = network.http
            return ChannelInstance(kind=kind, channel=kind(values, network), fault=None, http=http, **times)
        except (Exception, SystemExit) as error:  # a plugin may raise anything; here it ends as its fault
            if http is not None:
                http.close()
            log.error("channel not built", channel=kind.id, exc_info=not isinstance(error, RolecallError))
            text = (
                str(error) if isinstance(error, RolecallError) else f"The plugin failed ({type(error).__name__}). The log has the details."
            )
            return ChannelInstance(kind=kind, channel=None, fault=text[:2000], **times)

    def _network(self, plugin: Plugin, deadline: float) -> "_LeasedNetwork":
        allow = [*self._app.config.outbound_allow, *(plugin.given.allow if plugin.given is not None else ())]
        connect = min(10.0, deadline)
        return _LeasedNetwork(
            http=LeasedHttp(seconds=deadline, allow=allow, deadline=deadline, connect=connect),
            tcp=Tcp(allow=allow, deadline=deadline, connect=connect),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _LeasedNetwork(Network):
    """A network whose calls by HTTP fit into the lease of the thread that makes them."""

    http: LeasedHttp


def channel_settings(session: Session, plugin: Plugin, app: "Application") -> Mapping[str, Any]:
    """The settings of a channel that count now: those that the operator gave the process, or what is saved."""
    if plugin.given is not None:
        return plugin.given.values
    return settings.read(session, plugin.name, plugin.settings, app.keyring) if plugin.settings is not None else {}


def serving(view: View) -> dict[str, str]:
    """The channel that sends to each kind of address, of those that are enabled: the first by name."""
    found: dict[str, str] = {}
    for channel_id in sorted(view.channels):
        found.setdefault(view.channels[channel_id].address, channel_id)
    return found
