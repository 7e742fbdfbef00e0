"""Reads whom a message is for, as they are at the moment of sending: what messages say of them, and what makes one pointless."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, Table, bindparam, func, select
from sqlalchemy.orm import Session

from rolecall.store.tables import Account, Generation, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The account that a message is for, and its person."""

    account_id: int
    person_id: int
    user_type: str
    is_owner: bool
    username: str
    first_name: str
    last_name: str
    email_key: str | None
    email_verified: bool
    is_active: bool
    is_deleted: bool
    sso_provider: str | None
    #: Whether there is a password of its own; a first-time password is only sealed.
    has_password: bool
    sealed_at: datetime | None
    person_email: str | None
    person_phone: str | None
    #: The generation of plugins and settings, of the same moment (R69).
    generation: int
    account_language: str | None
    person_language: str | None

    @property
    def language(self) -> str | None:
        """What the account says, or else the person's record; none: the institution's."""
        return self.account_language or self.person_language


def read(session: Session, account_id: int) -> Recipient:
    """Return the recipient of a message."""
    return Recipient(**session.connection().execute(_RECIPIENT, {"of_id": account_id}).mappings().one())


def _recipient() -> Select[Any]:
    account, person, generation = (cast(Table, each.__table__).c for each in (Account, Person, Generation))
    columns = {
        "account_id": account.id, "person_id": person.id, "user_type": account.type, "is_owner": account.is_owner,
        "username": account.username, "first_name": account.first_name, "last_name": account.last_name,
        "account_language": account.language, "person_language": person.language, "email_key": account.email_key,
        "email_verified": account.email_verified, "is_active": account.active, "is_deleted": account.deleted_at.is_not(None),
        "sso_provider": account.sso_provider, "has_password": account.password_hash.is_not(None), "sealed_at": account.sealed_at,
        "person_email": person.email, "person_phone": person.phone,
        "generation": func.coalesce(select(generation.number).scalar_subquery(), 0),
    }  # fmt: skip
    return (
        select(*(each.label(name) for name, each in columns.items()))
        .join_from(Account.__table__, Person.__table__, person.id == account.person_id)
        .where(account.id == bindparam("of_id"))
    )


# Built once: it is executed for each message.
_RECIPIENT = _recipient()
