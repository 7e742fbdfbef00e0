"""A worker that is killed around the sending of an SMS, at every point of it (R42, T-13): nobody pays for a message twice.

Twilio tells whether it took one, so everybody gets exactly one. Vonage cannot: what is in doubt there is left to a person.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

import pytest
from outside.moodle import wait_for_state
from outside.nursery import Child
from outside.office import Office
from outside.waiting import eventually
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from rolecall.store.engine import now
from rolecall.store.tables import Account, Delivery, Slot
from rolecall.testing.wire import Wire
from rolecall.work import changes
from rolecall_sms.fake import FakeSms, others, twilio

pytestmark = [pytest.mark.kill, pytest.mark.timeout(600)]

#: Before the gateway has taken the message, and after that before it answers; or at any moment.
ASKED, TAKEN, ANY = "before it is taken", "before it is answered", "any"
ROUND = (ASKED, ANY, TAKEN)
#: Messages that a worker may send before it is killed.
SPARED = 3
WAITING = 10
SETTINGS: dict[str, dict[str, Any]] = {
    "twilio": {"account": twilio.ACCOUNT, "secret": twilio.TOKEN, "sender": twilio.SENDER},
    "vonage": {"account": others.KEY, "secret": others.SECRET, "sender": "School"},
}
OpenOffice = Callable[..., Office]


class Texts:
    """Messages that an office sends while its workers die."""

    def __init__(self, office: Office, fake: FakeSms, wire: Wire, gateway: str) -> None:
        self.office, self.fake, self.wire = office, fake, wire
        self._numbers = iter(range(1_000_000))
        self.strikes = Counter[str]()
        values = {"gateway": gateway, "url": wire.url, "countries": "GR", "a_day": 100_000, "receipts": False, **SETTINGS[gateway]}
        changes.set_plugin(office.app, office.school.actor, "sms", enabled=True, values=values)

    def fill_up(self) -> None:
        """Send more when few messages wait; everybody has a number of their own."""
        if len(self.rows(Delivery.state == "queued")) >= WAITING:
            return
        accounts = self.office.school.students(2 * WAITING)
        with self.office.app.db.write() as session:
            for account in session.scalars(select(Account).where(Account.id.in_(accounts)).options(joinedload(Account.person))):
                account.person.phone = f"+30691{next(self._numbers):07}"
        self.office.school.act("sms.credentials", *accounts)

    def kill(self, point: str) -> None:
        """Start a worker and kill it at this point of a message."""
        pid_file, over = self.office.folder / "worker.pid", list[bool]()

        def strike() -> None:
            pid = int(pid_file.read_text())
            os.kill(pid, signal.SIGKILL)
            wait_for_state(pid, "ZX")
            over.append(True)

        spared = random.randint(0, SPARED)

        def is_struck(request: Any) -> bool:
            nonlocal spared
            if request.method != "POST" or over:
                return False
            spared -= 1
            if spared < 0 and point == ASKED:
                # The gateway never gets what it was asked.
                strike()
            return spared < 0

        before = len(self.fake.phones.messages)
        if point == ASKED:
            self.wire.drop(when="before", match=is_struck)
        elif point == TAKEN:
            self.wire.run(strike, when="after", match=is_struck)
        child: Child = self.office.worker()
        if point == ANY:
            eventually("messages are sent", lambda: len(self.fake.phones.messages) > before)
            eventually("some time", lambda: random.random() < 0.1, between=0.001)
            child.kill()
        else:
            eventually(f"the worker is killed {point}", lambda: over)
        assert child.wait() == -9, self.office.log
        self.strikes[point] += 1
        self._time_passes()

    def rows(self, *conditions: Any) -> list[Delivery]:
        """Messages, by number."""
        with self.office.app.db.read() as session:
            return list(session.scalars(select(Delivery).where(*conditions).order_by(Delivery.id)))

    def until_settled(self) -> None:
        """Work until nothing waits; what is in doubt is asked about without waiting."""

        def nothing_waits() -> bool:
            self._time_passes(slots=False)
            return not self.rows(Delivery.state == "queued")

        eventually("everything is settled", nothing_waits, between=0.2)

    def _time_passes(self, *, slots: bool = True) -> None:
        """Let the time be over for which others wait for whoever is dead, and for the next attempt."""
        with self.office.app.db.write() as session:
            moment = now(session)
            session.execute(update(Delivery).where(Delivery.not_before > moment).values(not_before=moment))
            for table in (Delivery, Slot) if slots else ():
                session.execute(update(table).where(table.leased_until > moment).values(leased_until=moment))


@pytest.fixture
def fake() -> FakeSms:
    """The gateways, in the test's process: what they took stays taken."""
    return FakeSms("http://127.0.0.1")


@pytest.fixture
def wire(fake: FakeSms) -> Iterator[Wire]:
    """Where they are reached."""
    with Wire(fake) as wire:
        yield wire


@pytest.mark.slow
@pytest.mark.parametrize(("gateway", "kills"), [("twilio", 12), ("vonage", 6)])
def test_nobody_gets_a_message_twice_however_often_the_worker_is_killed(
    open_office: OpenOffice, fake: FakeSms, wire: Wire, gateway: str, kills: int
) -> None:
    office = open_office(lease_seconds=120, ROLECALL_OUTBOUND_ALLOW=wire.host)
    texts = Texts(office, fake, wire, gateway)

    for point in islice(cycle(ROUND), kills):
        texts.fill_up()
        texts.kill(point)

    office.worker()
    texts.until_settled()
    taken = Counter(each.to for each in fake.phones.messages)
    rows = texts.rows()
    assert max(taken.values()) == 1, "a message that a gateway took is never sent again"
    if gateway == "twilio":
        assert {(row.state, taken[row.address]) for row in rows} == {("sent", 1)}
    else:
        unknown = [row for row in rows if row.state != "sent"]
        assert {row.state for row in unknown} <= {"unknown"}
        assert 0 < len(unknown) <= kills, "what was in doubt is left to a person"
        assert all(taken[row.address] == 1 for row in rows if row.state == "sent")
    office.check_audit()
    assert office.complaints() == []
