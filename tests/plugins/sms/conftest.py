"""The pretended gateways on a port of this machine, each in turn, and the channel that talks to them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from provider_contracts import OpenApiContract, checked

from rolecall import Message, Network, Tcp
from rolecall.sdk.http import Http
from rolecall.testing.wire import Wire
from rolecall_sms.channel import SmsChannel
from rolecall_sms.fake import FakeSms
from rolecall_sms.fake.others import KEY, SECRET
from rolecall_sms.fake.twilio import ACCOUNT, SENDER, TOKEN
from rolecall_sms.settings import SmsSettings

TWILIO = OpenApiContract("twilio-api-v2010.sms-subset.openapi.json")
TEMPLATE = {
    "http_headers": "Authorization: Bearer {secret}\nX-Client: rolecall",
    "http_body": '{"to": "{to}", "text": "{text}", "from": "{sender}", "meta": [1, "{id}/{unicode}"]}',
    "http_format": "json", "answer_path": "result.state", "success_value": "queued|sent", "id_path": "result.ids.0",
    "retry_values": "busy", "stop_values": "no-credit\nbad-sender",
}  # fmt: skip
#: What connects the plugin to each gateway, beside the address.
GATEWAYS: dict[str, dict[str, Any]] = {
    "twilio": {"account": ACCOUNT, "secret": TOKEN, "sender": SENDER},
    "vonage": {"account": KEY, "secret": SECRET, "sender": "School"},
    "http": {"secret": SECRET, "sender": "School", **TEMPLATE},
}
#: The paths that messages go to.
SENDS = {"twilio": "/Messages.json", "vonage": "/sms/json", "http": "/send"}
Connect = Callable[..., SmsChannel]


@pytest.fixture
def fake() -> FakeSms:
    """The gateways."""
    return FakeSms("http://127.0.0.1")


@pytest.fixture
def wire(fake: FakeSms) -> Iterator[Wire]:
    """Where they are reached; every request to Twilio is compared with its published contract."""
    with Wire(checked(fake, TWILIO, free=("/sms/", "/account/", "/send"))) as wire:
        yield wire


@pytest.fixture
def connect(wire: Wire) -> Iterator[Connect]:
    """Makes channels that are connected to a gateway."""
    made: list[Http] = []

    def make(gateway: str = "twilio", *, deadline: float = 5, **settings: Any) -> SmsChannel:
        url = f"{wire.url}/send" if gateway == "http" else wire.url
        loaded = SmsSettings().load({"gateway": gateway, "url": url, "countries": "GR", **GATEWAYS[gateway], **settings})
        made.append(Http(allow=[wire.host], deadline=deadline))
        return SmsChannel(loaded, Network(http=made[-1], tcp=Tcp()))

    yield make
    for each in made:
        each.close()


@pytest.fixture
def message() -> Callable[..., Message]:
    """Makes messages."""
    numbers = iter(range(1, 1000))

    def make(address: str = "+306912345678", **values: Any) -> Message:
        number = next(numbers)
        facts = {
            "subject": "Your account", "text": "Hello Anna, open https://school.example/p/1", "html": "", "language": "en",
            "sender": "office@school.example", "message_id": f"<m{number}@school.example>", "region": "GR",
        }  # fmt: skip
        return Message(id=number, address=address, **{**facts, **values})

    return make
