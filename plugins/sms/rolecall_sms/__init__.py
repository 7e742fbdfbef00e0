"""SMS: messages reach people's mobile phones through a gateway that is called by HTTP.

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable

from marshmallow import Schema

from rolecall import Channel, Endpoint, hookimpl
from rolecall_sms.channel import SmsChannel
from rolecall_sms.receipts import ENDPOINT
from rolecall_sms.settings import SmsSettings

LABEL = "SMS"


@hookimpl
def register_channels() -> Iterable[type[Channel]]:
    """Declare the channel to phone numbers (R42, R60)."""
    return [SmsChannel]


@hookimpl
def register_endpoints() -> Iterable[Endpoint]:
    """Declare where gateways report what became of messages (R42)."""
    return [ENDPOINT]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one gateway (R56)."""
    return SmsSettings
