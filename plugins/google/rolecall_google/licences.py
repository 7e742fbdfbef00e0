"""Gives users the licences that their type or role has, and takes away those of the settings that they should not have.

Touches no licence that the settings do not name. A licence is written ``product/SKU``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rolecall.errors import NotFound, Permanent, ProviderError
from rolecall.sdk import AccountSnapshot
from rolecall_google.client import Google, Part, segment
from rolecall_google.errors import Garbled, Refused, Settling, Taken, settled
from rolecall_google.settings import LICENSING, licence_rules
from rolecall_google.users import by_address, primary_of

PRODUCTS = "/apps/licensing/v1/product"
#: The most that a page of assignments holds.
PAGE = 1000


def wanted(account: AccountSnapshot, settings: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the licences an account should have; none where the settings name no licence at all."""
    rules = licence_rules(settings)
    if not rules:
        return None
    roles = {role.role for role in account.roles if role.enabled and role.period_is_current}
    return frozenset(licence for kind, role, licence in rules if kind == account.type and (role is None or role in roles))


class Licences:
    """The licences of the settings, and who holds them."""

    def __init__(self, google: Google, settings: Mapping[str, Any], customer: str) -> None:
        self._google = google
        self._customer = customer
        self.managed = frozenset(licence for _, _, licence in licence_rules(settings))

    def all_held(self) -> dict[str, frozenset[str]]:
        """Return which licences of the settings each user holds, by address."""
        found: dict[str, set[str]] = {}
        for licence in sorted(self.managed):
            for row in self._google.pages(f"{_path(licence)}/users", "items", api=LICENSING, customerId=self._customer, maxResults=PAGE):
                found.setdefault(str(row.get("userId") or "").lower(), set()).add(licence)
        return {address: frozenset(licences) for address, licences in found.items()}

    def held(self, addresses: Sequence[str]) -> dict[str, frozenset[str] | ProviderError]:
        """Return which licences of the settings these users hold, by address."""
        asked = [(address, licence) for address in addresses for licence in sorted(self.managed)]
        answers = self._google.batch(
            [Part(method="GET", path=f"{_path(licence)}/user/{segment(address)}", api=LICENSING) for address, licence in asked]
        )
        found: dict[str, frozenset[str] | ProviderError] = {address: frozenset() for address in addresses}
        for (address, licence), answer in zip(asked, answers, strict=True):
            known = found[address]
            if isinstance(known, ProviderError) or isinstance(answer.error, NotFound):
                continue
            found[address] = answer.error or known | {licence}
        return found

    def assign(self, users: Mapping[str, frozenset[str]], *, fresh: Collection[str] = ()) -> dict[str, ProviderError]:
        """Give users, by id, exactly these of the settings' licences; returns those for whom it failed, with the error.

        ``fresh`` ones were made a moment ago, and may not be known to the Licensing API yet.
        """
        failed: dict[str, ProviderError] = {}
        addresses = self._addresses(list(users), failed)
        have = self.held(list(addresses.values()))
        writes: list[tuple[str, Part]] = []
        for user, address in addresses.items():
            known = have[address]
            if isinstance(known, ProviderError):
                failed[user] = known
            else:
                writes += [(user, part) for part in _parts(address, users[user] - known, known - users[user])]
        for (user, part), answer in zip(writes, self._google.batch([part for _, part in writes]), strict=True):
            error = answer.error
            if error is None or isinstance(error, NotFound if part.method == "DELETE" else Taken):
                continue
            failed.setdefault(user, settled(error) if user in fresh else _refusal(error))
        return failed

    def _addresses(self, users: Sequence[str], failed: dict[str, ProviderError]) -> dict[str, str]:
        """Return the primary addresses of users as they are now: the Licensing API is not known to take ids."""
        found = {}
        for user, answer in zip(users, self._google.batch([by_address(user) for user in users]), strict=True):
            if answer.error is not None:
                failed[user] = settled(answer.error)
            elif not primary_of(answer.body):
                failed[user] = Garbled("Google named no address of a user.")
            else:
                found[user] = primary_of(answer.body)
        return found


def _path(licence: str) -> str:
    product, _, sku = licence.partition("/")
    return f"{PRODUCTS}/{segment(product)}/sku/{segment(sku)}"


def _parts(address: str, add: frozenset[str], remove: frozenset[str]) -> list[Part]:
    """Return the calls from what a user holds to what it should: within one product a licence is exchanged, so nothing is lost between."""
    parts = []
    leaving = {licence.partition("/")[0]: licence for licence in sorted(remove)}
    for licence in sorted(add):
        product, _, sku = licence.partition("/")
        old = leaving.pop(product, None)
        if old is None:
            parts.append(Part(method="POST", path=f"{_path(licence)}/user", body={"userId": address}, api=LICENSING, repeatable=True))
        else:
            remove -= {old}
            body = {"productId": product, "skuId": sku, "userId": address}
            parts.append(Part(method="PUT", path=f"{_path(old)}/user/{segment(address)}", body=body, api=LICENSING, repeatable=True))
    parts += [
        Part(method="DELETE", path=f"{_path(licence)}/user/{segment(address)}", api=LICENSING, repeatable=True)
        for licence in sorted(remove)
    ]
    return parts


def _refusal(error: ProviderError) -> ProviderError:
    """Return the error of an assignment: what passes for a new user is, for one who is long there, a licence that cannot be had."""
    if isinstance(error, Refused | Settling | NotFound):
        return Permanent(
            f"The licence was not assigned: {error.message}",
            hint="Look in the Admin console whether the institution has this licence, a free seat of it, and nothing that excludes it.",
        )
    return error
