"""People, their student statuses and how they are related."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, column, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from rolecall.store.tables.base import Base


class StudentStatus(Base):
    """A status of students: label, type and what providers do about it (R3)."""

    __tablename__ = "student_status"

    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(100))
    #: Canonical form of the label; rules never look at either, only at ``type``.
    label_key: Mapped[str] = mapped_column(String(100), unique=True)
    #: registered, admission, graduated, withdrawn or other
    type: Mapped[str] = mapped_column(String(20))
    #: create, suspend or nothing
    provider_action: Mapped[str] = mapped_column(String(20), default="nothing")
    version: Mapped[int] = mapped_column(default=1)


class Person(Base):
    """A row in one of the seven lists (R1, R2)."""

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("list", "code_key"),
        Index("ix_person_list_name", "list", "last_name", "first_name", "id"),
        # Who it is that comes by another service for the first time.
        Index("ix_person_email_lower", func.lower(column("email"))),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    list: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(100))
    code_key: Mapped[str] = mapped_column(String(100))
    first_name: Mapped[str] = mapped_column(String(200))
    last_name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(40))
    language: Mapped[str | None] = mapped_column(String(20))
    active: Mapped[bool] = mapped_column(default=True)
    status_id: Mapped[int | None] = mapped_column(ForeignKey("student_status.id"), index=True)
    no_sync: Mapped[bool] = mapped_column(default=False)
    #: Folded text for searching people who have no account yet; written by ``store.listing``.
    search: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    status: Mapped[StudentStatus | None] = relationship(lazy="raise")


class Relation(Base):
    """``person`` is guardian (parent, relative ...) of ``child``; kept as the roster tells it."""

    __tablename__ = "relation"
    __table_args__ = (UniqueConstraint("person_id", "child_id", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    child_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
