"""Roles, the permissions they hold, academic periods, and the role of an account in a period."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from rolecall.store.tables.base import Base


class Role(Base):
    """What accounts of one user type see and may do (R57)."""

    __tablename__ = "role"
    __table_args__ = (
        UniqueConstraint("user_type", "name_key"),
        # One default role per user type (R50).
        Index("uq_role_default", "user_type", unique=True, sqlite_where=text("is_default"), postgresql_where=text("is_default")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(String(100))
    user_type: Mapped[str] = mapped_column(String(20))
    active: Mapped[bool] = mapped_column(default=True)
    is_default: Mapped[bool] = mapped_column(default=False)
    #: The user types that the rights reach; none reaches all of them (R58).
    limited_to: Mapped[list[Any] | None]
    version: Mapped[int] = mapped_column(default=1)

    permissions: Mapped[list["RolePermission"]] = relationship(lazy="raise", cascade="all, delete-orphan")


class RolePermission(Base):
    """One permission of a role: ``<area>:<view|create|edit|delete>`` or ``act:<action id>`` (R58)."""

    __tablename__ = "role_permission"

    role_id: Mapped[int] = mapped_column(ForeignKey("role.id", ondelete="CASCADE"), primary_key=True)
    permission: Mapped[str] = mapped_column(String(120), primary_key=True)


class RoleMenu(Base):
    """How a role's menu differs from what its rights allow: an entry hidden, or under another name (R57)."""

    __tablename__ = "role_menu"

    role_id: Mapped[int] = mapped_column(ForeignKey("role.id", ondelete="CASCADE"), primary_key=True)
    #: The entry's id, such as ``accounts`` or ``moodle.courses``.
    item: Mapped[str] = mapped_column(String(100), primary_key=True)
    hidden: Mapped[bool] = mapped_column(default=False)
    label: Mapped[str | None] = mapped_column(String(100))


class Period(Base):
    """An academic period; exactly one is current, by an administrator's word and never by its dates (R59)."""

    __tablename__ = "period"
    __table_args__ = (
        Index("uq_period_current", "is_current", unique=True, sqlite_where=text("is_current"), postgresql_where=text("is_current")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(60))
    code_key: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    is_open: Mapped[bool] = mapped_column(default=True)
    is_current: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)


class RolePeriod(Base):
    """The one role of an account in a period (R15). Disabled ones are remembered and give no access (R37)."""

    __tablename__ = "role_period"
    __table_args__ = (
        UniqueConstraint("account_id", "period_id"),
        Index("ix_role_period_period_role", "period_id", "role_id", "account_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    role_id: Mapped[int] = mapped_column(ForeignKey("role.id"), index=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    role: Mapped[Role] = relationship(lazy="raise")
    period: Mapped[Period] = relationship(lazy="raise")
