"""One Workspace as the parts of the plugin share it: the settings, the APIs, and what is remembered of groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rolecall.sdk import AccountSnapshot
from rolecall_google import names
from rolecall_google.client import Google
from rolecall_google.groups import Groups
from rolecall_google.licences import Licences

if TYPE_CHECKING:
    from rolecall.sdk.http import Http


class Workspace:
    """Google Workspace of one institution."""

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        self.settings = settings
        self.google = Google(http, settings)
        self.customer = str(settings.get("customer") or "my_customer")
        self.key_type = str(settings.get("key_type") or "rolecall")
        self.groups = Groups(self.google, self.customer, str(settings["domain"]).lower())
        self.licences = Licences(self.google, settings, self.customer)
        self.keeps_groups = bool(settings.get("groups", True))

    def address_of(self, account: AccountSnapshot) -> str:
        """Return the primary address of an account."""
        return names.address_of(account, self.settings)
