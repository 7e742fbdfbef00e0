"""The conformance kit, asked of mail through Microsoft 365."""

import base64

import pytest

from rolecall.testing import ChannelContract, PluginContract


class TestPlugin(PluginContract):
    plugin = "o365_mail"


class TestChannel(ChannelContract):
    @pytest.fixture
    def service(self, tenant, wire, sent):
        return Service(tenant, wire, sent)

    @pytest.fixture
    def channel(self, service, connect):
        return connect()


class Service:
    """What the kit asks of a pretended service."""

    def __init__(self, tenant, wire, sent):
        self._tenant, self._wire, self._sent = tenant, wire, sent

    def taken(self):
        return [str(mail["To"]) for mail in self._sent()]

    def refuse(self, address):
        self._tenant.state.unresolved.add(address)

    def put_off(self, address):
        self._tenant.state.locked_for.add(address)

    def lose(self, address):
        self._wire.drop(when="after", match=lambda request: address in carried(request.body))


def carried(body):
    """The mail in the body of a call, as text; empty where there is none."""
    try:
        return base64.b64decode(body, validate=True).decode()
    except ValueError:
        return ""
