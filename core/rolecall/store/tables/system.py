"""What the institution decided and what the system remembers of itself: plugins, settings, the audit, saved views."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rolecall.store.tables.base import Base


class Generation(Base):
    """One row with one number: every process rebuilds its enabled plugins when it differs from what it saw (R69)."""

    __tablename__ = "generation"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(default=1)


class PluginState(Base):
    """Whether a plugin is enabled, and as a provider: how it is."""

    __tablename__ = "plugin_state"

    plugin: Mapped[str] = mapped_column(String(40), primary_key=True)
    enabled: Mapped[bool] = mapped_column(default=False)
    #: Whether it registers a provider, so that accounts fall behind at it even while the plugin cannot be loaded.
    is_provider: Mapped[bool] = mapped_column(default=False)
    #: ok, open (the circuit is) or paused; held is what is shown where links are
    state: Mapped[str] = mapped_column(String(10), default="ok")
    #: Why it is not ok, for a person.
    reason: Mapped[str | None] = mapped_column(String(2000))
    #: The person who paused it; none when the sync itself did, which saving the settings undoes.
    paused_by: Mapped[str | None] = mapped_column(String(200))
    #: Until when an open circuit or a server's Retry-After holds everything back.
    until: Mapped[datetime | None]
    #: Transient failures in a row; the circuit opens on them.
    failures: Mapped[int] = mapped_column(default=0)
    #: While a provider comes back: how many may be on their way to it at once, over all workers. None: as many as these take.
    at_once: Mapped[int | None]
    fault: Mapped[str | None] = mapped_column(String(2000))
    last_success_at: Mapped[datetime | None]
    #: When a test of the connection last worked with the settings that are saved; none when it never did (R54).
    connected_at: Mapped[datetime | None]
    changed_at: Mapped[datetime | None]


class Setting(Base):
    """One setting of core (plugin ``core``) or of a plugin. Secrets are sealed to their place and never shown again (R56)."""

    __tablename__ = "setting"

    plugin: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    #: {"value": ...}; none for a secret
    value: Mapped[dict[str, Any] | None]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(200))


class PluginData(Base):
    """A plugin's own small facts about an account; plugins have no tables."""

    __tablename__ = "plugin_data"

    plugin: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(default=dict)


class AuditEntry(Base):
    """One link of the hash chain (R67); database triggers refuse updates of it and deletions."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at", "at"), Index("ix_audit_kind", "kind", "seq"), Index("ix_audit_actor", "actor", "seq"))

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(120))
    actor_label: Mapped[str] = mapped_column(String(200))
    on_behalf: Mapped[str | None] = mapped_column(String(120))
    address: Mapped[str | None] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(60))
    run_id: Mapped[int | None] = mapped_column(index=True)
    #: The account it is about, when it is about one.
    account_id: Mapped[int | None] = mapped_column(index=True)
    #: Erased with the salt when a person is erased; the digest stays and the chain verifies.
    payload: Mapped[dict[str, Any] | None]
    salt: Mapped[str | None] = mapped_column(String(32))
    digest: Mapped[str] = mapped_column(String(64))
    chain: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The last link of the chain. Appending locks this one row, so the chain never forks; and an entry cut off at the end is missed."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(default=0)
    chain: Mapped[str] = mapped_column(String(64), default="")


class SavedView(Base):
    """A filter under a name (R14); shared ones have no owner."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    query: Mapped[str] = mapped_column(String(2000))
