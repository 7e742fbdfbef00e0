"""The conformance kit, asked of this plugin against a real mail server."""

import pytest

from rolecall.testing import ChannelContract, PluginContract


class TestPlugin(PluginContract):
    plugin = "email"


class TestChannel(ChannelContract):
    @pytest.fixture
    def service(self, mailboxes):
        return Service(mailboxes)

    @pytest.fixture
    def channel(self, service, connect):
        return connect()


class Service:
    """What the kit asks of a pretended service."""

    def __init__(self, mailboxes):
        self._mailboxes = mailboxes

    def taken(self):
        return [to for _, recipients in self._mailboxes.envelopes for to in recipients]

    def refuse(self, address):
        self._mailboxes.answers[address] = "550 5.1.1 no such user"

    def put_off(self, address):
        self._mailboxes.answers[address] = "451 4.7.1 later"

    def lose(self, address):
        self._mailboxes.breaks[address] = "after"
