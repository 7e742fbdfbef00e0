"""The second factor: a code that an app makes every 30 seconds, or one of ten recovery codes (RFC 6238, R53, A-22).

Owns that a code is taken once, whatever many do at the same moment, and for whom the institution offers or requires one. Attempts are
counted by whoever asks for a code. Knows nothing of sessions and pages.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache

import pyotp
import structlog
from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, exists, func, literal, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from rolecall.accounts import passwords
from rolecall.accounts.core_settings import SECOND_FACTOR, core_settings
from rolecall.accounts.sealing import Keyring, SealBroken, place
from rolecall.errors import Refused
from rolecall.store.bulk import among
from rolecall.store.tables import Account, RecoveryCode, SecondFactor, Setting
from rolecall.translation import gettext as _

OFF, OFFERED, REQUIRED = "off", "offered", "required"
#: How many recovery codes somebody gets.
CODES = 10
#: Longer input is no code.
LONGEST = 100
#: What a code was made by, as the history of sign-ins says it.
APP, RECOVERY = "code", "recovery-code"

_DIGITS = 6
_SECONDS = 30
#: Clocks of phones may be one code early or late.
_AROUND = (0, -1, 1)

_log = structlog.get_logger(__name__)


def mode(session: Session, user_type: str) -> str:
    """What the institution wants of a user type: off, offered or required."""
    return str(core_settings(session)[f"{SECOND_FACTOR}{user_type}"])


def is_on() -> ColumnElement[bool]:
    """Whether an account has a second factor, as SQL over account."""
    return exists().where(SecondFactor.account_id == Account.id, SecondFactor.sealed_key.is_not(None)).correlate(Account)


def is_due(vouched: ColumnElement[bool] | InstrumentedAttribute[bool]) -> ColumnElement[bool]:
    """Whether an account must set one up before anything else, as SQL over account.

    ``vouched`` tells, of an account that a service signs in, that the service has asked for one which counts here (A-22).
    """
    required = exists().where(
        Setting.plugin == "core", Setting.key == literal(SECOND_FACTOR).concat(Account.type), Setting.value["value"].as_string() == REQUIRED
    )
    elsewhere = and_(Account.sso_provider.is_not(None), vouched)
    return and_(required.correlate(Account), ~elsewhere, ~is_on())


def has(session: Session, account_id: int) -> bool:
    """Tell whether an account has a second factor."""
    return session.scalar(_holder(), {"account": account_id}) is not None


@cache
def _holder() -> Select[int]:
    """An account that has one; built once, because every sign-in asks it."""
    return select(Account.id).where(Account.id == bindparam("account", type_=Account.id.type), is_on())


def begin(session: Session, keyring: Keyring, account_id: int) -> None:
    """Make a new key for an account. The one in use, if any, goes on until :func:`turn_on`.

    :raises Refused: where the institution does not offer a second factor to this user type.
    """
    account = session.get_one(Account, account_id, with_for_update=True)
    if mode(session, account.type) == OFF:
        raise Refused(_("A second factor is not offered to you."), hint=_("Ask the office."))
    sealed = keyring.seal(pyotp.random_base32(), _place(account_id, "sealed_next_key"))
    session.merge(SecondFactor(account_id=account_id, sealed_next_key=sealed))
    session.flush()


def next_key(session: Session, keyring: Keyring, account_id: int) -> str | None:
    """Return the key that is being set up, in the letters and digits that people type into an app; none when there is none."""
    row = session.get(SecondFactor, account_id)
    if row is None or row.sealed_next_key is None:
        return None
    return _open(keyring, row.sealed_next_key, account_id, "sealed_next_key")


def address_of(key: str, username: str, institution: str) -> str:
    """The address that an app reads from a QR code."""
    return pyotp.TOTP(key, digits=_DIGITS, interval=_SECONDS).provisioning_uri(name=username, issuer_name=institution.replace(":", " "))


def turn_on(session: Session, keyring: Keyring, account_id: int, code: str, *, now: datetime) -> list[str] | None:
    """Let the key that is being set up count from now on, if the code is one of it; return new recovery codes, shown this once."""
    row = session.get(SecondFactor, account_id, with_for_update=True, populate_existing=True)
    key = None if row is None else next_key(session, keyring, account_id)
    step = None if key is None else _step_of(key, code, now)
    if row is None or key is None or step is None:
        return None
    row.sealed_key, row.sealed_next_key = keyring.seal(key, _place(account_id, "sealed_key")), None
    row.confirmed_at, row.last_step = now, step
    return new_recovery_codes(session, account_id)


def new_recovery_codes(session: Session, account_id: int) -> list[str]:
    """Make ten recovery codes in place of those there are; they are shown this once."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    made = [passwords.generate_first_password() for _ in range(CODES)]
    session.add_all(RecoveryCode(digest=_digest(account_id, each), account_id=account_id) for each in made)
    session.flush()
    return made


