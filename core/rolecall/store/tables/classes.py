"""Classes with their members, and what providers hold of them (R60a)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from rolecall.store.tables.base import Base
from rolecall.store.tables.roles import Period

_BEHIND = text("synced < wanted")


class SchoolClass(Base):
    """A class in a period: what providers make a course, a team or a section of."""

    __tablename__ = "school_class"
    __table_args__ = (UniqueConstraint("period_id", "code_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Random UUID: the class's external key at every provider, for ever.
    key: Mapped[str] = mapped_column(String(36), unique=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"), index=True)
    code: Mapped[str] = mapped_column(String(100))
    code_key: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))
    #: A class that is no longer taught: providers archive what they have of it.
    active: Mapped[bool] = mapped_column(default=True)
    #: Folded code and name, for searching; written by ``accounts.classes``.
    search: Mapped[str] = mapped_column(default="", server_default="")
    #: Rises with every change of the class and of who is in it.
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    period: Mapped[Period] = relationship(lazy="raise")


class ClassMember(Base):
    """A person in a class, with the role there: student, teacher or assistant."""

    __tablename__ = "class_member"

    class_id: Mapped[int] = mapped_column(ForeignKey("school_class.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20))


class ClassLink(Base):
    """A class at a provider: what is wanted there, what was sent last, and what stands in the way, as for accounts (R60a, R61)."""

    __tablename__ = "class_link"
    __table_args__ = (
        UniqueConstraint("class_id", "provider"),
        Index("ix_class_link_due", "provider", "not_before", "id", sqlite_where=_BEHIND, postgresql_where=_BEHIND),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("school_class.id"))
    provider: Mapped[str] = mapped_column(String(40))
    #: present, archived or released
    goal: Mapped[str] = mapped_column(String(10))
    external_id: Mapped[str | None] = mapped_column(String(200))
    wanted: Mapped[int] = mapped_column(default=1)
    synced: Mapped[int] = mapped_column(default=0)
    #: {"attributes": ..., "members": [[external id, role], ...], "archived": bool} as last accepted; none before the first time.
    sent: Mapped[dict[str, Any] | None]
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    error_class: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(2000))
    blocked: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
