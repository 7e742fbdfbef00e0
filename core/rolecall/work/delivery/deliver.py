"""Sends what is due by one channel, one claim of messages after the other.

Owns the place that a worker takes for that, and whether the channel may be called now; what becomes of a claim is for `rounds`.
Idempotent: it may be begun twice, forgotten or killed at any point.
"""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from rolecall.plugins import state
from rolecall.store.engine import now
from rolecall.store.tables import Delivery
from rolecall.work import leases, slots
from rolecall.work.delivery.channels import ChannelInstance, serving
from rolecall.work.delivery.claim import claim, has_due
from rolecall.work.delivery.rounds import Round
from rolecall.work.leases import Lease
from rolecall.work.slots import Slot
from rolecall.work.sync import circuit

if TYPE_CHECKING:
    from rolecall.work.application import Application

#: Messages claimed at once: few enough that a killed worker keeps little waiting.
CLAIM = 20

Stop = Callable[[], bool]


def due(app: "Application", session: Session) -> list[str]:
    """The channels that have something to send now."""
    moment = now(session)
    return [channel for address, channel in serving(app.plugins.view(session)).items() if has_due(session, address, moment)]


def deliver(app: "Application", channel_id: str, *, stop: Stop = lambda: False) -> int:
    """Send what is due by a channel and return how many messages came to an end: sent, bounced, skipped or given up.

    Returns at once when the channel is not the one that sends, is paused or down, cannot be built, or enough workers are at it.
    """
    with app.db.read() as session:
        view = app.plugins.view(session)
        instance = app.channels.get(session, view, channel_id)
        if instance is None or serving(view).get(instance.kind.address) != channel_id:
            return 0
    with app.db.write() as session:
        state.ensure(session, channel_id)
        circuit.report_fault(session, channel_id, instance.fault)
        slot = None if instance.channel is None else _place(session, instance)
    if slot is None:
        return 0
    try:
        return sum(_rounds(app, channel_id, slot, stop))
    finally:
        with app.db.write() as session:
            slot.free(session)


def _place(session: Session, instance: ChannelInstance) -> Slot | None:
    return slots.take(session, f"deliver:{instance.kind.id}", count=max(1, instance.kind.concurrency), length=instance.lease)


def _rounds(app: "Application", channel_id: str, slot: Slot, stop: Stop) -> Iterator[int]:
    while not stop():
        begun = time.monotonic()
        found = app.db.attempt(lambda session, begun=begun: _claim(app, session, channel_id, slot, begun))  # type: ignore[misc]
        if found is None:
            return
        with leases.under(found.lease):
            yield found.run(stop)
        if found.is_halted:
            return


def _claim(app: "Application", session: Session, channel_id: str, slot: Slot, begun: float) -> Round | None:
    view = app.plugins.view(session)
    instance = app.channels.get(session, view, channel_id)
    if instance is None or instance.channel is None:
        return None
    moment = now(session)
    # Before a probe of a server that was down is spent on nothing.
    if not has_due(session, instance.kind.address, moment):
        return None
    again = app.channels.again_after(view.plugins[channel_id])
    admission = circuit.admit(session, channel_id, moment, given=again)
    if not admission.open or not slot.renew(session, instance.lease):
        return None
    limit = 1 if admission.probe else CLAIM
    claimed = claim(session, instance.kind.address, limit=limit, lease=instance.lease, moment=moment)
    if not claimed:
        return None
    fences = {each.id: each.fence for each in claimed}
    lease = Lease(app.db, fences, length=instance.lease, begun=begun, slot=slot, table=Delivery)
    return Round(app, instance, instance.channel, claimed, lease, begun=moment)