def codes_left(session: Session, account_id: int) -> int:
    """How many recovery codes were not used yet."""
    unused = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def use(session: Session, keyring: Keyring, account_id: int, code: str, *, now: datetime) -> str | None:
    """Use a code up and return what made it, ``APP`` or ``RECOVERY``; none when it is not right, or was used before.

    One conditional statement decides, so of many at the same moment one succeeds.
    """
    bare = _bare(code)
    if not (len(bare) == _DIGITS and bare.isascii() and bare.isdigit()):
        return RECOVERY if _use_recovery(session, account_id, bare, now) else None
    row = session.get(SecondFactor, account_id)
    if row is None or row.sealed_key is None:
        return None
    key = _open(keyring, row.sealed_key, account_id, "sealed_key")
    step = None if key is None else _step_of(key, bare, now)
    if step is None:
        return None
    unused = or_(SecondFactor.last_step.is_(None), SecondFactor.last_step < step)
    taken = update(SecondFactor).where(SecondFactor.account_id == account_id, SecondFactor.sealed_key.is_not(None), unused)
    return APP if session.execute(taken.values(last_step=step).returning(SecondFactor.account_id)).first() is not None else None


def remove(session: Session, account_ids: Iterable[int]) -> None:
    """Take the second factor of these accounts away, with their recovery codes (R34a)."""
    ids: Sequence[int] = list(account_ids)
    for table in (SecondFactor, RecoveryCode):
        session.execute(delete(table).where(table.account_id.in_(among(session, ids))))


def _use_recovery(session: Session, account_id: int, bare: str, now: datetime) -> bool:
    unused = and_(RecoveryCode.digest == _digest(account_id, bare), RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    return session.execute(update(RecoveryCode).where(unused).values(used_at=now).returning(RecoveryCode.digest)).first() is not None


def _step_of(key: str, code: str, now: datetime) -> int | None:
    """The 30 seconds whose code this is; none when it is of none that are taken now."""
    app, current, given = pyotp.TOTP(key, digits=_DIGITS, interval=_SECONDS), int(now.timestamp()) // _SECONDS, _bare(code)
    matching = [current + each for each in _AROUND if hmac.compare_digest(app.generate_otp(current + each).encode(), given.encode())]
    return matching[0] if matching else None


def _bare(code: str) -> str:
    """A code as it is compared: people write blanks and hyphens, and capitals on phones."""
    return "".join(character for character in code.casefold() if character.isalnum())


def _digest(account_id: int, code: str) -> str:
    # 82 random bits need no slow hash.
    return hashlib.sha256(f"{account_id}:{_bare(code)}".encode("utf-8", "replace")).hexdigest()


def _place(account_id: int, column: str) -> str:
    return place("second_factor", account_id, column)


def _open(keyring: Keyring, sealed: bytes, account_id: int, column: str) -> str | None:
    try:
        return keyring.open(sealed, _place(account_id, column))
    except SealBroken as broken:
        _log.error("the key of a second factor cannot be opened", account=account_id, error=str(broken))
        return None
