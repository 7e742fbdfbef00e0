"""Opens accounts for people: who may have one, user name, default role, first-time password (R1, R4, R46, R49, R50).

Set-based, for some hundreds at a time. Owns what a new account is; its list row, history and links are for the run that opens it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import eligibility, first_password, periods, roles, usernames
from rolecall.accounts.core_settings import username_formats
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Invalid
from rolecall.sdk.words import TYPE_OF_LIST
from rolecall.store.bulk import chunks, insert_into
from rolecall.store.folding import email_key
from rolecall.store.tables import Account, Person, RolePeriod, StudentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What became of one person: an account, or the reason why there is none (``code`` is its stable word).

    ``invited`` is none where nobody is invited who gets an account of this type, and false where the person has no own address (R51).
    """

    person_id: int
    account_id: int | None = None
    code: str = ""
    message: str = ""
    invited: bool | None = None


def open_accounts(
    session: Session, person_ids: Sequence[int], *, keyring: Keyring, now: datetime, given: Mapping[str, int] | None = None
) -> list[Opened]:
    """Open an account for each person who may have one and has none; answers in the order of ``person_ids``.

    Names and e-mail come from the person, the e-mail unverified; the user name from the formula of the type; the default role of the
    type is given for the current period, or in its place the role that ``given`` has for the type, or none. The first-time password,
    generated or the phone as the institution decided, is sealed. The caller refreshes the list rows and marks the links, in the same
    transaction.
    """
    session.flush()
    outcomes: dict[int, Opened] = {}
    by_type = roles.default_roles(session) if given is None else given
    for chunk in chunks(dict.fromkeys(person_ids)):
        outcomes |= _open(session, chunk, keyring, now, by_type)
    return [outcomes[each] for each in dict.fromkeys(person_ids)]


def _open(session: Session, ids: list[int], keyring: Keyring, now: datetime, by_type: Mapping[str, int]) -> dict[int, Opened]:
    people = session.execute(
        select(
            Person.id, Person.list, Person.code, Person.first_name, Person.last_name, Person.email, Person.language, Person.active,
            StudentStatus.label.label("status"), StudentStatus.type.label("status_type"), Account.id.label("account_id"),
        )
        .join(StudentStatus, StudentStatus.id == Person.status_id, isouter=True)
        .join(Account, Account.person_id == Person.id, isouter=True)
        .where(Person.id.in_(ids))
    ).all()  # fmt: skip
    outcomes = {each: Opened(person_id=each, code="not-found", message="The person does not exist any more.") for each in ids}
    chosen = {}
    for row in people:
        refused = _refusal(row)
        if refused is None:
            chosen[row.id] = row
        else:
            outcomes[row.id] = refused
    emails = _emails(session, list(chosen.values()), outcomes)
    eligible = [chosen[each] for each in ids if each in emails]
    opened = _insert(session, eligible, emails, now)
    types = {account_id: TYPE_OF_LIST[chosen[person_id].list] for person_id, account_id in opened.items()}
    _give_roles(session, types, by_type, now)
    first_password.seal(session, keyring, opened.values(), now=now)
    for person_id in emails:
        if person_id in opened:
            outcomes[person_id] = Opened(person_id=person_id, account_id=opened[person_id])
        else:
            outcomes[person_id] = _has_account(person_id)
    return outcomes


def _refusal(row: Any) -> Opened | None:
    if row.account_id is not None:
        return _has_account(row.id)
    why = eligibility.refusal(people_list=row.list, active=row.active, status=row.status, status_type=row.status_type)
    return Opened(person_id=row.id, code="not-eligible", message=why) if why else None


def _has_account(person_id: int) -> Opened:
    return Opened(person_id=person_id, code="has-account", message="The person has an account already.")


def _emails(session: Session, people: Sequence[Any], outcomes: dict[int, Opened]) -> dict[int, tuple[str | None, str | None]]:
    """The e-mail and its key for each person; those whose address cannot be an account's are refused (A-16)."""
    keys: dict[int, tuple[str | None, str | None]] = {}
    for row in people:
        try:
            keys[row.id] = (row.email, email_key(row.email)) if row.email else (None, None)
        except Invalid as wrong:
            outcomes[row.id] = Opened(person_id=row.id, code="bad-email", message=f"{wrong} Correct it on the person's record.")
    taken = usernames.emails_that_are_usernames(session, {key for _, key in keys.values() if key})
    for person_id, (email, key) in list(keys.items()):
        if key in taken:
            message = f"The e-mail {email} is somebody's user name. Correct it on the person's record, or change that user name."
            outcomes[person_id] = Opened(person_id=person_id, code="email-is-username", message=message)
            del keys[person_id]
    return keys


def _insert(session: Session, people: Sequence[Any], emails: dict[int, tuple[str | None, str | None]], now: datetime) -> dict[int, int]:
    """Insert the accounts with claimed user names; answers account ids by person id, without people who got one in between."""
    if not people:
        return {}
    names = usernames.reserve(session, people, username_formats(session), now=now)
    rows = [
        {
            "key": str(uuid4()),
            "person_id": person.id,
            "type": TYPE_OF_LIST[person.list],
            "username": names[person.id],
            "username_key": names[person.id].casefold(),
            "email": emails[person.id][0],
            "email_key": emails[person.id][1],
            "email_verified": False,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "active": True,
            "must_change_password": True,
            "is_owner": False,
            "version": 1,
            "created_at": now,
        }
        for person in people
    ]
    columns = Account.__table__.c
    statement = insert_into(session, Account).on_conflict_do_nothing(index_elements=["person_id"]).returning(columns.person_id, columns.id)
    opened: dict[int, int] = dict(session.connection().execute(statement, rows).all())
    usernames.assign_claims(session, {names[person_id].casefold(): account_id for person_id, account_id in opened.items()})
    return opened


def _give_roles(session: Session, types: Mapping[int, str], by_type: Mapping[str, int], now: datetime) -> None:
    period = periods.current(session)
    if period is None or not period.is_open:
        return
    rows = [
        {"account_id": account_id, "period_id": period.id, "role_id": by_type[user_type], "enabled": True, "created_at": now}
        for account_id, user_type in types.items()
        if user_type in by_type
    ]
    if rows:
        session.connection().execute(insert_into(session, RolePeriod), rows)
