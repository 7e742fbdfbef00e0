"""What the work remembers of itself, to be watched by: who works, what came of the calls, how much waited when. Nothing personal."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from rolecall.store.tables.base import Base


class Worker(Base):
    """A process that works, or worked: threads of its own, or a worker behind a broker with all of its processes."""

    __tablename__ = "worker"

    #: Machine and number of the process.
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    #: threads, broker or once
    engine: Mapped[str] = mapped_column(String(10))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    #: When it last looked for what is due. Behind a broker one looks for all of them, so this may be long ago.
    looked_at: Mapped[datetime | None]
    #: When it ended by itself; none for one that was killed.
    ended_at: Mapped[datetime | None]


class SyncTotal(Base):
    """How often something happened at a provider since the installation began; never lower than before."""

    __tablename__ = "sync_total"

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: change or request
    what: Mapped[str] = mapped_column(String(10), primary_key=True)
    #: Of changes: done, or the class of the error. Of requests: what was answered, in a word.
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, default=0)


class SyncSample(Base):
    """How much waited at a provider at one moment; ``done`` and ``failed`` are the totals then, so two samples tell what lies between."""

    __tablename__ = "sync_sample"
    __table_args__ = (Index("ix_sync_sample_at", "at"),)

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: A full ten minutes.
    at: Mapped[datetime] = mapped_column(primary_key=True)
    #: One for each hour is kept for longer than the others.
    hourly: Mapped[bool]
    pending: Mapped[int]
    blocked: Mapped[int]
    held: Mapped[int]
    done: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
