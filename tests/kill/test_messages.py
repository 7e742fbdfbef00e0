"""A worker that is killed around the sending of a message, at every point of it (R40, T-14): nobody is left out, nobody gets more than the
one message that was in doubt, and that under the same id and with a link of its own.
"""

import random
from collections.abc import Callable, Iterator
from itertools import cycle, islice

import pytest
from outside.mail import ANSWERED, CONNECTED, POINTS, RECIPIENT, TAKEN, MailServer
from outside.nursery import Child
from outside.office import Office
from outside.waiting import eventually
from sqlalchemy import select, update

from rolecall.accounts import invitations
from rolecall.store.engine import now
from rolecall.store.tables import Delivery, Slot
from rolecall_email.channel import EmailChannel

pytestmark = [pytest.mark.kill, pytest.mark.timeout(900)]

ANY = "any"
ROUND = (CONNECTED, RECIPIENT, ANY, TAKEN, ANSWERED)
#: Messages that a worker may send before it is killed.
SPARED = 3
#: So many wait at least when a worker begins.
WAITING = 12
OpenOffice = Callable[..., Office]


class Invitations:
    """Messages that an office sends while its workers die, and how often each may arrive."""

    def __init__(self, office: Office, mail: MailServer) -> None:
        self.office, self.mail = office, mail
        #: By number of the message: how many workers died after its mail was taken and before that was written down.
        self.taken_in_vain: dict[int, int] = {}
        self._attempts: dict[int, int] = {}

    def fill_up(self) -> None:
        """Invite more accounts when few messages wait."""
        if len(self._rows(Delivery.state == "queued")) < WAITING:
            self.office.school.act("invitation.send", *self.office.school.students(3 * WAITING))

    def died(self) -> None:
        """Write down what the worker that died leaves in doubt, and let the time be over for which others wait for it."""
        eventually("the line of the dead is closed", lambda: not self.mail.lines, between=0.001)
        tried = self._rows(Delivery.state == "queued", Delivery.attempts > 0)
        in_doubt = [row for row in tried if row.attempts > self._attempts.get(row.id, 0)]
        self._attempts = {row.id: row.attempts for row in tried}
        assert len(in_doubt) <= EmailChannel.concurrency, "a worker makes each message of a line when the one before is written down"
        for row in in_doubt:
            unwritten = len(self.mail.mails.get(row.address, ())) - self.taken_in_vain.get(row.id, 0)
            assert unwritten in (0, 1)
            if unwritten:
                self.taken_in_vain[row.id] = self.taken_in_vain.get(row.id, 0) + 1
        with self.office.app.db.write() as session:
            moment = now(session)
            for table in (Delivery, Slot):
                session.execute(update(table).where(table.leased_until > moment).values(leased_until=moment))
            # Here they die more often than a message may be in doubt.
            session.execute(update(Delivery).where(Delivery.state == "queued", Delivery.doubts > 1).values(doubts=1))

    def until_sent(self) -> None:
        """Wait until nothing waits."""
        eventually("everything is sent", lambda: not self._rows(Delivery.state == "queued"), between=0.1)

    def check(self) -> None:
        """Check that each message arrived as often as it must have, each copy under its id and with a link that works."""
        rows = self._rows()
        with self.office.app.db.read() as session:
            moment = now(session)
            for row in rows:
                copies = self.mail.mails.pop(row.address)
                tokens = MailServer.tokens(copies)
                assert (row.state, row.error, row.leased_until) == ("sent", None, None)
                assert len(copies) == 1 + self.taken_in_vain.get(row.id, 0), f"{row.address} got {len(copies)} messages"
                assert {copy["Message-ID"] for copy in copies} == {row.message_id}
                assert len(set(tokens)) == len(copies), "a link is never sent twice"
                assert [invitations.account_of_link(session, token, moment) for token in tokens] == [row.account_id] * len(copies)
        assert self.mail.mails == {}, "nobody else got anything"
        self.office.check_audit()

    def _rows(self, *conditions: object) -> list[Delivery]:
        with self.office.app.db.read() as session:
            return list(session.scalars(select(Delivery).where(*conditions).order_by(Delivery.id)))  # type: ignore[arg-type]


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A mail server."""
    with MailServer() as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize(("process", "kills"), [("worker", 45), ("web", 5)])
def test_every_message_arrives_however_often_the_worker_is_killed(
    open_office: OpenOffice, mail: MailServer, process: str, kills: int
) -> None:
    # The leases that it has in earnest: a machine that is slow puts no message in doubt. The time that they last is not waited for.
    office = open_office(lease_seconds=120, ROLECALL_MAIL_URL=mail.url)
    start = office.worker if process == "worker" else office.web
    sent = Invitations(office, mail)

    for number, point in enumerate(islice(cycle(ROUND), kills), 1):
        sent.fill_up()
        _kill(office, mail, start, point, f"kill {number}, {point}")
        sent.died()

    start()
    sent.until_sent()
    sent.check()
    assert len(sent.taken_in_vain) >= kills // len(ROUND), "whoever dies at that point leaves a message behind that was taken"
    assert office.complaints() == []


def _kill(office: Office, mail: MailServer, start: Callable[[], Child], point: str, what: str) -> None:
    name = "worker" if start == office.worker else "web"
    if point in POINTS:
        strike = mail.arm(point, office.folder / f"{name}.pid", spare=0 if point == CONNECTED else random.randint(1, SPARED))
        child = start()
        eventually(what, lambda: strike.is_over)
    else:
        child = start()
        eventually("messages are sent", lambda: mail.lines)
        eventually("some time", lambda: random.random() < 0.1, between=0.001)
        child.kill()
    assert child.wait() == -9, office.log
