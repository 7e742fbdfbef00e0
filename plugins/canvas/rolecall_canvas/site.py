"""One Canvas as the settings describe it: the client, the accounts in it, and which SIS ids are ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rolecall_canvas.client import Client, segment
from rolecall_canvas.settings import class_account, key_of, looks_ours, root_account, sis_id

if TYPE_CHECKING:
    from rolecall.sdk.http import Http


class Site:
    """A Canvas. ``sleep`` waits so many seconds; tests give another."""

    def __init__(self, settings: Mapping[str, Any], http: Http, *, sleep: Callable[[float], object] | None = None) -> None:
        self.settings = settings
        self.client = Client(http, str(settings["base_url"]), str(settings["token"]), sleep=sleep)
        #: The beginning of every path in the root account, and in the account of courses.
        self.root = f"/accounts/{segment(root_account(settings))}"
        self.class_account = f"/accounts/{segment(class_account(settings))}"

    def sis_id(self, key: str) -> str:
        """Return the SIS id that carries a key of ours."""
        return sis_id(key, self.settings)

    def key_of(self, found: object) -> str | None:
        """Return the key that a SIS id carries, whosever it is; none where there is none."""
        return key_of(found, self.settings)

    def looks_ours(self, found: object) -> bool:
        """Tell whether a SIS id has the form of ours."""
        return looks_ours(found, self.settings)
