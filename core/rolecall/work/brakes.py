"""The words of the brake: what the safety limits say of a link whose account is to be closed at its provider (R62).

Owns the words, and how one is chosen when the link falls behind. The limits themselves are `work.sync.limits`.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal_column, null, or_, select
from sqlalchemy.orm import Session, aliased

from rolecall.store.tables import Account, Link, RunItem

#: Somebody asked for this one account, by itself; the limits have not looked at it yet.
ASKED = "asked"
#: Nothing is closed by it: the account is not there, or closed already.
IDLE = "idle"
#: Within the limits; it counts for a day.
FREE = "free"
#: Above a limit: it waits for somebody.
HELD = "held"
#: An administrator's, the owner's or a protected account that nobody asked to close by itself: it waits for somebody.
GUARDED = "guarded"
#: Somebody looked at it and let it through.
APPROVED = "approved"
#: Somebody asked to close this one guarded account, or approved it by itself.
ALONE = "alone"

WAITING = (HELD, GUARDED)
#: What lets an account be closed.
OPEN = (FREE, APPROVED, ALONE)

#: A link that is behind and does not keep its account open, as SQL and just as the index says it, so that the index is used.
CLOSING = and_(Link.synced < Link.wanted, Link.goal != literal_column("'present'"))


def is_guarded(account: type[Account] = Account) -> ColumnElement[bool]:
    """Whether an account is closed at a provider only if somebody asks for it by itself, as SQL over account (R62).

    Who may do everything here is, and who was marked as protected.
    """
    return or_(account.type == "administrator", account.is_owner, account.protected)


def is_about_one(session: Session, run_id: int) -> bool:
    """Whether a run is about one account, and no other."""
    few = select(RunItem.n).where(RunItem.run_id == run_id).limit(2)
    return session.scalar(select(func.count()).select_from(few.subquery())) == 1


def fallen(goal: ColumnElement[Any], *, asked: bool) -> dict[str, Any]:
    """What becomes of the brake of a link that falls behind with this goal: what was decided of the same goal on its way still holds.

    What was held is looked at anew, and so is an account that is guarded by now and was one of many when it was decided about.
    """
    other = aliased(Account)
    # Written out, because an upsert does not correlate with the table that it writes to.
    guarded = exists(select(other.id).where(other.id == literal_column("link.account_id"), is_guarded(other)))
    alone = Link.brake.in_((ASKED, ALONE))
    of_many = and_(Link.brake.in_((FREE, APPROVED)), ~guarded)
    on_its_way = and_(Link.synced < Link.wanted, Link.goal == goal, or_(alone, of_many))
    return {"brake": case((goal == "present", null()), (on_its_way, Link.brake), else_=ASKED if asked else null()), "held_at": None}


def may_go() -> ColumnElement[bool]:
    """Whether the limits let a link of an account go on, as SQL: whatever keeps an account open, and what they let through."""
    return or_(Link.goal == "present", Link.brake.in_((IDLE, *OPEN)))
