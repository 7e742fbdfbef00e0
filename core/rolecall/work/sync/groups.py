"""Has a provider make the groups that a plan needs, before the plan: one worker at a time, so that none is made twice.

Knows the group keys of a plan and nothing of what a group is.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rolecall.work import slots
from rolecall.work.leases import NotCalledError
from rolecall.work.sync.call import Planned
from rolecall.work.sync.instances import Instance

if TYPE_CHECKING:
    from rolecall.work.application import Application


def ensure(app: "Application", instance: Instance, provider_id: str, plan: Sequence[Planned]) -> None:
    """Make the groups of the plan that this process has not seen before.

    :raises NotCalledError: when another worker is making groups.
    :raises ProviderError: or whatever else the plugin raises.
    """
    provider = instance.provider
    if provider is None or not provider.can("ensure_groups"):
        return
    missing = group_keys(plan) - instance.groups
    if not missing:
        return
    with app.db.write() as session:
        slot = slots.take(session, f"groups:{provider_id}", length=instance.lease)
    if slot is None:
        raise NotCalledError("Another worker is making groups.")
    try:
        provider.ensure_groups(missing)
    finally:
        with app.db.write() as session:
            slot.free(session)
    instance.groups.update(missing)


def group_keys(plan: Sequence[Planned]) -> set[str]:
    """Return the keys of all groups that the plan puts somebody into."""
    keys: set[str] = set()
    for planned in plan:
        groups = planned.change.after.get("groups")
        if isinstance(groups, frozenset):
            keys.update(groups)
    return keys
