"""A tenant with a mailbox on a real port, and the channel that sends from it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rolecall import Message, Network, Tcp
from rolecall.testing.wire import Wire
from rolecall_o365.fake import FakeMicrosoft, create_app
from rolecall_o365.mail.channel import MicrosoftMail
from rolecall_o365.mail.settings import MailSettings

MAILBOX = "office@school.example"
CONNECTION = ("tenant", "client_id", "client_secret", "login_url", "graph_url")


@pytest.fixture
def tenant(options: dict[str, Any]) -> FakeMicrosoft:
    """The tenant."""
    return create_app("http://127.0.0.1", **options)


@pytest.fixture
def wire(tenant: FakeMicrosoft) -> Iterator[Wire]:
    """The tenant on a port."""
    with Wire(tenant, deadline=2) as wire:
        tenant.base_url = wire.url
        yield wire


@pytest.fixture
def connect(tenant: FakeMicrosoft, wire: Wire) -> Callable[..., MicrosoftMail]:
    """Makes channels that are connected to the tenant."""

    def make(**settings: Any) -> MicrosoftMail:
        values = {name: tenant.settings[name] for name in CONNECTION} | {"mailbox": MAILBOX} | settings
        return MicrosoftMail(MailSettings().load(values), Network(http=wire.http, tcp=Tcp()))

    return make


@pytest.fixture
def sent(tenant: FakeMicrosoft) -> Callable[[], list[Any]]:
    """What the mailbox has sent."""
    return lambda: list(tenant.state.mailboxes[MAILBOX])


@pytest.fixture
def message() -> Callable[..., Message]:
    """Makes messages."""
    numbers = iter(range(1, 1000))

    def make(address: str = "anna@home.example", **values: Any) -> Message:
        number = next(numbers)
        facts = {
            "subject": "Welcome", "text": "Hello Anna,\n\nwelcome.", "html": "<p>Hello Anna,</p>", "language": "en", "sender": MAILBOX,
            "sender_name": "The School", "message_id": f"<m{number}@school.example>",
        }  # fmt: skip
        return Message(id=number, address=address, **{**facts, **values})

    return make
