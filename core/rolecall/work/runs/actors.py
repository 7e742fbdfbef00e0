"""Finds the actor of a run again, with the rights it has now and not when the run began."""

from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.accounts.rights import account_actor
from rolecall.store.tables import Run


def actor_of(session: Session, run: Run) -> Actor:
    """Return who acts in this run; an account that lost its rights comes back without them (Z-12)."""
    if run.actor_account_id is None:
        return Actor(name=run.actor, label=run.actor_label, permissions=None, address=run.address)
    return account_actor(session, run.actor_account_id, address=run.address)
