"""In what the pretended service differs from one that does everything the standard says: each is a thing that real services do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What is unusual about the service; without any it is like scim2-server."""

    #: Whether there is PATCH, filters, versions, and a description of itself.
    patch: bool = True
    filter: bool = True
    etag: bool = True
    describes: bool = True
    #: Whether PATCH is announced although there is none.
    promises_patch: bool = False
    #: Operations and bytes of one bulk; no operations for no bulk.
    bulk: tuple[int, int] = (1000, 1_048_576)
    #: Whether a bulk repeats the ids of creations only.
    sparing_bulk_ids: bool = False
    #: Whether a filter is ignored without a word, and attributes for which a filter is refused.
    ignores_filter: bool = False
    refuses_filter_by: frozenset[str] = frozenset()
    #: Whether *or* is refused in filters.
    refuses_or: bool = False
    #: Whether external ids are thrown away.
    forgets_external_id: bool = False
    #: Whether PATCH is only understood as Microsoft Entra writes it.
    entra_only: bool = False
    #: Whether taking out a value that is not there is refused.
    strict_targets: bool = False
    #: Whether PATCH answers 200 with the resource instead of 204.
    answers_patch: bool = False
    #: Whether deleting a user only closes it.
    deletes_softly: bool = False
    #: Whether attribute names are written small, and truth values as text.
    small_names: bool = False
    text_booleans: bool = False
    #: The most resources on a page; what is added to the total; whether a resource comes on two pages; whether the page is ignored.
    page: int = 1000
    total_lies: int = 0
    repeats: bool = False
    ignores_start: bool = False
