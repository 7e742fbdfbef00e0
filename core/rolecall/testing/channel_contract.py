"""What every channel must do. Inherit, give it a channel that talks to a pretended service, run pytest."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import pytest

from rolecall.errors import Ambiguous, Permanent, Transient
from rolecall.sdk.channel import Channel, Message, SendResult

#: Stands in every message; an error or a log that holds it gave a secret away.
SECRET = "https://school.example/set-password/5ecr3t-T0ken"  # noqa: S105 - made up, to be looked for


class ChannelService(Protocol):
    """What stands behind the channel: it tells which addresses got a message, and does wrong what it is told to."""

    def taken(self) -> list[str]:
        """The addresses that messages were taken for, in order, one for each time."""
        ...

    def refuse(self, address: str) -> None:
        """Refuse this address for good."""
        ...

    def put_off(self, address: str) -> None:
        """Refuse this address for now."""
        ...

    def lose(self, address: str) -> None:
        """Take the next message for this address and break off without an answer."""
        ...


class ChannelContract:
    """The questions to every channel::

    class TestPigeons(ChannelContract):
        addresses = ("loft 1", "loft 2", "loft 3")

        @pytest.fixture
        def service(self): ...

        @pytest.fixture
        def channel(self, service): ...
    """

    #: Three addresses of the channel's kind.
    addresses: tuple[str, str, str] = ("anna@home.example", "ben@home.example", "chloe@home.example")

    @pytest.fixture
    def service(self) -> ChannelService:
        """What stands behind the channel."""
        raise NotImplementedError("Give the pretended service.")

    @pytest.fixture
    def channel(self, service: ChannelService) -> Channel:
        """The channel, connected to the service."""
        raise NotImplementedError("Give a channel that is connected to the service.")

    def messages(self) -> list[Message]:
        """One message to each address, as core makes them."""
        return [
            Message(
                id=number, address=address, subject="The School: your account", text=f"Hello,\n\n{SECRET}", html=f"<p>{SECRET}</p>",
                language="en", sender="office@school.example", sender_name="The School", message_id=f"<contract{number}@school.example>",
            )
            for number, address in enumerate(self.addresses, 1)
        ]  # fmt: skip

    def test_each_message_reaches_its_own_person_and_nobody_else(self, channel: Channel, service: ChannelService) -> None:
        results = list(channel.send(self.messages()))

        assert [each.error for each in results] == [None, None, None]
        assert service.taken() == list(self.addresses)

    def test_a_message_is_answered_for_before_the_next_is_taken(self, channel: Channel, service: ChannelService) -> None:
        steps: list[str] = []

        def handed_out() -> Iterator[Message]:
            for message in self.messages():
                steps.append(f"take {message.id}")
                yield message

        for result in channel.send(handed_out()):
            steps.append(f"result {result.message.id}")
            assert len(service.taken()) == result.message.id, "a result comes when the message was taken, and not before"

        assert steps == [f"{step} {number}" for number in (1, 2, 3) for step in ("take", "result")]

    def test_an_address_that_is_refused_for_good_is_permanent_and_concerns_no_other(
        self, channel: Channel, service: ChannelService
    ) -> None:
        service.refuse(self.addresses[1])

        self._is(channel, Permanent)

    def test_an_address_that_is_refused_for_now_is_transient_and_concerns_no_other(self, channel: Channel, service: ChannelService) -> None:
        service.put_off(self.addresses[1])

        self._is(channel, Transient)

    def test_a_message_that_may_have_been_taken_is_ambiguous(self, channel: Channel, service: ChannelService) -> None:
        service.lose(self.addresses[1])

        self._is(channel, Ambiguous)
        assert service.taken() == list(self.addresses), "the message in doubt is not sent again by the channel itself"

    @pytest.mark.parametrize("more", [",eve@evil.example", ";eve@evil.example", "\r\neve@evil.example", "\nTo: eve@evil.example", "\0"])
    def test_an_address_never_becomes_two(self, channel: Channel, service: ChannelService, more: str) -> None:
        first, *_ = self.messages()

        (result,) = channel.send([replace(first, address=f"{first.address}{more}")])

        assert isinstance(result.error, Permanent), "what is not exactly one address is refused"
        assert service.taken() == []

    def test_trying_the_connection_sends_nothing(self, channel: Channel, service: ChannelService) -> None:
        lines = list(channel.check())

        assert all(line.ok for line in lines if line.required), [line for line in lines if not line.ok]
        assert service.taken() == []

    def test_it_is_shown_with_words_for_people(self, channel: Channel) -> None:
        assert channel.label.strip()
        assert channel.guide.strip(), "whoever sets it up is told how"

    def _is(self, channel: Channel, kind: type[Exception]) -> None:
        """The second message ends with this error, which gives nothing away; the others are taken."""
        results: list[SendResult] = list(channel.send(self.messages()))

        assert [each.error and isinstance(each.error, kind) for each in results] == [None, True, None], [each.error for each in results]
        assert SECRET not in f"{results[1].error} {results[1].error!r} {results[1]!r}", "errors are kept and shown: they hold no secret"
