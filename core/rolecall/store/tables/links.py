"""Links between accounts and providers, and the slots that bound how many workers serve one provider."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from rolecall.store.tables.base import Base

_BEHIND = text("synced < wanted")
_CLOSING = text("synced < wanted AND goal <> 'present'")
_CLOSED = text("closed_at IS NOT NULL")
_LINKED = text("external_id IS NOT NULL AND goal <> 'released'")


class Link(Base):
    """An account at a provider: what is wanted there, what was sent last, and what stands in the way (R61).

    The account is *pending* while ``synced < wanted``. ``work.links.behind`` is the only writer of ``goal`` and ``wanted``.
    """

    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("account_id", "provider"),
        # What is due, per provider; also answers "pending?" for one account.
        Index("ix_link_due", "provider", "not_before", "id", sqlite_where=_BEHIND, postgresql_where=_BEHIND),
        Index("ix_link_pending", "account_id", sqlite_where=_BEHIND, postgresql_where=_BEHIND),
        # Which runs still wait for a provider.
        Index("ix_link_run_pending", "run_id", sqlite_where=_BEHIND, postgresql_where=_BEHIND),
        # What closes accounts: the undecided, the held, and what was done lately (R62). None of them is read through the rest.
        Index("ix_link_closing", "provider", "brake", sqlite_where=_CLOSING, postgresql_where=_CLOSING),
        Index("ix_link_closed", "provider", "closed_at", sqlite_where=_CLOSED, postgresql_where=_CLOSED),
        # One remote account belongs to one account.
        Index("uq_link_external", "provider", "external_id", unique=True, sqlite_where=_LINKED, postgresql_where=_LINKED),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    provider: Mapped[str] = mapped_column(String(40))
    #: present, suspended, deleted or released (released: ours no longer, nobody is called)
    goal: Mapped[str] = mapped_column(String(10))
    #: Since when the account is closed here, as far as this link knows: it may be deleted at the provider after a time (R54).
    goal_since: Mapped[datetime | None]
    external_id: Mapped[str | None] = mapped_column(String(200))
    wanted: Mapped[int] = mapped_column(default=1)
    synced: Mapped[int] = mapped_column(default=0)
    #: {"attributes": ..., "suspended": bool} as last accepted by the provider; none before the first time.
    sent: Mapped[dict[str, Any] | None]
    #: Initial password at the provider, sealed to this row (R23).
    sealed_password: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: Since when that password counts there: it is kept for a time, to be handed out.
    password_since: Mapped[datetime | None]
    #: The name that the person signs in with there.
    sign_in_name: Mapped[str | None] = mapped_column(String(320))
    #: Whether the account takes its mailbox and its way to sign in from there, once it is there (R23).
    converts: Mapped[bool] = mapped_column(default=False, server_default=false())
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    error_class: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(2000))
    blocked: Mapped[bool] = mapped_column(default=False)
    #: What the safety limits say of a change that closes the account there: a word of ``work.brakes``; none while nobody was asked (R62).
    brake: Mapped[str | None] = mapped_column(String(10))
    held_at: Mapped[datetime | None]
    #: Which verb last closed the account there within the limits, and when: what counts for a day.
    closed_by: Mapped[str | None] = mapped_column(String(10))
    closed_at: Mapped[datetime | None]
    #: The run that last put the link behind; whoever started it is told when it is done.
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    changed_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class Slot(Base):
    """A leased place: at most as many workers at once as there are rows of one name, across processes and machines."""

    __tablename__ = "slot"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    owner: Mapped[str | None] = mapped_column(String(100))
    leased_until: Mapped[datetime | None]
