"""Runs: everything that changed accounts or people, with one outcome per account."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from rolecall.store.tables.base import Base

_ACTIVE = text("state IN ('queued', 'running')")
_SECRET = text("sealed_secret IS NOT NULL")
_OF_CLASS = text("class_key IS NOT NULL")


class Run(Base):
    """Who did what to which selection, and how far it is."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("actor", "idempotency_key"),
        Index("ix_run_active", "id", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: action, import, open or undo
    kind: Mapped[str] = mapped_column(String(20))
    #: The action's id; ``people.import`` and ``accounts.open`` for the other kinds.
    action: Mapped[str] = mapped_column(String(100))
    #: account:<id>, cli:<user> or worker
    actor: Mapped[str] = mapped_column(String(120))
    actor_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    actor_label: Mapped[str] = mapped_column(String(200))
    #: The period whose role the actor worked with; none is the current one (R59). Nothing refers to it: in a period that is deleted
    #: meanwhile nobody has rights.
    actor_period_id: Mapped[int | None]
    address: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(String(500))
    #: Parameters without secrets, as the schema dumps them.
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: Secret parameters, sealed to this run and wiped when it ends.
    sealed_params: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: The filter that the selection was made by; none for a list of ids.
    filter: Mapped[dict[str, Any] | None]
    #: What the run itself has to remember: import options, counts of a preview.
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: draft, queued, running, done, stopped or failed
    state: Mapped[str] = mapped_column(String(10))
    stop_requested: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None] = mapped_column(String(2000))
    undoes: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    body_digest: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RunItem(Base):
    """One account or person of a run: waiting, done, skipped or failed, with the reason and before -> after."""

    __tablename__ = "run_item"
    __table_args__ = (
        Index("ix_run_item_outcome", "run_id", "outcome", "n"),
        Index("ix_run_item_account", "account_id", "run_id"),
        Index("ix_run_item_person", "person_id", "run_id"),
        # The few secrets that wait to be fetched or wiped.
        Index("ix_run_item_secret", "run_id", sqlite_where=_SECRET, postgresql_where=_SECRET),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    outcome: Mapped[str] = mapped_column(String(10), default="waiting")
    code: Mapped[str | None] = mapped_column(String(60))
    message: Mapped[str | None] = mapped_column(String(2000))
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    #: The account's version when this run left it; an undo skips accounts that have moved on.
    version_after: Mapped[int | None]
    #: Random, beside the digest of this line that the audit holds; erased together with the line's content.
    salt: Mapped[str | None] = mapped_column(String(32))
    #: A value to hand out once (a new password), sealed to this item.
    sealed_secret: Mapped[bytes | None] = mapped_column(LargeBinary)


class ImportRow(Base):
    """One staged row of an import: what the source said, beside the item with the same number."""

    __tablename__ = "import_row"
    __table_args__ = (
        Index("ix_import_row_person", "run_id", "list", "code_key"),
        Index("ix_import_row_class", "run_id", "period_key", "class_key", sqlite_where=_OF_CLASS, postgresql_where=_OF_CLASS),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: Row number in the file, as a spreadsheet shows it.
    row: Mapped[int]
    list: Mapped[str | None] = mapped_column(String(20))
    code_key: Mapped[str | None] = mapped_column(String(100))
    #: Of a period, a class, and who is in one; none for people and relations.
    period_key: Mapped[str | None] = mapped_column(String(60))
    class_key: Mapped[str | None] = mapped_column(String(100))
    #: new, changed, unchanged, rejected or leaving
    verdict: Mapped[str] = mapped_column(String(10))
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
