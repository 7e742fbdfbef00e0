"""Sends what is due by one channel: claims messages, makes each at the moment it is taken, and settles it before the next is made.

Owns the place that a worker takes for that, and the guard around the channel: no transaction is open while it is called, and a message
that it says nothing about is in doubt. Idempotent: it may be begun twice, forgotten or killed at any point.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from rolecall.errors import Ambiguous, Misconfigured, ProviderError, Transient
from rolecall.plugins import state
from rolecall.sdk.channel import Channel, Message, Price, SendResult
from rolecall.store.engine import now
from rolecall.store.tables import Delivery
from rolecall.work import leases, slots
from rolecall.work.delivery import asking, compose, settle
from rolecall.work.delivery.channels import ChannelInstance, serving
from rolecall.work.delivery.claim import ClaimedMessage, begin, claim, has_due, release
from rolecall.work.delivery.gate import Gate
from rolecall.work.leases import Lease, NotCalledError
from rolecall.work.slots import Slot
from rolecall.work.sync import circuit
from rolecall.work.sync.circuit import Admission, Experience, sentence

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

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


def _claim(app: "Application", session: Session, channel_id: str, slot: Slot, begun: float) -> "_Round | None":
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
    return _Round(app, instance, instance.channel, claimed, lease, admission)


class _Round:
    """One claim on its way."""

    def __init__(
        self,
        app: "Application",
        instance: ChannelInstance,
        channel: Channel,
        claimed: list[ClaimedMessage],
        lease: Lease,
        admission: Admission,
    ) -> None:
        self.lease = lease
        self.is_halted = False
        self._app, self._instance, self._channel, self._admission = app, instance, channel, admission
        self._gate = Gate(channel)
        self._waiting = list(claimed)
        #: What the channel took and has not answered for.
        self._taken: dict[int, ClaimedMessage] = {}
        self._prices: dict[int, Price | None] = {}
        self._ended = 0

    def run(self, stop: Stop) -> int:
        """Offer the claim to the channel and settle what it says, one by one; returns how many messages came to an end."""
        with self._app.db.read() as session:
            begun = now(session)
        succeeded = False
        error: Exception | None = None
        try:
            for result in self._channel.send(self._messages(stop)):
                claimed = self._match(result)
                if claimed is not None:
                    succeeded = succeeded or result.error is None
                    self._settle(claimed, result.error, result)
                if isinstance(result.error, Misconfigured):
                    raise result.error
        except (Exception, SystemExit) as raised:  # noqa: BLE001 - a plugin may raise anything; here it ends as the outcome of what it had taken
            error = raised if isinstance(raised, Exception) else RuntimeError(f"The plugin tried to end ({type(raised).__name__}).")
            if not isinstance(error, ProviderError):
                log.error("channel failed", channel=self._channel.id, error=type(error).__name__)
        for claimed in list(self._taken.values()):
            self._settle(claimed, error, None)
        self._end(begun, error, succeeded=succeeded)
        return self._ended

    def _messages(self, stop: Stop) -> Iterator[Message]:
        """Make each message when it is asked for, and write down that it is tried before it is handed out."""
        while self._waiting and not stop():
            try:
                self.lease.ensure(self._instance.call_seconds)
            except NotCalledError:
                self.is_halted = True
                return
            claimed = self._waiting.pop(0)
            made = self._made(claimed)
            if made is None:
                self._ended += 1
                self.lease.settled([claimed.id])
                continue
            self._taken[claimed.id] = claimed
            yield made

    def _made(self, claimed: ClaimedMessage) -> Message | None:
        """Make a message; one that cannot be made is its own trouble and stops no other."""
        try:
            return self._app.db.attempt(lambda session: self._make(session, claimed))
        except Exception as error:  # noqa: BLE001 - whatever its facts or texts hold, here it ends as the outcome of this message
            log.error("message not made", kind=claimed.kind, delivery=claimed.id, error=type(error).__name__)
            fault = error
        self._app.db.attempt(lambda session: settle.failed(session, claimed, fault))
        return None

    def _make(self, session: Session, claimed: ClaimedMessage) -> Message | None:
        if settle.given_up(session, claimed):
            return None
        if (refusal := self._gate.refusal(session, claimed)) is not None:
            settle.skipped(session, claimed, refusal)
            return None
        try:
            made = compose.compose(self._app, session, claimed)
        except compose.Pointless as reason:
            self._gate.did_not_leave(session, claimed)
            settle.skipped(session, claimed, str(reason))
            return None
        if begin(session, claimed, made.message_id):
            made = replace(made, receipts_to=self._instance.receipts_to)
            self._prices[claimed.id] = asking.price_of(type(self._channel), self._channel.settings, made.text)
            return made
        self._gate.did_not_leave(session, claimed)
        return None

    def _match(self, result: object) -> ClaimedMessage | None:
        message = result.message if isinstance(result, SendResult) else None
        claimed = self._taken.pop(message.id, None) if isinstance(message, Message) else None
        if claimed is None:
            log.error("result of no message", channel=self._channel.id, kind=type(result).__name__)
        return claimed

    def _settle(self, claimed: ClaimedMessage, error: Exception | None, result: SendResult | None) -> None:
        self._taken.pop(claimed.id, None)
        price = self._prices.pop(claimed.id, None)

        def unit(session: Session) -> bool:
            if error is None and result is not None:
                names = result.references or ((result.reference,) if result.reference else ())
                return settle.sent(session, claimed, self._channel.id, reference=result.reference, references=names, price=price)
            fault = error or Ambiguous(f"{self._channel.label} did not say what became of this message.")
            self._gate.did_not_leave(session, claimed, fault)
            return settle.failed(session, claimed, fault, price=price)

        self._ended += self._app.db.attempt(unit)
        self.lease.settled([claimed.id])

    def _end(self, begun: datetime, error: Exception | None, *, succeeded: bool) -> None:
        """Give back what was not begun, and learn about the server from what was raised and what was taken."""
        is_servers = isinstance(error, Transient | Ambiguous) and not isinstance(error, NotCalledError)
        learned = Experience(
            succeeded=succeeded,
            failures=1 if is_servers else 0,
            reason=sentence(error) if error is not None else "",
            hold=error.retry_after if isinstance(error, Transient) else None,
            refusal=sentence(error) if isinstance(error, Misconfigured) else None,
        )
        self.is_halted = self.is_halted or error is not None

        def unit(session: Session) -> None:
            release(session, self._waiting)
            circuit.learn(session, self._channel.id, learned, now(session), begun=begun)

        self._app.db.attempt(unit)
