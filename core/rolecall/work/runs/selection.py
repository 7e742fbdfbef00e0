"""Which accounts a run is about: ids, or everything that a filter matches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid, Unknown
from rolecall.plugins.registry import View
from rolecall.sdk.lists import FilterContext
from rolecall.store import filters, reach
from rolecall.store.engine import now
from rolecall.store.tables import Account, Listing

#: More ids than this in one request are a filter that somebody wrote out (X-11).
MOST_IDS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Ids, or the words of a filter; exactly one of the two."""

    ids: tuple[int, ...] | None = None
    words: Mapping[str, str] | None = None

    @property
    def is_single(self) -> bool:
        """Whether one account was named, so that a refusal is an answer and not a skipped line."""
        return self.ids is not None and len(set(self.ids)) == 1


def of_ids(ids: Sequence[int]) -> Selection:
    """Select accounts by id, each once.

    :raises Invalid: when there are none or too many.
    """
    unique = tuple(dict.fromkeys(ids))
    if not unique:
        raise Invalid("No account is selected.", hint="Tick at least one, or choose all that match the filter.")
    if len(unique) > MOST_IDS:
        raise Invalid(f"{len(unique):,} accounts were named; at most {MOST_IDS:,} can be.", hint="Use a filter instead.")
    return Selection(ids=unique)


def of_words(words: Mapping[str, str]) -> Selection:
    """Select everything that the filter words match."""
    return Selection(words=dict(words))


def select_accounts(session: Session, view: View, selection: Selection, actor: Actor) -> Select[int, int]:
    """Build the statement that yields (account id, person id) in list order, of the accounts that the actor's rights reach (R58).

    :raises Invalid: when a filter word or its value is unknown.
    """
    statement = select(Account.id, Account.person_id).join(Listing, Listing.account_id == Account.id).where(*reach.accounts(actor.types))
    if selection.ids is not None:
        statement = statement.where(Account.id.in_(selection.ids))
    else:
        words = selection.words or {}
        context = FilterContext(session=session, period_id=filters.chosen_period(session, words), now=now(session))
        statement = statement.where(*filters.compile(view.filters, words, context))
    return statement.order_by(Listing.sort_name, Account.id)


def count(session: Session, view: View, selection: Selection, actor: Actor) -> int:
    """Count the accounts of a selection.

    :raises Unknown: when an id belongs to no account, or to none that the actor's rights reach: the answer is the same.
    """
    chosen = select_accounts(session, view, selection, actor).order_by(None)
    found = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    if selection.ids is not None and found < len(selection.ids):
        known = set(session.scalars(select(Account.id).where(Account.id.in_(selection.ids), *reach.accounts(actor.types))))
        missing = [str(each) for each in selection.ids if each not in known]
        raise Unknown(f"There is no account with the id {', '.join(missing[:5])}.", hint="Reload the list and select again.")
    return found
