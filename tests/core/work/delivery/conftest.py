"""A school whose messages go by a channel in memory."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from rolecall.accounts import messages
from rolecall.accounts.messages import Message
from rolecall.store.engine import now
from rolecall.store.tables import Delivery, Slot
from rolecall.testing.channels import MemoryChannel, Outbox, channel_plugin, memory_channel
from rolecall.testing.fixtures import open_school
from rolecall.testing.school import School
from rolecall.work.delivery.deliver import deliver
from rolecall.work.sync import backoff


class Post:
    """What tests say: queue messages, send what is due, look at what became of them."""

    def __init__(self, school: School, channel: type[MemoryChannel]) -> None:
        self.school, self.app, self.channel = school, school.app, channel

    @property
    def outbox(self) -> Outbox:
        """What the channel took."""
        return self.channel.outbox

    def change_email(self, *accounts: int, to: str = "new{}@home.example") -> None:
        """Change the e-mail of accounts, which queues a link to each new address."""
        for number, account in enumerate(accounts):
            self.school.act("account.email", account, email=to.format(number))

    def queue(self, account: int, kind: str = "email.changed", address: str = "anna@home.example", **facts: object) -> None:
        """Queue a message."""
        with self.app.db.write() as session:
            message = Message(
                kind=kind, channel="email", account_id=account, address=address, dedupe_key=f"{kind}:{address}:{account}", facts=facts
            )
            messages.queue_all(session, [message], run_id=None, now=now(session))

    def send(self) -> int:
        """Send what is due."""
        return deliver(self.app, self.channel.id)

    def hurry(self, **values: object) -> None:
        """Let every wait and lease be over."""
        with self.app.db.write() as session:
            moment = now(session)
            session.execute(update(Delivery).values(not_before=moment, leased_until=None, **values))

    def bury(self) -> None:
        """Let the place of a worker that died be free."""
        with self.app.db.write() as session:
            session.execute(update(Slot).values(leased_until=None, owner=None))

    def all(self) -> list[Delivery]:
        """Every message, in the order of queueing."""
        with self.app.db.read() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.id)))

    def one(self) -> Delivery:
        """The only message."""
        (found,) = self.all()
        return found

    def states(self) -> list[str]:
        """How each message is."""
        return [each.state for each in self.all()]


@pytest.fixture(autouse=True)
def _longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait happens to be so short that a message which failed is sent once more in the same go."""
    monkeypatch.setattr(backoff, "_random", SimpleNamespace(random=lambda: 1.0))


@pytest.fixture
def channel() -> type[MemoryChannel]:
    """The channel."""
    return memory_channel()


@pytest.fixture
def school(database_url: str, tmp_path: Path, channel: type[MemoryChannel]) -> Iterator[School]:
    """A school where the channel is enabled."""
    with open_school(database_url, tmp_path, plugins={channel.id: channel_plugin(channel)}) as school:
        school.enable(channel.id)
        yield school


@pytest.fixture
def post(school: School, channel: type[MemoryChannel]) -> Post:
    """Its post office."""
    return Post(school, channel)


@pytest.fixture
def anna(school: School) -> int:
    """Anna, whose account has no e-mail yet."""
    return school.student("Anna", username="anna.k", email=None)
