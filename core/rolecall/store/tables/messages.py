"""Messages to people: what is to be sent to whom, and what became of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from rolecall.store.tables.base import Base

_DUE = text("state = 'queued'")


class Delivery(Base):
    """One message to one person. It holds references, never a secret: links and passwords are put in at the moment of sending."""

    __tablename__ = "delivery"
    __table_args__ = (
        # What is due, per kind of address.
        Index("ix_delivery_due", "channel", "not_before", "id", sqlite_where=_DUE, postgresql_where=_DUE),
        Index("ix_delivery_account", "account_id", "id"),
        Index("ix_delivery_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: The kind of template, such as ``email.verification``.
    kind: Mapped[str] = mapped_column(String(60))
    #: email or phone
    channel: Mapped[str] = mapped_column(String(10))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    address: Mapped[str] = mapped_column(String(254))
    #: What the template needs besides the account, without secrets.
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: The same message is queued once, whoever asks for it how often.
    dedupe_key: Mapped[str] = mapped_column(String(200), unique=True)
    #: queued, sent, delivered, bounced, skipped or unknown
    state: Mapped[str] = mapped_column(String(10), default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    #: Of those, the attempts that may have sent it: begun, and not ended with the certainty that nothing was taken.
    doubts: Mapped[int] = mapped_column(default=0, server_default="0")
    not_before: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    #: What names the message in the world, from its first attempt on; or the id that a gateway gave it.
    message_id: Mapped[str | None] = mapped_column(String(200), index=True)
    error_class: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(2000))
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    #: What it was sent and paid in, and what that cost in millionths of the currency; none of what surely was not taken, or costs nothing.
    parts: Mapped[int | None]
    cost: Mapped[int | None] = mapped_column(BigInteger)


class MessagePart(Base):
    """What a gateway calls one part of a message, and the best that it reported of it; without a message while only a report is there."""

    __tablename__ = "message_part"

    #: The channel that sent it: references are its gateway's.
    channel: Mapped[str] = mapped_column(String(60), primary_key=True)
    reference: Mapped[str] = mapped_column(String(200), primary_key=True)
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("delivery.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    #: 0 nothing yet, 1 failed, 2 delivered: a greater one is never taken back.
    report: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None] = mapped_column(String(2000))
    at: Mapped[datetime]


class MessageText(Base):
    """How the institution writes a kind of message in one language, in place of the text that came with it (R55)."""

    __tablename__ = "message_text"

    kind: Mapped[str] = mapped_column(String(60), primary_key=True)
    language: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(200))
