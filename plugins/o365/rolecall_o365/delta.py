"""What changed among the users of a tenant since a token: Graph's delta, whose tokens live seven days (R65).

A row of a delta holds only what changed, and a user may come several times, so each user is read anew. Memberships of groups are not among
the changes that Graph tells of users: a whole comparison sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rolecall.errors import NotFound, ProviderError
from rolecall.sdk import Changes, Remote
from rolecall_o365 import users
from rolecall_o365.client import Part, id_of, list_path, segment
from rolecall_o365.errors import Garbled

if TYPE_CHECKING:
    from rolecall_o365.tenant import Tenant

#: Changes of these are told; others are not asked for. A licence is told by ``assignedLicenses``.
WATCHED = ",".join(("id", *users.PLAIN, "accountEnabled", "onPremisesExtensionAttributes", "assignedLicenses"))
FROM_NOW = list_path("/users/delta()", select=WATCHED, deltatoken="latest")


def changes(tenant: Tenant, token: str | None, remote_of: Callable[[Mapping[str, Any]], Remote]) -> Iterator[Changes]:
    """Yield what changed since a token, each user as it is now; without a token, only one for from now on.

    :raises TokenExpired: when Graph wants everything to be read again.
    """
    if token is not None and not token.startswith("/users/delta"):
        raise Garbled("This is no token of Microsoft 365.")
    for rows, following in tenant.graph.delta(token or FROM_NOW):
        ids = [] if token is None else list(dict.fromkeys(id_of(row) for row in rows))
        yield _read(tenant, ids, following, remote_of)


def _read(tenant: Tenant, ids: Sequence[str], following: str | None, remote_of: Callable[[Mapping[str, Any]], Remote]) -> Changes:
    parts = [Part(method="GET", path=list_path(f"/users/{segment(each)}", select=users.SELECT)) for each in ids]
    found: list[Remote] = []
    removed: list[str] = []
    for each, answer in zip(ids, tenant.graph.batch(parts), strict=True):
        # A user in the recycle bin may have been restored since: what can be read is there.
        if isinstance(answer.error, NotFound):
            removed.append(each)
        elif answer.error is not None:
            raise answer.error
        else:
            found.append(remote_of(answer.body))
    if tenant.keeps_groups and found:
        found = list(_with_groups(tenant, found))
    return Changes(accounts=found, removed=removed, token=following)


def _with_groups(tenant: Tenant, found: Sequence[Remote]) -> Iterator[Remote]:
    mine = tenant.groups.of_users([each.external_id for each in found])
    for each in found:
        groups = mine[each.external_id]
        if isinstance(groups, ProviderError):
            raise groups
        yield replace(each, attributes={**each.attributes, "groups": frozenset(groups)})
