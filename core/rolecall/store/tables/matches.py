"""Comparisons with providers: the inventory of what is there, the lines that were made of it, and what people decided (R64, R65)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rolecall.store.tables.base import Base


class Comparison(Base):
    """The comparison with one provider: the one under way or asked for, and the last whole one, whose lines are shown."""

    __tablename__ = "comparison"

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: full (a whole inventory) or changes (what changed there since the last one)
    kind: Mapped[str] = mapped_column(String(10))
    #: queued, running, done or failed
    state: Mapped[str] = mapped_column(String(10))
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: Remote accounts read so far.
    seen: Mapped[int] = mapped_column(default=0)
    #: Why it failed, in a sentence.
    error: Mapped[str | None] = mapped_column(String(2000))
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    #: The number of the whole inventory that the lines were made of; 0 before the first.
    number: Mapped[int] = mapped_column(default=0)
    #: When that inventory began to be read.
    inventory_at: Mapped[datetime | None]
    #: When the lines were made.
    compared_at: Mapped[datetime | None]
    #: What is doubtful about the inventory, in a sentence: nothing is concluded from what it misses.
    warning: Mapped[str | None] = mapped_column(String(2000))
    #: What the provider gave to be asked with for what changed since then.
    token: Mapped[str | None]


class RemoteAccount(Base):
    """One account at a provider as an inventory found it. A new inventory has a number of its own until it is whole."""

    __tablename__ = "remote_account"
    __table_args__ = (Index("ix_remote_account_key", "provider", "number", "key"),)

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    external_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str | None] = mapped_column(String(200))
    suspended: Mapped[bool] = mapped_column(default=False)
    #: As its plugin names them, in the form of ``Link.sent``; never a secret.
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: What differs from what was sent last, by attribute; none where nothing does.
    drift: Mapped[dict[str, Any] | None]
    #: No later than it was read: what was sent since then cannot be compared with it.
    read_at: Mapped[datetime]


class RemoteName(Base):
    """A name of a remote account by which it may be recognised: a user name or an e-mail address, as its key (R64)."""

    __tablename__ = "remote_name"
    __table_args__ = (Index("ix_remote_name_account", "provider", "number", "external_id"),)

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(254), primary_key=True)
    external_id: Mapped[str] = mapped_column(String(200), primary_key=True)


class OwnName(Base):
    """A name that an account of ours has or should have at a provider, as its key; written anew by each comparison."""

    __tablename__ = "own_name"
    __table_args__ = (Index("ix_own_name_account", "account_id"),)

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(254), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)


class Match(Base):
    """One line of the last comparison with a provider; each comparison replaces the lines of the one before."""

    __tablename__ = "match"
    __table_args__ = (
        UniqueConstraint("provider", "external_id"),
        Index("ix_match_verdict", "provider", "verdict", "id"),
        Index("ix_match_account", "account_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(40))
    #: None where only our side exists.
    external_id: Mapped[str | None] = mapped_column(String(200))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    #: matched, adoptable, here (only here), there (only there) or conflict
    verdict: Mapped[str] = mapped_column(String(12))
    #: Why, in one sentence.
    reason: Mapped[str] = mapped_column(String(500), default="")
    #: What the provider holds, as its plugin names it: names and addresses, never a secret.
    remote: Mapped[dict[str, Any]] = mapped_column(default=dict)
    suspended: Mapped[bool] = mapped_column(default=False)
    #: Of a matched one, what was changed at the provider: ``{attribute: {"sent": ..., "there": ...}}`` (R65).
    drift: Mapped[dict[str, Any] | None]
    #: adopt, ignore, separate, repair or accept, once somebody has decided
    decision: Mapped[str | None] = mapped_column(String(10))
    decided_by: Mapped[str | None] = mapped_column(String(200))
    found_at: Mapped[datetime]


class MatchDecision(Base):
    """What somebody decided about a remote account, one of ours, or the two together; every later comparison keeps to it (R64)."""

    __tablename__ = "match_decision"
    __table_args__ = (
        Index("ix_match_decision_remote", "provider", "external_id"),
        Index("ix_match_decision_account", "account_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    #: ignore (this line is of no interest as it is) or separate (the remote account is not this person's)
    decision: Mapped[str] = mapped_column(String(10))
    decided_by: Mapped[str] = mapped_column(String(200))
    decided_at: Mapped[datetime]
