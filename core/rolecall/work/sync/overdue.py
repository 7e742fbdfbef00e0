"""Accounts that have been closed for so many days that their account at a provider is to be deleted (R54).

Owns finding them; what is written is `work.links`' to decide, as for every other change. Calls nobody. All of them are put behind in one
transaction: nothing holds them together as a run does what it changes, and of a mass that came in batches the safety limits would let the
first ones go, which by themselves are none (R62). 23,000 accounts among 100,000 take a second or two on SQLite.
"""

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from rolecall.store.engine import now
from rolecall.store.tables import Account, Link, Person
from rolecall.work import links


def put_behind(session: Session) -> int:
    """Put the accounts whose days are over behind at their providers, and return how many that were.

    Links from before these days were counted begin to count now.
    """
    moment, count = now(session), 0
    for integration in links.integrations(session):
        if "delete" not in (integration.on_deactivation, integration.on_deletion) or not integration.delete_after:
            continue  # without days to wait, closing the account here deletes it there, and nothing is left for time to do
        suspended = and_(Link.provider == integration.provider, Link.goal == links.SUSPENDED)
        closed = select(Account.id).where(links.is_closed())
        unknown = update(Link).where(suspended, Link.goal_since.is_(None), Link.account_id.in_(closed))
        session.execute(unknown.values(goal_since=moment), execution_options={"synchronize_session": False})
        found = (
            select(Link.account_id)
            .join(Account, Account.id == Link.account_id)
            .join(Person, Person.id == Account.person_id)
            .where(suspended, ~Person.no_sync, ~links.left_alone(integration), links.goal(integration, moment) == links.DELETED)
            .order_by(Link.account_id)
        )
        if ids := list(session.scalars(found)):
            count += links.behind(session, ids, providers=[integration.provider])
    return count
