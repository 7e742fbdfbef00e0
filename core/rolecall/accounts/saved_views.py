"""Filters under a name (R14): somebody's own, or shared with everybody who sees the accounts list.

Owns that a name stands once in its place. Knows nothing of what a filter means: ``query`` is the list's query string.
"""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from rolecall.errors import Invalid, Unknown
from rolecall.store.tables import SavedView

#: More than this is no menu any more.
MOST = 50


def of(session: Session, account_id: int | None) -> Sequence[SavedView]:
    """Return the shared views and an account's own, the shared ones first, by name."""
    mine = or_(SavedView.account_id.is_(None), SavedView.account_id == account_id)
    return session.scalars(select(SavedView).where(mine).order_by(SavedView.account_id.is_not(None), SavedView.name)).all()


def save(session: Session, *, name: str, query: str, account_id: int | None) -> SavedView:
    """Save a filter under a name, in place of one of that name; ``account_id`` none shares it.

    :raises Invalid: without a name, or when it or the filter is too long, or there are too many.
    """
    name = " ".join(name.split())
    if not name or len(name) > 100 or not name.isprintable():
        raise Invalid("A view needs a name of at most 100 characters.", fields={"name": ["Give it a name."]})
    if len(query) > 2000:
        raise Invalid("This filter is too long to be saved.")
    owner = SavedView.account_id.is_not_distinct_from(account_id)
    known = {view.name.casefold(): view for view in session.scalars(select(SavedView).where(owner))}
    view = known.get(name.casefold())
    if view is None and len(known) >= MOST:
        raise Invalid(f"There are {MOST} views already.", hint="Remove one first.")
    if view is None:
        view = SavedView(account_id=account_id, name=name, query=query)
        session.add(view)
    view.name, view.query = name, query
    session.flush()
    return view


def remove(session: Session, view_id: int, *, account_id: int | None, shared: bool) -> SavedView:
    """Remove one of an account's own views, or with ``shared`` also one that everybody sees; return what it was.

    :raises Unknown: when there is none of this number that may be removed.
    """
    view = session.get(SavedView, view_id)
    if view is None or (view.account_id != account_id if view.account_id is not None else not shared):
        raise Unknown("There is no such view.")
    session.delete(view)
    session.flush()
    return view
