"""Says what was changed at a provider: the attributes that differ there from what was sent last (R65).

Pure. What is not managed, what the provider does not show, and what is unclear since the last call, is no drift.
"""

from collections.abc import Collection, Mapping
from typing import Any

from rolecall.sdk.provider import Attributes
from rolecall.work.links import PRESENT
from rolecall.work.sync.sent import Sent, dump_attributes

#: The name under which being suspended stands among the attributes; no plugin's attribute has a space.
SUSPENDED = "is suspended"


def drift(sent: Sent, there: Attributes, managed: Collection[str], *, suspended: bool, goal: str) -> dict[str, dict[str, Any]] | None:
    """Return ``{attribute: {"sent": ..., "there": ...}}`` in the form of a link's ``sent``, or none where nothing differs.

    ``managed`` are the attributes that would be sent again.
    """
    found: dict[str, dict[str, Any]] = {}
    if goal == PRESENT:
        names = [name for name in sent.attributes if name in managed and name in there and name not in sent.tried]
        differing = [name for name in names if not _same(sent.attributes[name], there[name])]
        before = dump_attributes({name: sent.attributes[name] for name in differing})
        after = dump_attributes({name: there[name] for name in differing})
        found = {name: {"sent": before[name], "there": after[name]} for name in differing}
    if not sent.verbs and sent.suspended != suspended:
        found[SUSPENDED] = {"sent": sent.suspended, "there": suspended}
    return found or None


def as_there(sent: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a link's ``sent`` with what differs as it is there: what the next plan compares with."""
    attributes = {name: each["there"] for name, each in found.items() if name != SUSPENDED}
    suspended = found[SUSPENDED]["there"] if SUSPENDED in found else sent["suspended"]
    return {**sent, "attributes": {**sent["attributes"], **attributes}, "suspended": suspended}


def _same(first: object, second: object) -> bool:
    """Empty text and none are the same here: providers keep one for the other."""
    return (first if first != "" else None) == (second if second != "" else None)
