"""A requirement: an SQL predicate with a sentence.

It greys a menu entry with its reason, counts the skipped before anything runs, answers the API with 409 and excludes rows in one
statement. The standard ones live in ``accounts.requirements`` and are exported by ``rolecall``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What an account must fulfil for an action to apply.

    ``clause`` builds a predicate over the ``account`` table that is true where the action applies; ``message`` is the sentence
    for those where it does not; ``code`` is its stable word (``not-active``).
    """

    code: str
    clause: Callable[[], ColumnElement[bool]]
    message: str
