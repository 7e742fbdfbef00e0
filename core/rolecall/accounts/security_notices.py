"""Notices to whom an account belongs when what guards it was changed, by themselves, the office or somebody else (R59b, R34a, A-20).

Owns who is told, and where. What the notice says is its template's; no secret is in it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from rolecall.accounts import messages
from rolecall.accounts.messages import Message
from rolecall.store.bulk import among
from rolecall.store.folding import email_key
from rolecall.store.tables import Account, Person

#: The kinds of notices; that an e-mail was changed is told by ``emails``, to the address before.
PASSWORD, FACTOR, IDENTITY = "password.changed", "second_factor.changed", "identity.linked"


def queue(
    session: Session,
    kind: str,
    account_ids: Collection[int],
    *,
    now: datetime,
    run_id: int | None = None,
    facts: Mapping[str, str] | None = None,
) -> None:
    """Queue a notice for each account that has a verified address: its e-mail or, until a new one is verified, the one before (R22).

    Whoever has none is told nothing: an address that nobody proved may be anybody's.
    """
    address = case((Account.email_verified, Account.email), else_=Account.former_email)
    rows = session.execute(select(Account.id, address).where(Account.id.in_(among(session, account_ids)), address.is_not(None)))
    told = [
        Message(
            kind=kind, channel=messages.EMAIL, account_id=account_id, address=where, facts=facts or {},
            dedupe_key=f"{kind}:{account_id}:{now.isoformat()}",
        )
        for account_id, where in rows
    ]  # fmt: skip
    messages.queue_all(session, told, run_id=run_id, now=now)


def password_goes(session: Session, account_ids: Collection[int], *, run_id: int | None, now: datetime, invited: bool = False) -> None:
    """Tell whoever signs in with a password of their own that it does so no more; to be called while it is still there.

    First-time passwords are handed out instead. With ``invited`` the person's own e-mail gets an invitation, so that only other
    addresses are told.
    """
    rows = session.execute(
        select(Account.id, Account.email_key, Person.email)
        .join(Person, Person.id == Account.person_id)
        .where(Account.id.in_(among(session, account_ids)), Account.password_hash.is_not(None))
    ).all()
    told = [account_id for account_id, key, own in rows if not (invited and own and email_key(own) == key)]
    queue(session, PASSWORD, told, run_id=run_id, now=now)
