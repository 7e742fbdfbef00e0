"""What a plugin may ask about the accounts at its own provider, and the filter and the column made of it; public, and read-only."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, exists, not_, select
from sqlalchemy.orm import Session

from rolecall.errors import Invalid
from rolecall.sdk.lists import Column, Filter
from rolecall.store.tables import Link, Listing

#: The words of :func:`linked_as`, with labels for a select box.
LINK_WORDS = {"linked": "Linked", "waiting": "A change is waiting", "blocked": "Blocked", "none": "Not linked"}

__all__ = ["LINK_WORDS", "id_column", "link_filter", "linked_as", "remote_ids"]


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


def link_filter(provider: str, label: str, *, at: str = "") -> Filter:
    """Return the filter by how an account stands at a provider (R13); ``at`` names the service within a sentence, else the label does."""
    return Filter(
        id=provider,
        label=label,
        choices=lambda _context: tuple(LINK_WORDS.items()),
        clause=lambda word, _context: linked_as(provider, word),
        group="advanced",
        help=f"How an account stands at {at or label}.",
    )


def id_column(provider: str, label: str) -> Column:
    """Return the column with the id that accounts have at a provider (R14)."""
    return Column(id=f"{provider}_id", label=f"{label} id", values=lambda session, ids: remote_ids(session, provider, ids))
