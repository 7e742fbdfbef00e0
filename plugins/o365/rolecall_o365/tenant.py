"""One tenant as the parts of the plugin share it: the settings, Graph, and what is remembered of groups and licences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rolecall.sdk import AccountSnapshot
from rolecall_o365 import names
from rolecall_o365.client import Graph
from rolecall_o365.groups import Groups
from rolecall_o365.licences import Licences

if TYPE_CHECKING:
    from rolecall.sdk.http import Http


class Tenant:
    """Microsoft 365 of one institution."""

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        self.settings = settings
        self.graph = Graph(http, settings)
        self.slot = str(settings.get("key_slot") or "extensionAttribute15")
        self.groups = Groups(self.graph)
        self.licences = Licences(self.graph, settings)
        self.keeps_groups = bool(settings.get("groups", True))

    def sign_in_name(self, account: AccountSnapshot) -> str:
        """Return the userPrincipalName of an account."""
        return names.sign_in_name(account, self.settings)
