"""Changing the e-mail address of one's own account (R22, R59b, A-20).

Owns what is asked before: the present password, an address that is one, and that no provider signs the account in. What a change means
is decided by ``emails``, as for the office.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import emails, sign_in
from rolecall.accounts.actors import Actor
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Invalid, Refused, Stale
from rolecall.store.engine import Database
from rolecall.store.tables import Account
from rolecall.translation import gettext as _


def prove(db: Database, keyring: Keyring, *, actor: Actor, account_id: int, address: str, password: str, now: datetime) -> Account:
    """Ask for the present password before an address is changed, counted with the sign-ins; return the account as it was seen.

    :raises Refused: when a provider signs the account in.
    :raises Invalid: when it is no address, or the password is not right.
    :raises Busy: after too many wrong passwords.
    """
    with db.read() as session:
        account = session.get_one(Account, account_id)
    if account.sso_provider is not None:
        raise Refused(_("Your e-mail is your sign-in name at your provider."), hint=_("Ask the office to change it."))
    emails.check(address)
    if not sign_in.confirm(db, keyring, account_id=account_id, password=password, address=actor.address, now=now):
        raise Invalid(_("The present password is not right."), fields={"current": [_("This is not your present password.")]})
    return account


def change(session: Session, seen: Account, address: str, *, now: datetime) -> str:
    """Give the account that was proved another address, and return the mode it was changed in, as :func:`emails.change` does.

    :raises Refused: when the account has the address already, or it cannot be used; not why, because that is about somebody else.
    :raises Stale: when the password was changed meanwhile.
    """
    account = session.scalars(select(Account).where(Account.id == seen.id).with_for_update(key_share=True)).one()
    if (account.password_hash, account.sso_provider) != (seen.password_hash, None):
        raise Stale(_("Your password was changed meanwhile."), hint=_("Sign in again with the new one."))
    try:
        mode = emails.change(session, account, address, now=now)
    except Refused as refused:
        if refused.code == "email-is-username":
            raise Refused(_("This address cannot be used here."), hint=_("Enter another one, or ask the office.")) from None
        raise
    account.version += 1
    return mode
