"""What a SCIM service says it can do, read once and obeyed (RFC 7643, section 5).

Owns the reading of ``/ServiceProviderConfig`` and what is learnt on the way. A service that does not describe itself is taken for a
modest one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rolecall_scim.client import PAGE, Client
from rolecall_scim.errors import Elsewhere, Garbled, Unsupported, field_of

CONFIG = "/ServiceProviderConfig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What may be asked of the service. ``described``: it said so itself."""

    described: bool = False
    patch: bool = True
    filter: bool = True
    etag: bool = False
    password: bool = True
    #: The most operations of one bulk; 0 for no bulk at all.
    bulk_operations: int = 0
    #: The most bytes of one bulk.
    bulk_bytes: int = 0
    #: The most resources that a page of a list should hold.
    page: int = PAGE


def abilities_of(body: Mapping[str, Any]) -> Abilities:
    """Read a service's description of itself; every part that is missing counts as *not supported*.

    :raises Garbled: when it is none.
    """
    if not any(isinstance(field_of(body, name), dict) for name in ("patch", "filter", "bulk")):
        raise Garbled("The SCIM service did not describe itself in a way that can be read.")
    bulk, page = field_of(body, "bulk"), _count(field_of(field_of(body, "filter"), "maxResults"))
    operations = _count(field_of(bulk, "maxOperations")) if _supported(bulk) else 0
    size = _count(field_of(bulk, "maxPayloadSize"))
    return Abilities(
        described=True,
        patch=_supported(field_of(body, "patch")),
        filter=_supported(field_of(body, "filter")),
        etag=_supported(field_of(body, "etag")),
        password=_supported(field_of(body, "changePassword")),
        bulk_operations=operations if size else 0,
        bulk_bytes=size,
        page=min(page, PAGE) if page else PAGE,
    )


def is_true(value: Any) -> bool:
    """Read a truth value, which some services write as text."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def is_false(value: Any) -> bool:
    """Tell whether a truth value is there and says no."""
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def _supported(part: Any) -> bool:
    return is_true(field_of(part, "supported"))


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


class Service:
    """One service as the parts of the plugin share it: how to call it, and what it can do."""

    def __init__(self, client: Client, settings: Mapping[str, Any]) -> None:
        self.client = client
        self.settings = settings
        #: How PATCH is written.
        self.entra = settings.get("dialect") == "entra"
        #: Where our key is kept on a user; none: nowhere.
        self.slot = None if settings.get("key_slot") == "none" else str(settings.get("key_slot") or "externalId")
        self._known: Abilities | None = None
        self._lock = threading.Lock()

    @property
    def can(self) -> Abilities:
        """What the service can do, asked for when it is needed first.

        :raises ProviderError: when that cannot be learnt; it is asked for again next time.
        """
        with self._lock:
            if self._known is None:
                self._known = self._settled(self.describe())
            return self._known

    def describe(self) -> Abilities:
        """Ask the service what it can do, now. One that has no such address is asked for a user instead, and taken for a modest one."""
        try:
            return abilities_of(self.client.read(CONFIG))
        except (Elsewhere, Unsupported):
            self.client.probe()
            return Abilities()

    def without(self, **abilities: Any) -> None:
        """Remember that the service cannot do what it said it could."""
        with self._lock:
            if self._known is not None:
                self._known = replace(self._known, **abilities)

    def _settled(self, said: Abilities) -> Abilities:
        """Let the settings decide where they say something."""
        method = str(self.settings.get("method") or "auto")
        if method != "auto":
            said = replace(said, patch=method == "patch")
        if not self.settings.get("bulk", True):
            said = replace(said, bulk_operations=0)
        return said

    @property
    def may_fall_back(self) -> bool:
        """Whether PUT may be tried where PATCH turns out not to be there."""
        return str(self.settings.get("method") or "auto") == "auto"
