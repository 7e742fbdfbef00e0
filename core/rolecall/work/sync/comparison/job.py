"""The job of a comparison: asked for by a person, claimed by one worker, begun again when that worker dies (R64).

Owns the row that says how far it is. A comparison killed at any moment leaves the former lines as they were: an inventory counts only in
the transaction that makes the new ones. Nothing is sent to the provider.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import ColumnElement, and_, or_, select, text, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.errors import Ambiguous, Refused, TokenExpired, Transient, Unknown
from rolecall.sdk.provider import Provider
from rolecall.store.bulk import insert_into
from rolecall.store.engine import is_sqlite, now
from rolecall.store.tables import Comparison, PluginState
from rolecall.work import leases, links
from rolecall.work.leases import NotCalledError
from rolecall.work.sync import backoff, circuit
from rolecall.work.sync.circuit import sentence
from rolecall.work.sync.comparison import inventory, own
from rolecall.work.sync.comparison.classify import classify
from rolecall.work.sync.comparison.hold import Hold

if TYPE_CHECKING:
    from rolecall.plugins.plugin import Plugin
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

#: After so many attempts that no worker lived through, or that the provider did not answer, it is given up.
MOST = 5

#: A whole inventory, or what changed since the last one.
FULL, CHANGES = "full", "changes"

_OPTIONS = {"synchronize_session": False}


def start(app: "Application", actor: Actor, provider_id: str, kind: str = FULL) -> None:
    """Ask for a comparison with a provider; one that is under way already is the answer to this one too.

    ``kind`` *changes* asks the provider only what changed since the last one; where it cannot tell, everything is read.

    :raises Unknown: when no such provider is enabled.
    :raises Refused: when it cannot list its accounts.
    """
    with app.db.read() as session:
        service = app.plugins.view(session).providers.get(provider_id)
    if service is None:
        raise Unknown(f"There is no provider called {provider_id} that is enabled.", hint="Enable the integration first.")
    if not service.can("accounts"):
        raise Refused(f"{service.label} cannot list its accounts, so there is nothing to compare with.")

    def unit(session: Session) -> bool:
        facts = {"kind": kind, "state": "queued", "asked_by": actor.label[:200], "asked_at": now(session)}
        values = {"provider": provider_id, **facts, "seen": 0, "attempts": 0, "fence": 0, "number": 0}
        again = {**facts, "seen": 0, "attempts": 0, "error": None, "not_before": None, "leased_until": None, "started_at": None}
        inserted = insert_into(session, Comparison).values(values)
        statement = inserted.on_conflict_do_update(
            index_elements=["provider"], set_=again, where=Comparison.state.not_in(("queued", "running"))
        )
        asked = session.execute(statement.returning(Comparison.provider), execution_options=_OPTIONS).first() is not None
        if asked:
            audit.append(session, actor=actor, kind="sync.compare", payload={"provider": provider_id, "kind": kind})
        return asked

    app.db.attempt(unit)
    app.nudge("compare", provider_id, 0)


def due(session: Session, moment: datetime) -> list[str]:
    """Return the providers whose comparison somebody should go on with."""
    return list(session.scalars(select(Comparison.provider).where(_is_due(moment)).order_by(Comparison.provider)))


def compare(app: "Application", provider_id: str, *, stop: Callable[[], bool] = lambda: False) -> bool:
    """Claim the comparison with a provider and carry it out; tells whether it was ours.

    Repeating it is harmless: one that is not due is left alone.
    """
    plugin = next((each for each in app.plugins.installed.values() if provider_id in each.providers), None)
    with app.db.read() as session:
        enabled = provider_id in app.plugins.view(session).providers
        state = session.scalar(select(PluginState.state).where(PluginState.plugin == provider_id))
    begun = time.monotonic()
    length = timedelta(seconds=app.config.lease_seconds)
    with app.db.write() as session:
        claimed = _claim(session, provider_id, length)
    if claimed is None:
        return False
    hold = Hold(app.db, provider_id, claimed.fence, length=length, begun=begun, stop=stop)
    try:
        if plugin is None or not enabled:
            raise Refused("The integration is not enabled.")
        if state == circuit.PAUSED:
            raise Refused("The provider is left alone: it is paused.", hint="Resume it, then compare again.")
        if claimed.attempts > MOST:
            raise Refused(f"It was begun {MOST} times, and no worker came to its end. The log may say why.")
        _carry_out(app, plugin, hold, claimed)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; here it ends as the state
        _ended(app, provider_id, claimed, error, stopped=stop())
    return True


def _claim(session: Session, provider_id: str, length: timedelta) -> Any:
    moment = now(session)
    return session.execute(
        update(Comparison)
        .where(Comparison.provider == provider_id, _is_due(moment))
        .values(
            state="running", fence=Comparison.fence + 1, attempts=Comparison.attempts + 1, leased_until=moment + length,
            started_at=moment, seen=0,
        )
        .returning(
            Comparison.fence, Comparison.attempts, Comparison.number, Comparison.started_at, Comparison.kind, Comparison.token,
            Comparison.inventory_at,
        ),
        execution_options=_OPTIONS,
    ).one_or_none()  # fmt: skip


def _carry_out(app: "Application", plugin: "Plugin", hold: Hold, claimed: Any) -> None:
    # An object of its own: that of the sync may be in the middle of a call, and some are not made for two threads.
    with app.db.read() as session:
        instance = app.instances.candidate(session, plugin, plugin.providers[hold.provider])
        integration = next(iter(links.integrations(session, [hold.provider])))
    try:
        if instance.provider is None:
            raise Refused(f"{plugin.label} cannot be asked.", hint=instance.fault or "")
        hold.lasts(instance.lease)
        with leases.under(hold):
            read = _read(hold, instance.provider, claimed)
        own.write(hold, instance.provider, integration, read["number"])
    finally:
        if instance.http is not None:
            instance.http.close()

    def finish(session: Session) -> None:
        moment = now(session)
        if not is_sqlite(session):
            # What was written a moment ago has no statistics yet, and without them PostgreSQL compares everything with everything.
            session.execute(text("ANALYZE remote_account, remote_name, own_name"))
        warning = classify(session, integration, read["number"], moment, began=claimed.started_at)
        inventory.forget(session, hold.provider, read["number"])
        whole = {"state": "done", "error": None, "leased_until": None, "finished_at": moment, "compared_at": moment, "warning": warning}
        session.execute(update(Comparison).where(Comparison.provider == hold.provider).values(**whole, **read), execution_options=_OPTIONS)

    hold.write(finish)


def _read(hold: Hold, provider: Provider, claimed: Any) -> dict[str, Any]:
    """Read what changed, or everything, and return what the comparison then remembers of its inventory."""
    moment = claimed.started_at
    if claimed.kind == CHANGES and claimed.number and claimed.token and provider.can("changes"):
        try:
            _, token = inventory.update(hold, provider, claimed.token, number=claimed.number, moment=moment)
        except TokenExpired:
            log.info("everything is read", provider=hold.provider, why="the token expired")
        else:
            return {"number": claimed.number, "inventory_at": claimed.inventory_at, "token": token}
    number = claimed.number + 1
    # Asked for first, so that nothing that changes while the list is read is missed.
    token = inventory.token_of(provider)
    inventory.read(hold, provider, known=claimed.number, number=number, moment=moment)
    return {"number": number, "inventory_at": moment, "token": token, "kind": FULL}


def _ended(app: "Application", provider_id: str, claimed: Any, error: BaseException, *, stopped: bool) -> None:
    """Write down why it did not come to its end: let go, to be tried again after a while, or failed."""
    waits = isinstance(error, Transient | Ambiguous) and claimed.attempts < MOST
    if not isinstance(error, Refused | NotCalledError) and not waits:
        log.error("comparison failed", provider=provider_id, error=type(error).__name__, exc_info=error)

    def unit(session: Session) -> None:
        moment = now(session)
        values: dict[str, Any] = {"state": "queued", "leased_until": None}
        if stopped:
            values |= {"attempts": claimed.attempts - 1}
        elif waits:
            wait = backoff.wait(claimed.attempts, getattr(error, "retry_after", None))
            values |= {"not_before": moment + wait, "error": _why(error)}
        else:
            values |= {"state": "failed", "error": _why(error), "finished_at": moment}
        mine = (Comparison.provider == provider_id, Comparison.fence == claimed.fence, Comparison.state == "running")
        session.execute(update(Comparison).where(*mine).values(**values), execution_options=_OPTIONS)

    app.db.attempt(unit)


def _why(error: BaseException) -> str:
    if isinstance(error, Refused):
        return str(error)[:2000]
    if not isinstance(error, Exception):
        return f"The plugin tried to end the program ({type(error).__name__})."
    return sentence(error)


def _is_due(moment: datetime) -> ColumnElement[bool]:
    waits = or_(Comparison.not_before.is_(None), Comparison.not_before <= moment)
    free = or_(Comparison.leased_until.is_(None), Comparison.leased_until <= moment)
    return and_(Comparison.state.in_(("queued", "running")), waits, free)
