"""What the printed slip of an account says: who, where, with which password, and what stands in the way (R28).

Owns what is true of a first-time password at the moment of printing. Knows no page, no PDF and no wording.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Select, func, outerjoin, select
from sqlalchemy.orm import Session

from rolecall.accounts import first_password, passwords, rights
from rolecall.accounts.provider_passwords import ProviderPassword
from rolecall.accounts.sealing import Keyring
from rolecall.store.bulk import among
from rolecall.store.tables import Account, Listing, Person, Role


class PasswordState(StrEnum):
    """What is to be said of the password."""

    #: It signs in, until a moment that the slip names.
    SIGNS_IN = "signs-in"
    #: It was never used, or never changed, within its seven days.
    OVER = "over"
    #: It was used, or another may have taken its place.
    USED = "used"
    #: It is not kept any more, or was never there.
    GONE = "gone"
    #: A provider signs the person in.
    ELSEWHERE = "elsewhere"


#: Those that have a password to print.
_WITH_PASSWORD = (PasswordState.SIGNS_IN, PasswordState.OVER, PasswordState.USED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """One account's slip. ``password`` is none unless the state is one of those that have one."""

    account_id: int
    name: str
    username: str
    email: str | None
    user_type: str
    #: The role in the current period; none where there is none that counts.
    role_id: int | None
    role: str | None
    #: Language tag of the person; none follows the institution.
    language: str | None
    password: str | None
    state: PasswordState
    until: datetime | None = None
    must_change: bool = False
    #: What the provider is called that signs the person in.
    provider: str | None = None
    active: bool = True
    must_verify_email: bool = False
    #: Whether the person needs no role to sign in (R26).
    is_owner: bool = False
    #: First passwords at providers, which are called here as people know them (R23).
    elsewhere: Sequence[ProviderPassword] = ()


def slips(
    session: Session,
    keyring: Keyring,
    handed: Mapping[int, str],
    *,
    labels: Mapping[str, str],
    now: datetime,
    elsewhere: Mapping[int, Sequence[ProviderPassword]] = MappingProxyType({}),
) -> list[Slip]:
    """Make the slips of accounts from the passwords that a run handed out for them (empty: none is kept), grouped by role, then by name.

    Two statements whatever their number. ``labels`` are what providers are called; ``elsewhere`` are the first passwords there.
    """
    kept = first_password.open_kept(session, keyring, handed)
    found = []
    for account, language, role_id, role in session.execute(_rows(session, handed)):
        password = handed[account.id]
        state, until = _state(account, password, kept.get(account.id), now)
        found.append(
            Slip(
                account_id=account.id,
                name=f"{account.first_name} {account.last_name}".strip() or account.username,
                username=account.username,
                email=account.email,
                user_type=account.type,
                role_id=role_id,
                role=role,
                language=language,
                password=password if state in _WITH_PASSWORD else None,
                state=state,
                until=until,
                must_change=account.must_change_password or account.phone_guesses_left is not None,
                provider=None if account.sso_provider is None else labels.get(account.sso_provider, account.sso_provider),
                active=account.active and account.deleted_at is None,
                must_verify_email=account.must_verify_email,
                is_owner=account.is_owner,
                elsewhere=[replace(each, provider=labels.get(each.provider, each.provider)) for each in elsewhere.get(account.id, ())],
            )
        )
    return found


def _rows(session: Session, ids: Iterable[int]) -> Select[Account, str | None, int | None, str | None]:
    role, on = rights.role_in(rights.current_period())
    return (
        select(Account, func.coalesce(Account.language, Person.language), Role.id, Role.name)
        .select_from(outerjoin(Account, role, on))
        .join(Person, Person.id == Account.person_id)
        .join(Listing, Listing.account_id == Account.id)
        .where(Account.id.in_(among(session, ids)))
        .order_by(Role.name_key.is_(None), Role.name_key, Role.user_type, Role.id, Listing.sort_name, Account.id)
    )


def _state(account: Account, handed: str, kept: str | None, now: datetime) -> tuple[PasswordState, datetime | None]:
    """What is true of a password that a run handed out; ``kept`` is what the account keeps by now."""
    if account.sso_provider is not None:
        return PasswordState.ELSEWHERE, None
    if not handed or _is_burned(account):
        return PasswordState.GONE, None
    if account.sealed_at is None:
        # Beside a password of one's own it is what was; without any, nothing signs in.
        return (PasswordState.USED if account.password_hash else PasswordState.GONE), None
    if _is_replaced(account) or (account.sealed_password is not None and kept != handed):
        return PasswordState.USED, None
    until = account.sealed_at + passwords.FIRST_VALID
    return (PasswordState.OVER if until <= now else PasswordState.SIGNS_IN), until


def _is_burned(account: Account) -> bool:
    """Whether it is a phone number that nobody may sign in with any more (A-19)."""
    left = account.phone_guesses_left
    return left is not None and (left <= 0 or first_password.refuses_phone(account))


def _is_replaced(account: Account) -> bool:
    """Whether something else than the first-time password signs in."""
    own = account.password_hash is not None and not account.must_change_password
    return own or (account.first_is_phone and account.phone_guesses_left is None)
