"""Frozen views of core's data that providers, validators and news hooks receive.

Owns the shape only; ``work.snapshots`` fills them. A plugin never gets a row it could change.
"""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSnapshot:
    """A person of one of the seven lists (R1, R2)."""

    id: int
    list: str
    code: str
    first_name: str
    last_name: str
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    active: bool = True
    status: str | None = None
    status_type: str | None = None
    no_sync: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSnapshot:
    """An academic period (R59a)."""

    code: str
    name: str
    starts_on: date
    ends_on: date
    is_current: bool = False
    is_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSnapshot:
    """The role an account has in one period (R15). ``enabled`` is false while the period is disabled for it (R37).

    ``role_id`` is the role's own id, which stays when it is renamed; none in a state that is only imagined.
    """

    period: str
    role: str
    enabled: bool = True
    period_is_current: bool = False
    period_is_open: bool = True
    role_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """An account with its person and its roles, as it was when the batch began.

    ``key`` is the random UUID that identifies the account at providers for ever; ``type`` is one of the user types of R8.
    ``first_name`` and ``last_name`` are the account's own profile name (R29); providers receive the person's name.
    """

    id: int
    key: str
    type: str
    username: str
    email: str | None = None
    email_verified: bool = False
    first_name: str = ""
    last_name: str = ""
    active: bool = True
    deleted: bool = False
    must_change_password: bool = False
    sso_provider: str | None = None
    is_owner: bool = False
    invited_at: datetime | None = None
    person: PersonSnapshot
    roles: tuple[RoleSnapshot, ...] = field(default=())
    version: int = 1


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a class, by the id of their account at the provider; ``role`` is student, teacher or assistant (R60a)."""

    external_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSnapshot:
    """A class in its period (R60a). ``key`` is the random UUID that identifies it at providers for ever."""

    id: int
    key: str
    code: str
    name: str
    period: PeriodSnapshot
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """What a batch is about to do to one account, for ``validate_accounts``. ``before`` is none for a new account."""

    before: AccountSnapshot | None
    after: AccountSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One account that a validator takes out of the batch, with the sentence that the administrator reads."""

    account_id: int
    message: str
    code: str = "refused-by-plugin"
