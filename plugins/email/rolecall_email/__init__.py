"""E-mail: messages reach people through the institution's mail server (SMTP).

This module is the list of hooks; each is answered in a line.
"""

from collections.abc import Iterable

from marshmallow import Schema

from rolecall import Channel, hookimpl
from rolecall_email.channel import EmailChannel
from rolecall_email.settings import EmailSettings

LABEL = "E-mail"


@hookimpl
def register_channels() -> Iterable[type[Channel]]:
    """Declare the channel to e-mail addresses (R40, R60)."""
    return [EmailChannel]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one mail server (R56)."""
    return EmailSettings
