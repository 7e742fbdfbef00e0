"""Actions on the account itself: open and close, user name, profile name, e-mail verification, delete and restore."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import update

from rolecall.accounts import role_periods, sessions, usernames
from rolecall.accounts.requirements import ACTIVE, DELETED, HAS_EMAIL, INACTIVE_OR_DISABLED_PERIODS, NOT_DELETED, NOT_OWNER, NOT_VERIFIED
from rolecall.builtin.choices import period_choices, period_ids
from rolecall.builtin.restoring import restore_fields
from rolecall.sdk.action import Action, Batch, Context, Grade, action
from rolecall.sdk.fields import Choices
from rolecall.store.tables import Account

GROUP = "account"
#: Set-based actions take this many accounts per transaction: fast, and the write lock is held for well under a second.
SET_BASED = 2_000


class Activate(Schema):
    """Which of the remembered roles come back."""

    periods = Choices(
        choices=period_choices,
        load_default=list,
        metadata={"label": "Periods", "help": "Whose remembered roles come back; all of them when none is chosen."},
    )


class NewUsername(Schema):
    """A user name."""

    username = fields.String(required=True, validate=validate.Length(1, 100), metadata={"label": "User name"})


class ProfileName(Schema):
    """The account's own name."""

    first_name = fields.String(required=True, validate=validate.Length(1, 200), metadata={"label": "First name"})
    last_name = fields.String(required=True, validate=validate.Length(1, 200), metadata={"label": "Last name"})


class Reason(Schema):
    """Why an administrator vouches for an address."""

    reason = fields.String(
        load_default="", validate=validate.Length(max=500), metadata={"label": "Reason", "help": "How you know that the address is theirs."}
    )


@action(
    "account.activate", label="Activate", group=GROUP, bulk=True, batch=SET_BASED, params=Activate,
    requires=(NOT_DELETED, INACTIVE_OR_DISABLED_PERIODS), undo=restore_fields,
)  # fmt: skip
def activate(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Give access back, with the roles that were remembered.

    Applies to closed accounts and to active ones that were disabled from periods (R20, R36, R37).
    """
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(active=True))
    role_periods.enable(context.session, accounts.ids, period_ids(context.session, params.get("periods") or ()) or None)


@action(
    "account.deactivate", label="Deactivate", group=GROUP, bulk=True, batch=SET_BASED,
    requires=(NOT_DELETED, ACTIVE, NOT_OWNER), undo=restore_fields,
)  # fmt: skip
def deactivate(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Take access away without losing anything: sessions end now and the providers are told (R20, R36)."""
    _spare_oneself(context, accounts.ids, "deactivate")
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(active=False))
    sessions.end_all(context.session, accounts.ids)


@action(
    "account.username", label="Change user name", group=GROUP, params=NewUsername, requires=(NOT_DELETED,), undo=restore_fields,
)  # fmt: skip
def change_username(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Give the account another user name; the old one is never given to anybody else (R21, R49)."""
    for account in accounts:
        usernames.claim(context.session, account, params["username"], now=context.now)


@action(
    "account.profile_name", label="Update profile name", group=GROUP, params=ProfileName, requires=(NOT_DELETED,), undo=restore_fields,
)  # fmt: skip
def change_profile_name(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Change the name that the account shows; the person's record stays as it is and imports do not undo it (R29)."""
    names = {"first_name": params["first_name"].strip(), "last_name": params["last_name"].strip()}
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(names))


@action(
    "account.verify_email", label="Mark e-mail as verified", group=GROUP, bulk=True, batch=SET_BASED, params=Reason,
    requires=(NOT_DELETED, HAS_EMAIL, NOT_VERIFIED), undo=restore_fields,
    help="Vouch for the address yourself. An invitation is better: following its link proves the address. "
    "Signing in by e-mail works only once it is verified.",
)  # fmt: skip
def verify_email(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Mark the address as verified by an administrator's word (R30, R41)."""
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(email_verified=True, email_verified_by="admin"))


@action(
    "account.delete", label="Delete", group=GROUP, bulk=True, batch=SET_BASED, requires=(NOT_DELETED, NOT_OWNER), undo=restore_fields,
    grade=Grade.AGREE, fresh_login=True,
    confirm="Deleted accounts cannot sign in and are closed at their providers. Their user names stay reserved. "
    "They can be restored until they are purged.",
)  # fmt: skip
def delete_account(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Delete softly: nobody can sign in, everything can be restored (R31)."""
    _spare_oneself(context, accounts.ids, "delete")
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(deleted_at=context.now))
    sessions.end_all(context.session, accounts.ids)


@action(
    "account.restore", label="Restore", group=GROUP, bulk=True, batch=SET_BASED, requires=(DELETED,), undo=restore_fields,
)  # fmt: skip
def restore_account(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Bring deleted accounts back with their user names and roles (R31)."""
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(deleted_at=None))


def _spare_oneself(context: Context, ids: Sequence[int], verb: str) -> None:
    if context.actor_account_id is not None and context.actor_account_id in ids:
        context.refuse(context.actor_account_id, f"You cannot {verb} the account you are working with.", code="own-account")


ACTIONS: tuple[Action, ...] = (
    activate, deactivate, change_username, change_profile_name, verify_email, delete_account, restore_account,
)  # fmt: skip
