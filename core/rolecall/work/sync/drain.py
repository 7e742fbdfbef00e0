"""Brings one provider up to date: its accounts, then its classes.

Owns the place that a worker takes for that. Idempotent: it may be begun twice, forgotten or killed at any point; what is due is in the
rows.
"""

from typing import TYPE_CHECKING

from rolecall.work import slots
from rolecall.work.sync import circuit
from rolecall.work.sync.accounts import AccountRounds
from rolecall.work.sync.claim import Claimed, ClaimedClass
from rolecall.work.sync.classes.rounds import ClassRounds
from rolecall.work.sync.rounds import Stop

if TYPE_CHECKING:
    from rolecall.work.application import Application


def drain(app: "Application", provider_id: str, *, stop: Stop = lambda: False) -> int:
    """Work off what is due at a provider and return how many links were brought up to date or blocked.

    Returns at once when the provider is disabled, paused, down, cannot be built, or as many others as it can take are at work.
    """
    with app.db.read() as session:
        instance = app.instances.get(session, app.plugins.view(session), provider_id)
    if instance is None:
        return 0
    places = 1 if instance.provider is None else max(1, instance.provider.limits.concurrency)
    with app.db.write() as session:
        circuit.report_fault(session, provider_id, instance.fault)
        slot = None if instance.provider is None else slots.take(session, f"drain:{provider_id}", count=places, length=instance.lease)
    if slot is None:
        return 0
    app.instances.at_work.add(slot.owner)
    try:
        settled = AccountRounds(Claimed, app, provider_id, slot, stop).run()
        # Classes come after their members' accounts: a class is made with everybody who is there by then.
        return settled + ClassRounds(ClaimedClass, app, provider_id, slot, stop).run()
    finally:
        app.instances.at_work.discard(slot.owner)
        with app.db.write() as session:
            slot.free(session)
