"""The provider objects of this process: one per provider, built anew when plugins or settings have changed (R69).

Owns the guard around building them: a plugin that cannot be built is a fault to be shown, never a crash.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from marshmallow import Schema
from sqlalchemy.orm import Session

from rolecall.accounts import settings
from rolecall.errors import RolecallError
from rolecall.plugins.plugin import Plugin
from rolecall.plugins.registry import View
from rolecall.sdk.fields import form
from rolecall.sdk.integration import needs_filling_in, provider_schema
from rolecall.sdk.provider import Provider
from rolecall.work.runs.forms import Form
from rolecall.work.sync.totals import Tally
from rolecall.work.sync.transport import LeasedHttp

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

#: The longest that one call may take in all (R-06); shorter where leases are.
DEADLINE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A provider that was built, or the ``fault`` why it could not be; with the times that its calls must keep to.

    ``call_seconds`` is how long a lease must last before a call: the call itself, and the time in which what it made may stay invisible.
    """

    provider: Provider | None
    fault: str | None
    generation: int
    deadline: float
    call_seconds: float
    lease: timedelta
    http: LeasedHttp | None = None
    #: Keys of groups that were made or found by this process.
    groups: set[str] = field(default_factory=set)


class Instances:
    """Builds and keeps the providers of one process. Safe to use from several threads."""

    def __init__(self, app: "Application") -> None:
        self._app = app
        self._built: dict[str, Instance] = {}
        #: Owners of the places in which this process works.
        self.at_work: set[str] = set()
        #: The requests that were made since they were last written down.
        self.tally = Tally()
        self._lock = threading.Lock()

    def get(self, session: Session, view: View, provider_id: str) -> Instance | None:
        """Return the provider as it is enabled and configured now; none when it is not enabled."""
        kind = view.providers.get(provider_id)
        with self._lock:
            known = self._built.get(provider_id)
            if kind is None:
                self._drop(provider_id)
                return None
            if known is None or known.generation != view.generation:
                self._drop(provider_id)
                schema = _owner(view, provider_id).settings
                known = self._built[provider_id] = self._build(session, kind, schema, view.generation)
            return known

    def candidate(self, session: Session, plugin: Plugin, kind: type[Provider], values: Mapping[str, Any] | None = None) -> Instance:
        """Build a provider, enabled or not, with ``values`` in place of what is saved; the caller closes its client.

        :raises Invalid: with the sentences of every wrong setting.
        """
        if not values:
            return self._build(session, kind, plugin.settings, generation=-1)
        with form(Form(session=session, view=self._app.plugins.view(session))):
            chosen = settings.candidate(session, kind.id, provider_schema(kind, plugin.settings), values, keyring=self._app.keyring)
        return self._make(kind, plugin.settings, chosen, generation=-1)

    def close(self) -> None:
        """Close every connection that is kept open."""
        with self._lock:
            for provider_id in list(self._built):
                self._drop(provider_id)

    def _drop(self, provider_id: str) -> None:
        old = self._built.pop(provider_id, None)
        if old is not None and old.http is not None:
            old.http.close()

    def _build(self, session: Session, kind: type[Provider], schema: type[Schema] | None, generation: int) -> Instance:
        try:
            values = settings.read(session, kind.id, provider_schema(kind, schema), self._app.keyring)
        except RolecallError as error:
            return self._instance(kind, generation, fault=str(error))
        return self._make(kind, schema, values, generation=generation)

    def _make(self, kind: type[Provider], schema: type[Schema] | None, values: Mapping[str, Any], *, generation: int) -> Instance:
        missing = needs_filling_in(schema, values)
        if missing:
            return self._instance(kind, generation, fault=f"Fill in first: {', '.join(missing)}.")
        http = None
        try:
            deadline, call_seconds, _ = self._times(kind)
            http = LeasedHttp(
                seconds=call_seconds,
                count=partial(self.tally.add, kind.id),
                allow=self._app.config.outbound_allow,
                deadline=deadline,
                connect=min(5.0, deadline),
                rate=kind.limits.rate,
            )
            return self._instance(kind, generation, provider=kind(values, http), http=http)
        except (Exception, SystemExit) as error:  # a plugin may raise anything; here it ends as its fault
            if http is not None:
                http.close()
            log.error("provider not built", provider=kind.id, exc_info=not isinstance(error, RolecallError))
            text = (
                str(error) if isinstance(error, RolecallError) else f"The plugin failed ({type(error).__name__}). The log has the details."
            )
            return self._instance(kind, generation, fault=text[:2000])

    def _instance(
        self,
        kind: type[Provider],
        generation: int,
        *,
        provider: Provider | None = None,
        fault: str | None = None,
        http: LeasedHttp | None = None,
    ) -> Instance:
        deadline, call_seconds, lease = self._times(kind)
        return Instance(
            provider=provider, fault=fault, generation=generation, deadline=deadline, call_seconds=call_seconds, lease=lease, http=http
        )

    def _times(self, kind: type[Provider]) -> tuple[float, float, timedelta]:
        lease = float(self._app.config.lease_seconds)
        deadline = min(DEADLINE, lease / 4)
        settling = kind.limits.settling.total_seconds()
        return deadline, deadline + settling, timedelta(seconds=max(lease, 2 * deadline + settling + lease / 4))


def _owner(view: View, provider_id: str) -> Plugin:
    return next(plugin for plugin in view.plugins.values() if provider_id in plugin.providers)
