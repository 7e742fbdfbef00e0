"""What a provider was told of a class, as it is kept in the class's link: attributes, members, whether it is archived there.

Owns the JSON form. A try without a settled answer is only marked as ``unclear``: what is there is then asked before anything else.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rolecall.sdk.provider import Attributes
from rolecall.sdk.snapshots import Member
from rolecall.work.sync.sent import dump_attributes, load_attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class SentClass:
    """The state that the provider accepted last; of ``members`` all that it may have accepted. Whom we did not send we do not take out."""

    attributes: Attributes = field(default_factory=dict)
    members: frozenset[Member] = frozenset()
    archived: bool = False
    unclear: bool = False

    def trying(self, members: Collection[Member], *, archiving: bool = False) -> "SentClass":
        """Return the state while a change is under way that may put these members in, or close the class."""
        return replace(self, members=self.members | frozenset(members), archived=self.archived or archiving, unclear=True)


def dump(sent: SentClass) -> dict[str, Any]:
    """Return the JSON form."""
    members = sorted([each.external_id, each.role] for each in sent.members)
    form: dict[str, Any] = {"attributes": dump_attributes(sent.attributes), "members": members, "archived": sent.archived}
    return form | {"unclear": True} if sent.unclear else form


def load(stored: Mapping[str, Any] | None) -> SentClass | None:
    """Read the JSON form; none is a class that the provider was never told about."""
    if stored is None:
        return None
    return SentClass(
        attributes=load_attributes(stored["attributes"]),
        members=frozenset(Member(external_id, role) for external_id, role in stored["members"]),
        archived=stored["archived"],
        unclear=bool(stored.get("unclear")),
    )
