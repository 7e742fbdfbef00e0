"""The conformance kit, asked of this plugin with each of the gateways."""

import pytest

from rolecall.testing import ChannelContract, PluginContract


class TestPlugin(PluginContract):
    plugin = "sms"


@pytest.fixture(params=["twilio", "vonage", "http"])
def gateway(request):
    return request.param


class TestChannel(ChannelContract):
    addresses = ("+306912345678", "+306912345679", "+306912345680")

    @pytest.fixture
    def service(self, fake, wire):
        return Service(fake.phones, wire)

    @pytest.fixture
    def channel(self, service, connect, gateway):
        return connect(gateway)


class Service:
    """What the kit asks of a pretended service."""

    def __init__(self, phones, wire):
        self._phones, self._wire = phones, wire

    def taken(self):
        return [each.to for each in self._phones.messages]

    def refuse(self, address):
        self._phones.refused.add(address)

    def put_off(self, address):
        self._phones.put_off.add(address)

    def lose(self, address):
        self._wire.drop(when="after", match=lambda request: request.method == "POST" and address.lstrip("+").encode() in request.body)
