"""Gives users the licences that their type or role has, and takes away those of the settings that they should not have.

Touches no licence that the settings do not name, and none that comes from a group.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rolecall.errors import Permanent, ProviderError
from rolecall.sdk import AccountSnapshot
from rolecall_o365.client import Graph, Part, list_path, segment
from rolecall_o365.errors import Refused, settled
from rolecall_o365.permissions import LICENSE
from rolecall_o365.settings import licence_rules

_GUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")


def wanted(account: AccountSnapshot, settings: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the licences an account should have, by name; none where the settings name no licence at all."""
    rules = licence_rules(settings)
    if not rules:
        return None
    roles = {role.role for role in account.roles if role.enabled and role.period_is_current}
    return frozenset(sku for kind, role, sku in rules if kind == account.type and (role is None or role in roles))


class Licences:
    """The licences of the settings, with the ids that the tenant knows them by."""

    def __init__(self, graph: Graph, settings: Mapping[str, Any]) -> None:
        self._graph = graph
        self.managed = frozenset(sku for _, _, sku in licence_rules(settings))
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()

    def ids(self) -> dict[str, str]:
        """Return the id of each licence of the settings that the tenant has."""
        with self._lock:
            if not self._ids:
                rows = self._graph.pages("/subscribedSkus")
                known = {str(row.get("skuPartNumber") or "").upper(): str(row.get("skuId") or "").lower() for row in rows}
                self._ids = {
                    sku: sku.lower() if _GUID.fullmatch(sku) else known[sku] for sku in self.managed if _GUID.fullmatch(sku) or sku in known
                }
            return self._ids

    def held(self, row: Mapping[str, Any]) -> frozenset[str]:
        """Return which licences of the settings a user holds, whether directly or from a group."""
        have = {str(each.get("skuId") or "").lower() for each in row.get("assignedLicenses") or () if isinstance(each, dict)}
        return frozenset(sku for sku, number in self.ids().items() if number in have)

    def assign(self, users: Mapping[str, frozenset[str]], *, fresh: Collection[str] = ()) -> dict[str, ProviderError]:
        """Give users exactly these of the settings' licences; returns those for whom it failed, with the error.

        ``fresh`` ones were made a moment ago: they hold nothing, and may not be shown yet.
        """
        ids = self.ids()
        failed: dict[str, ProviderError] = {user: _unknown(skus - set(ids)) for user, skus in users.items() if not skus <= set(ids)}
        rest = [user for user in users if user not in failed]
        held = self._read([user for user in rest if user not in fresh], failed)
        writes: list[tuple[str, Part]] = []
        for user in rest:
            if user in failed:
                continue
            have, direct = held.get(user, (frozenset(), frozenset()))
            add, remove = users[user] - have, direct - users[user]
            if add or remove:
                writes.append((user, _assignment(user, [ids[sku] for sku in sorted(add)], [ids[sku] for sku in sorted(remove)])))
        for (user, _), answer in zip(writes, self._graph.batch([part for _, part in writes]), strict=True):
            if answer.error is not None:
                failed[user] = _refusal(answer.error)
        return failed

    def _read(self, users: Sequence[str], failed: dict[str, ProviderError]) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
        """Return what each user holds of the settings' licences, and what of it was given to the user directly."""
        parts = [
            Part(method="GET", path=list_path(f"/users/{segment(user)}", select="id,assignedLicenses,licenseAssignmentStates"))
            for user in users
        ]
        held = {}
        for user, answer in zip(users, self._graph.batch(parts), strict=True):
            if answer.error is not None:
                failed[user] = settled(answer.error)
            else:
                held[user] = (self.held(answer.body), self._direct(answer.body))
        return held

    def _direct(self, row: Mapping[str, Any]) -> frozenset[str]:
        """Return the licences that were given to the user itself; one that comes from a group cannot be taken away here."""
        states: Sequence[Any] = row.get("licenseAssignmentStates") or ()
        direct = {str(each.get("skuId") or "").lower() for each in states if isinstance(each, dict) and not each.get("assignedByGroup")}
        return frozenset(sku for sku, number in self.ids().items() if number in direct)


def _assignment(user: str, add: list[str], remove: list[str]) -> Part:
    body = {"addLicenses": [{"skuId": number, "disabledPlans": []} for number in add], "removeLicenses": remove}
    return Part(method="POST", path=f"/users/{segment(user)}/assignLicense", body=body, repeatable=True, needs=LICENSE)


def _unknown(skus: frozenset[str]) -> ProviderError:
    return Permanent(f"The tenant has no licence called {', '.join(sorted(skus))}.", hint="Correct the licences in the settings.")


def _refusal(error: ProviderError) -> ProviderError:
    if isinstance(error, Refused):
        return Permanent(
            f"The licence was not assigned: {error.message}", hint="Look whether seats are free; the connection test counts them."
        )
    return settled(error)
