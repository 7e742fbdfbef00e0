"""Who people are at services that sign them in, and who has been sent there and not come back yet."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rolecall.store.tables.base import Base


class LinkedIdentity(Base):
    """An account's identity at an issuer, which signs it in. Nothing but issuer and subject identifies (R66)."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("issuer", "subject", name="uq_identity_issuer"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    #: The login method's id, which is its plugin's name. Another method never signs in with it.
    method: Mapped[str] = mapped_column(String(40))
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    #: By what it was linked: self, office, converted or email.
    how: Mapped[str] = mapped_column(String(20))
    linked_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class LetGo(Base):
    """An account that was let go at a service: an address alone does not link it there again (R39)."""

    __tablename__ = "let_go"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    #: The login method's id, or ``*``: all of them.
    method: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]


class LoginAttempt(Base):
    """A browser that was sent to a service. The state it must bring back is stored as its SHA-256 only; the row is used up once (F-04)."""

    __tablename__ = "login_attempt"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: The SHA-256 of what the browser's own cookie holds.
    browser: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(40))
    #: enter, link or again
    purpose: Mapped[str] = mapped_column(String(20))
    #: Who is signed in while they link, or prove again who they are.
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    target: Mapped[str] = mapped_column(Text)
    #: What the method remembers, such as its nonce; and the answer, while one that was posted waits for the browser's cookie.
    sealed: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)
