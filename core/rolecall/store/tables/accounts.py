"""Accounts, the ledger of user names, and the projection that lists are made of."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from rolecall.store.tables.base import Base
from rolecall.store.tables.people import Person


class Account(Base):
    """Who may sign in (R1). Flags that lists filter on are copied to ``Listing``; nothing here is indexed for a list."""

    __tablename__ = "account"
    __table_args__ = (
        Index("ix_account_email_key", "email_key"),
        # How many of a user type there are at a provider (R62).
        Index("ix_account_type", "type"),
        # At most one Global Owner, whatever two requests do at the same moment (R26).
        Index(
            "uq_account_owner",
            "is_owner",
            unique=True,
            sqlite_where=text("is_owner"),
            postgresql_where=text("is_owner"),
        ),
        # A handful among all of them.
        Index("ix_account_protected", "id", sqlite_where=text("protected"), postgresql_where=text("protected")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Random UUID: the account's external key at every provider, for ever.
    key: Mapped[str] = mapped_column(String(36), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)
    #: administrator, student, teacher, partner, staff, guardian, alumni or agent
    type: Mapped[str] = mapped_column(String(20))
    username: Mapped[str] = mapped_column(String(100))
    username_key: Mapped[str] = mapped_column(String(100), unique=True)
    email: Mapped[str | None] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(String(254))
    email_verified: Mapped[bool] = mapped_column(default=False)
    #: user (followed a link) or admin (R30); an administrator's word never proves ownership to anybody else.
    email_verified_by: Mapped[str | None] = mapped_column(String(10))
    #: Nobody signs in to it by any means until the changed address is verified (R22, mode *block*).
    must_verify_email: Mapped[bool] = mapped_column(default=False)
    #: The verified address before the change, which goes on signing in until the new one is verified (R22, mode *keep*).
    former_email: Mapped[str | None] = mapped_column(String(254))
    former_email_key: Mapped[str | None] = mapped_column(String(254), index=True)
    #: Which of the institution's addresses the invitations come from that this account sends; none is the institution's first (R25).
    sender_email: Mapped[str | None] = mapped_column(String(254))
    first_name: Mapped[str] = mapped_column(String(200))
    last_name: Mapped[str] = mapped_column(String(200))
    #: Somebody wrote the profile name by hand: nothing overwrites it by rule (R29, R43).
    name_by_hand: Mapped[bool] = mapped_column(default=False)
    #: The person's own choice for pages and messages; none follows the person's record (R59b).
    language: Mapped[str | None] = mapped_column(String(20))
    active: Mapped[bool] = mapped_column(default=True)
    #: The rule of R7 closed it, so the rule may open it again; whatever a person decides later clears this.
    closed_by_rule: Mapped[bool] = mapped_column(default=False)
    deleted_at: Mapped[datetime | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    #: First-time password, sealed to this row; wiped at the first sign-in (R46).
    sealed_password: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime | None]
    #: The sealed first-time password is the person's phone number, which takes fewer guesses (R44, A-19).
    first_is_phone: Mapped[bool] = mapped_column(default=False)
    #: Wrong guesses that the phone number still stands while it is what signs in; none while it is not (A-19).
    phone_guesses_left: Mapped[int | None]
    #: When the own password was chosen; none for a first-time password, and for one older than this column (R52).
    password_changed_at: Mapped[datetime | None]
    #: The provider that manages the password of an SSO account; none for local ones.
    sso_provider: Mapped[str | None] = mapped_column(String(40))
    is_owner: Mapped[bool] = mapped_column(default=False)
    #: Closed at a provider only when somebody asks for this account by itself (R62).
    protected: Mapped[bool] = mapped_column(default=False, server_default=false())
    invited_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    person: Mapped[Person] = relationship(lazy="raise")


class UsernameClaim(Base):
    """The ledger: every user name that was ever given, by its canonical key. A row is never deleted, so no name is reused (R49)."""

    __tablename__ = "username_claim"

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    username: Mapped[str] = mapped_column(String(100))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    claimed_at: Mapped[datetime]


class Listing(Base):
    """One row per account with what lists sort, filter and search by; written by ``store.listing.refresh`` alone."""

    __tablename__ = "listing"
    __table_args__ = (
        Index("ix_listing_name", "deleted", "sort_name", "account_id"),
        Index("ix_listing_type_name", "deleted", "type", "sort_name", "account_id"),
        # Exact totals are counted in this index alone.
        Index("ix_listing_flags", "deleted", "type", "active", "verified", "logged_on", "invited", "external", "account_id"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    type: Mapped[str] = mapped_column(String(20))
    active: Mapped[bool]
    deleted: Mapped[bool]
    verified: Mapped[bool]
    logged_on: Mapped[bool]
    invited: Mapped[bool]
    #: Whether a provider link with a remote account, or a sign-in link, exists (R13).
    external: Mapped[bool]
    sort_name: Mapped[str] = mapped_column(String(420))
    #: Folded name, user name, e-mails, code and phone, each also in Latin letters (R12).
    search: Mapped[str]
