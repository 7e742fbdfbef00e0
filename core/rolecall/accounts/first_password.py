"""Which password an account begins with: a generated one or, where the institution allows it, the person's phone (R44, R46-R48, A-19).

Owns what a phone number is as a password, who may have it, and how few wrong guesses it stands. Nothing is hashed here, and a password
in use is never replaced unless that is what was asked for. How a generated one is made and sealed is known to ``passwords``.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, and_, case, func, null, or_, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import passwords
from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.sealing import Keyring, SealBroken
from rolecall.store.bulk import among
from rolecall.store.tables import Account, Person, Setting

log = structlog.get_logger(__name__)

#: Fewer digits are no phone number that anybody could call from another town, and too few guesses away.
SHORTEST_PHONE = 8
#: Wrong guesses in total, whoever makes them and from wherever; then the password is gone (A-19).
GUESSES = 5
#: What may stand between the digits of a phone number.
_SIGNS = "+ ()./-"

#: What became of an account for which a phone number was asked.
SIGNS_IN, KEPT, WAITS = "signs-in", "kept", "waits"


def phone_text(phone: str | None) -> str | None:
    """Return what is typed to sign in with a phone number, or none where the number will not do.

    The digits of the record, in their order and nothing else: ``+30 691 234 5678`` is ``306912345678``, ``0691/2345678`` is
    ``06912345678``. Fewer than eight digits are not taken.
    """
    digits = "".join(character for character in phone or "" if "0" <= character <= "9")
    return digits if len(digits) >= SHORTEST_PHONE else None


def has_phone_text() -> ColumnElement[bool]:
    """The same question as :func:`phone_text` in SQL, over a person; the signs are those that a record may hold."""
    bare: ColumnElement[str] = func.coalesce(Person.phone, "")
    for sign in _SIGNS:
        bare = func.replace(bare, sign, "")
    return func.length(bare) >= SHORTEST_PHONE


def phones_are_allowed() -> ColumnElement[bool]:
    """Whether the institution allows phone numbers as first-time passwords, as SQL over the setting itself (R48)."""
    stored = select(Setting.key).where(Setting.plugin == "core", Setting.key == "phone_first_password", Setting.value["value"].as_boolean())
    return stored.exists()


def may_use_phone(session: Session, account_ids: Sequence[int]) -> bool:
    """Tell whether a phone may be offered as password now: it is allowed and, where accounts are named, one of them can have it."""
    if not session.scalar(select(phones_are_allowed())):
        return False
    return not account_ids or bool(_phones(session, account_ids))


def seal(session: Session, keyring: Keyring, account_ids: Iterable[int], *, now: datetime) -> None:
    """Give new accounts their first-time password: the phone where the institution wants it and there is one, else a generated one."""
    ids = list(account_ids)
    phones = _phones(session, ids) if session.scalar(select(phones_are_allowed())) else {}
    _sign_in_with(session, keyring, phones, now)
    passwords.seal_first(session, keyring, [each for each in ids if each not in phones], now=now)


def use_phones(session: Session, keyring: Keyring, account_ids: Iterable[int], *, now: datetime, replace: bool = False) -> dict[int, str]:
    """Make phones the first-time passwords of accounts; answers by account what became of it, without those that cannot have one.

    ``signs-in``: the phone is the password now, because nobody has ever signed in to the account and the password it was opened with is
    still there, or because of ``replace``. ``kept``: it is only what going back to the first-time password leads to; what is in use
    goes on. ``waits``: nothing changed, because a password from a reset waits for its first use in the one place there is.
    """
    phones = _phones(session, list(account_ids))
    fresh = and_(Account.last_login_at.is_(None), Account.sealed_at.is_not(None))
    state = case(
        (or_(Account.password_hash.is_not(None), Account.sealed_password.is_(None), Account.sealed_at.is_(None)), KEPT),
        (fresh, SIGNS_IN),
        else_=WAITS,
    )
    found: dict[int, str] = dict(session.execute(select(Account.id, state).where(Account.id.in_(among(session, phones)))).all())
    if replace:
        found = dict.fromkeys(found, SIGNS_IN)
    _sign_in_with(session, keyring, {each: phones[each] for each, word in found.items() if word == SIGNS_IN}, now)
    _keep(session, keyring, {each: phones[each] for each, word in found.items() if word == KEPT})
    return found


def go_back(session: Session, keyring: Keyring, account_ids: Iterable[int], *, now: datetime) -> dict[int, str]:
    """Make the first-time password that is still kept the password again, a new one where it is gone; returns the new ones (R19, R39).

    A kept phone number comes back only to those who could be given it today. Ending sessions is left to the caller.
    """
    ids = list(account_ids)
    phone = Account.first_is_phone.is_(True)
    usable = or_(~phone, and_(phones_are_allowed(), *_may_have_phone()))
    must_change = core_settings(session)["must_change_first_password"]
    statement = (
        update(Account)
        .where(Account.id.in_(among(session, ids)), Account.sso_provider.is_(None), Account.sealed_password.is_not(None), usable)
        .values(
            password_hash=None,
            password_changed_at=None,
            sealed_at=now,
            must_change_password=case((phone, True), else_=must_change),
            phone_guesses_left=case((phone, GUESSES), else_=null()),
        )
        .returning(Account.id)
    )
    kept = set(session.scalars(statement, execution_options={"synchronize_session": False}))
    passwords.kill_links(session, kept)
    return passwords.seal_first(session, keyring, [each for each in ids if each not in kept], now=now)


def open_kept(session: Session, keyring: Keyring, account_ids: Iterable[int]) -> dict[int, str]:
    """Open the first-time passwords that are still kept, for whoever hands them out; one that no key opens counts as gone (R28, R46)."""
    rows = session.execute(
        select(Account.id, Account.sealed_password)
        .where(Account.id.in_(among(session, account_ids)), Account.sso_provider.is_(None), Account.sealed_password.is_not(None))
        .order_by(Account.id)
    )
    found: dict[int, str] = {}
    for account_id, sealed in rows:
        try:
            found[account_id] = keyring.open(sealed or b"", passwords.sealed_place(account_id))
        except SealBroken as broken:
            log.error("first-time password cannot be opened", account=account_id, error=str(broken))
    return found


def count_guess(session: Session, account_id: int) -> bool:
    """Count an attempt at an account that a phone number signs in to, before it is checked; false when there were too many (A-19).

    One statement counts and refuses, so parallel guesses cannot slip past. The unit must commit before the check.
    """
    one_more = update(Account).where(Account.id == account_id, Account.phone_guesses_left > 0)
    counted = one_more.values(phone_guesses_left=Account.phone_guesses_left - 1).returning(Account.id)
    return session.execute(counted, execution_options={"synchronize_session": False}).first() is not None


def guessed_right(account: Account) -> None:
    """Take a counted attempt back, because it was no guess."""
    if account.phone_guesses_left is not None:
        account.phone_guesses_left += 1


def burn_spent(session: Session, account: Account) -> bool:
    """Wipe the phone number that an account signs in with once its guesses are used up; tells whether this was the moment (A-19)."""
    if account.phone_guesses_left is None:
        return False
    wiped = {"password_hash": None, "sealed_password": None, "sealed_at": None, "first_is_phone": False, "phone_guesses_left": None}
    spent = update(Account).where(Account.id == account.id, Account.phone_guesses_left <= 0)
    burned = spent.values(**wiped, version=Account.version + 1).returning(Account.id)
    return session.execute(burned, execution_options={"synchronize_session": False}).first() is not None


def refuses_phone(account: Account) -> bool:
    """Whether the account has become one that no phone number may sign in to."""
    return account.is_owner or account.type == "administrator"


def _may_have_phone() -> tuple[ColumnElement[bool], ...]:
    return (Account.type != "administrator", Account.is_owner.is_(False), Account.sso_provider.is_(None))


def _phones(session: Session, ids: Sequence[int]) -> dict[int, str]:
    rows = session.execute(
        select(Account.id, Person.phone)
        .join(Person, Person.id == Account.person_id)
        .where(Account.id.in_(among(session, ids)), *_may_have_phone())
        .order_by(Account.id)
    )
    return {account_id: text for account_id, phone in rows if (text := phone_text(phone)) is not None}


def _sign_in_with(session: Session, keyring: Keyring, phones: dict[int, str], now: datetime) -> None:
    facts = {
        "sealed_at": now,
        "password_hash": None,
        "password_changed_at": None,
        # Whatever the institution says of generated ones (R47, R48).
        "must_change_password": True,
        "phone_guesses_left": GUESSES,
    }
    _write(session, keyring, phones, facts)
    passwords.kill_links(session, phones)


def _keep(session: Session, keyring: Keyring, phones: dict[int, str]) -> None:
    _write(session, keyring, phones, {})
    # Where nothing signs in, what is kept must not begin to.
    session.execute(
        update(Account).where(Account.id.in_(among(session, phones)), Account.password_hash.is_(None)).values(sealed_at=None),
        execution_options={"synchronize_session": False},
    )


def _write(session: Session, keyring: Keyring, phones: Mapping[int, str], facts: Mapping[str, object]) -> None:
    if phones:
        session.execute(
            update(Account),
            [
                {"id": each, "sealed_password": keyring.seal(phone, passwords.sealed_place(each)), "first_is_phone": True, **facts}
                for each, phone in phones.items()
            ],
        )
