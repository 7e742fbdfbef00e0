"""From which address messages come: one of the institution's, and for invitations the one of whoever sends them (R25, R50a).

Owns that nothing comes from an address outside the institution's list: the list may have changed since somebody chose from it.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts.core_settings import core_settings
from rolecall.store.folding import email_key
from rolecall.store.tables import Account, Run


def of_institution(session: Session) -> list[str]:
    """The addresses that messages may come from, the usual one first."""
    return list(core_settings(session)["sender_addresses"])


def listed(chosen: str | None, addresses: Sequence[str]) -> str | None:
    """The chosen address as the list writes it; none where nothing was chosen, or the list has it no more."""
    if not chosen:
        return None
    key = email_key(chosen)
    return next((each for each in addresses if email_key(each) == key), None)


def of_run(session: Session, run_id: int | None, addresses: Sequence[str]) -> str | None:
    """The address that was chosen for the account that began a run; none where there is no such account or it has none that counts."""
    if run_id is None:
        return None
    chosen = select(Account.sender_email).join(Run, Run.actor_account_id == Account.id).where(Run.id == run_id)
    return listed(session.scalar(chosen), addresses)
