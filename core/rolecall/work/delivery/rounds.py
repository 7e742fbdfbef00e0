"""Sends one claim of messages: makes each at the moment the channel takes it, and settles it before the next is made.

Owns the guard around the channel: no transaction is open while it is called, and a message that it says nothing about is in doubt.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from rolecall.errors import Ambiguous, Misconfigured, ProviderError, Transient
from rolecall.sdk.channel import Channel, Message, Price, SendResult
from rolecall.work.delivery import asking, compose, recipients, settle
from rolecall.work.delivery.channels import ChannelInstance
from rolecall.work.delivery.claim import ClaimedMessage, begin, release
from rolecall.work.delivery.gate import Gate
from rolecall.work.delivery.stationery import Stationery
from rolecall.work.leases import Lease, NotCalledError
from rolecall.work.sync import circuit
from rolecall.work.sync.circuit import Experience, sentence

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

Stop = Callable[[], bool]


class Round:
    """One claim on its way."""

    def __init__(
        self,
        app: "Application",
        instance: ChannelInstance,
        channel: Channel,
        claimed: list[ClaimedMessage],
        lease: Lease,
        *,
        begun: datetime,
    ) -> None:
        """Take a claim; ``begun`` is the time of the database when it was made, which is a moment ago."""
        self.lease = lease
        #: Whether there is no use in claiming more now.
        self.is_halted = False
        self._app, self._instance, self._channel = app, instance, channel
        self._begun, self._begun_here = begun, time.monotonic()
        self._gate = Gate(channel)
        self._stationery: Stationery | None = None
        self._waiting = list(claimed)
        #: What the channel took and has not answered for.
        self._taken: dict[int, ClaimedMessage] = {}
        self._prices: dict[int, Price | None] = {}
        self._ended = 0

    def run(self, stop: Stop) -> int:
        """Offer the claim to the channel and settle what it says, one by one; returns how many messages came to an end."""
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
        self._end(error, succeeded=succeeded)
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
        self._app.db.attempt(lambda session: settle.failed(session, claimed, fault, now=self._now()))
        return None

    def _make(self, session: Session, claimed: ClaimedMessage) -> Message | None:
        moment = self._now()
        if settle.given_up(session, claimed, now=moment):
            return None
        recipient = recipients.read(session, claimed.account_id)
        stationery = self._stationery_of(session, recipient.generation)
        if (refusal := self._gate.refusal(session, claimed, region=stationery.region, now=moment)) is not None:
            settle.skipped(session, claimed, refusal, now=moment)
            return None
        try:
            made = compose.compose(self._app, session, claimed, recipient, stationery, now=moment)
        except compose.Pointless as reason:
            self._gate.did_not_leave(session, claimed, now=moment)
            settle.skipped(session, claimed, str(reason), now=moment)
            return None
        if begin(session, claimed, made.message_id):
            made = replace(made, receipts_to=self._instance.receipts_to)
            self._prices[claimed.id] = asking.price_of(type(self._channel), self._channel.settings, made.text)
            return made
        self._gate.did_not_leave(session, claimed, now=moment)
        return None

    def _now(self) -> datetime:
        """The time of the database, without asking it twice for each message."""
        return self._begun + timedelta(seconds=time.monotonic() - self._begun_here)

    def _stationery_of(self, session: Session, generation: int) -> Stationery:
        if self._stationery is None or self._stationery.view.generation != generation:
            self._stationery = Stationery(session, self._app.plugins.view(session))
        return self._stationery

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
            moment = self._now()
            if error is None and result is not None:
                names = result.references or ((result.reference,) if result.reference else ())
                return settle.sent(
                    session, claimed, self._channel.id, reference=result.reference, references=names, price=price, now=moment
                )  # fmt: skip
            fault = error or Ambiguous(f"{self._channel.label} did not say what became of this message.")
            self._gate.did_not_leave(session, claimed, fault, now=moment)
            return settle.failed(session, claimed, fault, price=price, now=moment)

        self._ended += self._app.db.attempt(unit)
        self.lease.settled([claimed.id])

    def _end(self, error: Exception | None, *, succeeded: bool) -> None:
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
            if circuit.learn(session, self._channel.id, learned, self._now(), begun=self._begun):
                circuit.note_stop(session, self._channel.id)

        self._app.db.attempt(unit)
