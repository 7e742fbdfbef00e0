"""People and groups that another system hands in through a plugin's endpoint, and how it knows them (R6, R60)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from rolecall.store.tables.base import Base
from rolecall.store.tables.people import Person


class Handed(Base):
    """How the system behind a plugin's endpoint knows a person: gone when it lets them go, while the person stays."""

    __tablename__ = "handed"
    __table_args__ = (
        UniqueConstraint("plugin", "person_id"),
        UniqueConstraint("plugin", "name_key"),
        Index("ix_handed_external_id", "plugin", "external_id"),
        Index("ix_handed_person", "person_id"),
    )

    #: Random UUID: what the other system is told, for ever.
    key: Mapped[str] = mapped_column(String(36), primary_key=True)
    plugin: Mapped[str] = mapped_column(String(40))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    #: Its name of the person, as it wrote it; ``name_key`` is the canonical form.
    name: Mapped[str] = mapped_column(String(254))
    name_key: Mapped[str] = mapped_column(String(254))
    external_id: Mapped[str | None] = mapped_column(String(254))
    #: Small texts that it wants back and people have no field for.
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    person: Mapped[Person] = relationship(lazy="raise")


class HandedGroup(Base):
    """A group that the other system keeps here."""

    __tablename__ = "handed_group"
    __table_args__ = (Index("ix_handed_group_name", "plugin", "name"),)

    key: Mapped[str] = mapped_column(String(36), primary_key=True)
    plugin: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(254))
    external_id: Mapped[str | None] = mapped_column(String(254))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class HandedMember(Base):
    """A person in such a group."""

    __tablename__ = "handed_member"

    group_key: Mapped[str] = mapped_column(ForeignKey("handed_group.key", ondelete="CASCADE"), primary_key=True)
    handed_key: Mapped[str] = mapped_column(ForeignKey("handed.key", ondelete="CASCADE"), primary_key=True, index=True)
