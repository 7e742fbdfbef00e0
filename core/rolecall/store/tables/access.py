"""Sessions, tokens, sign-ins and attempts: who is here and who tried."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from rolecall.store.tables.base import Base


class WebSession(Base):
    """A signed-in browser. The cookie's random token is stored as its SHA-256 only (S-09)."""

    __tablename__ = "session"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    #: The period the user works in; none follows the current one (R59).
    period_id: Mapped[int | None] = mapped_column(ForeignKey("period.id"))
    #: The role that is tried out: menus and rights are its, and nothing can be changed (R57). Nothing refers to it: a role that is
    #: deleted meanwhile has no rights.
    trying_role_id: Mapped[int | None]
    #: The account that the Global Owner, whose session it is, is signed in as, and until when (R27).
    acting_as_id: Mapped[int | None]
    acting_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    #: When the password was last given; dangerous actions ask again when it is too old (S-08).
    authenticated_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    #: The password was right and the code of the second factor is still to be given: nobody is signed in with it.
    awaits_code: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: A second factor was given.
    second_factor: Mapped[bool] = mapped_column(default=False, server_default=false())
    address: Mapped[str | None] = mapped_column(String(60))
    agent: Mapped[str | None] = mapped_column(String(300))


class SecondFactor(Base):
    """The authenticator app of an account: a key that both know, which makes a code every 30 seconds (R53)."""

    __tablename__ = "second_factor"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    #: None while the first one is set up.
    sealed_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: The key of an app that is being set up; it takes the other's place once a code of it was given.
    sealed_next_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    confirmed_at: Mapped[datetime | None]
    #: The 30 seconds whose code was used last; no code up to then is taken again.
    last_step: Mapped[int | None]


class RecoveryCode(Base):
    """A code that signs in once in place of the app; kept as its SHA-256 together with the account."""

    __tablename__ = "recovery_code"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    """A bearer token of the API: shown once, stored as its SHA-256, acts with its account's rights."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    #: First characters, to recognise it in a list.
    hint: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(100))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OneTimeToken(Base):
    """A link that works once, for one purpose and one account, until its time is over (T-01 to T-05)."""

    __tablename__ = "one_time_token"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(40))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    #: The address it was sent to, where it works only while that is the account's (T-05).
    address_key: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignIn(Base):
    """One attempt to sign in: time, method, result, address, device (R32)."""

    __tablename__ = "sign_in"
    __table_args__ = (Index("ix_sign_in_account", "account_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
    method: Mapped[str] = mapped_column(String(40))
    #: ok or the reason in one word
    result: Mapped[str] = mapped_column(String(40))
    address: Mapped[str | None] = mapped_column(String(60))
    agent: Mapped[str | None] = mapped_column(String(300))


class Throttle(Base):
    """A counter of attempts in a window, raised before the secret is checked (A-10)."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    #: The one account that it is about, to forget it by (R34a); nothing refers to it, because a counter outlives nobody for long.
    account_id: Mapped[int | None] = mapped_column(index=True)
    count: Mapped[int] = mapped_column(default=0)
    window_ends_at: Mapped[datetime]
