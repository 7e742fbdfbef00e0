"""Mail through Microsoft 365: messages reach people from a mailbox of the tenant, without a mail server and its password.

A plugin of its own beside the one that keeps users: it has an app with one right, and what stops it stops no sync. This module is the
list of hooks; each is answered in a line.
"""

from collections.abc import Iterable

from marshmallow import Schema

from rolecall import Channel, hookimpl
from rolecall_o365.mail.channel import MicrosoftMail
from rolecall_o365.mail.settings import MailSettings

LABEL = "Mail through Microsoft 365"


@hookimpl
def register_channels() -> Iterable[type[Channel]]:
    """Declare the channel to e-mail addresses (R40, R60)."""
    return [MicrosoftMail]


@hookimpl
def plugin_settings() -> type[Schema] | None:
    """Declare the settings of one mailbox (R56)."""
    return MailSettings
