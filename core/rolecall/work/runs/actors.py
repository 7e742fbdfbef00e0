"""Finds the actor of a run again, with the rights it has now and not when the run began."""

from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.accounts.rights import EVERYTHING, NOTHING, of_account
from rolecall.store.tables import Run


def actor_of(session: Session, run: Run) -> Actor:
    """Return who acts in this run; an account that lost its rights comes back without them (Z-12)."""
    if run.actor_account_id is not None:
        found = of_account(session, run.actor_account_id, run.actor_period_id)
    else:
        # The operator and the system may do everything; an account that was purged since may do nothing.
        found = NOTHING if run.actor.startswith("account:") else EVERYTHING
    return Actor(
        name=run.actor, label=run.actor_label, account_id=run.actor_account_id, permissions=found.permissions, types=found.types,
        address=run.address, period_id=run.actor_period_id,
    )  # fmt: skip
