"""What a plugin may ask about the accounts at its own provider, for its filters and columns; public, and read-only."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, exists, not_, select
from sqlalchemy.orm import Session

from rolecall.errors import Invalid
from rolecall.store.tables import Link, Listing

#: The words of :func:`linked_as`, with labels for a select box.
LINK_WORDS = {"linked": "Linked", "waiting": "A change is waiting", "blocked": "Blocked", "none": "Not linked"}

__all__ = ["LINK_WORDS", "linked_as", "remote_ids"]


def linked_as(provider: str, word: str) -> ColumnElement[bool]:
    """Build a predicate over the accounts list: how an account stands at a provider, by a word of :data:`LINK_WORDS`.

    :raises Invalid: for any other word.
    """
    own = (Link.account_id == Listing.account_id, Link.provider == provider, Link.goal != "released")
    there = exists().where(*own, Link.external_id.is_not(None)).correlate(Listing)
    clauses = {
        "linked": there,
        "waiting": exists().where(*own, Link.synced < Link.wanted, Link.blocked.is_(False)).correlate(Listing),
        "blocked": exists().where(*own, Link.synced < Link.wanted, Link.blocked.is_(True)).correlate(Listing),
        "none": not_(there),
    }
    if word not in clauses:
        raise Invalid(f"{word!r} is not one of {', '.join(clauses)}.")
    return clauses[word]


def remote_ids(session: Session, provider: str, ids: Sequence[int]) -> Mapping[int, str]:
    """Return the id that each of these accounts has at a provider; accounts without one are missing."""
    held = select(Link.account_id, Link.external_id).where(
        Link.account_id.in_(ids), Link.provider == provider, Link.external_id.is_not(None), Link.goal != "released"
    )
    return {account_id: str(external_id) for account_id, external_id in session.execute(held)}
