"""Actions on the account itself: open and close, user name, profile name, delete and restore, protect."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import update

from rolecall.accounts import role_periods, sessions, tokens, usernames
from rolecall.accounts.requirements import (
    ACTIVE,
    DELETED,
    INACTIVE_OR_DISABLED_PERIODS,
    NOT_DELETED,
    NOT_OWNER,
    NOT_PROTECTED,
    PROTECTED,
)
from rolecall.builtin.choices import period_choices, period_ids
from rolecall.builtin.oneself import spare_oneself
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


@action(
    "account.activate", label="Activate", group=GROUP, bulk=True, batch=SET_BASED, params=Activate,
    requires=(NOT_DELETED, INACTIVE_OR_DISABLED_PERIODS), undo=restore_fields,
)  # fmt: skip
def activate(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Give access back, with the roles that were remembered. From then on a person decided: the rule of R7 has no say any more.

    Applies to closed accounts and to active ones that were disabled from periods (R20, R36, R37).
    """
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(active=True, closed_by_rule=False))
    role_periods.enable(context.session, accounts.ids, period_ids(context.session, params.get("periods") or ()) or None)


@action(
    "account.deactivate", label="Deactivate", group=GROUP, bulk=True, batch=SET_BASED,
    requires=(NOT_DELETED, ACTIVE, NOT_OWNER), undo=restore_fields,
)  # fmt: skip
def deactivate(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Take access away without losing anything: sessions end now and the providers are told (R20, R36)."""
    spare_oneself(context, accounts.ids, "deactivate")
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(active=False, closed_by_rule=False))
    sessions.end_all(context.session, accounts.ids)
    tokens.kill_links(context.session, accounts.ids)


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
    """Change the name that the account shows; the person's record stays as it is, and neither imports nor rules undo it (R29)."""
    names = {"first_name": params["first_name"].strip(), "last_name": params["last_name"].strip()}
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(**names, name_by_hand=True))


@action(
    "account.delete", label="Delete", group=GROUP, bulk=True, batch=SET_BASED, requires=(NOT_DELETED, NOT_OWNER), undo=restore_fields,
    grade=Grade.AGREE, fresh_login=True,
    confirm="Deleted accounts cannot sign in and are closed at their providers. Their user names stay reserved. "
    "They can be restored until they are purged.",
)  # fmt: skip
def delete_account(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Delete softly: nobody can sign in, everything can be restored (R31)."""
    spare_oneself(context, accounts.ids, "delete")
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(deleted_at=context.now, closed_by_rule=False))
    sessions.end_all(context.session, accounts.ids)
    tokens.kill_links(context.session, accounts.ids)


@action(
    "account.restore", label="Restore", group=GROUP, bulk=True, batch=SET_BASED, requires=(DELETED,), undo=restore_fields,
)  # fmt: skip
def restore_account(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Bring deleted accounts back with their user names and roles (R31)."""
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(deleted_at=None))


@action(
    "account.protect", label="Protect", group=GROUP, bulk=True, batch=SET_BASED, requires=(NOT_DELETED, NOT_PROTECTED), undo=restore_fields,
    help="Providers close the account only when somebody asks for it by itself.",
)  # fmt: skip
def protect(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Keep mass changes, imports, rules and approvals of many from closing accounts at their providers.

    What waits to be sent is looked at anew. What happens to the account here is not changed by it (R62).
    """
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(protected=True))


@action(
    "account.unprotect", label="End protection", group=GROUP, bulk=True, batch=SET_BASED, requires=(PROTECTED,), undo=restore_fields,
    grade=Grade.AGREE,
    confirm="From now on these accounts are closed at their providers like any other; those that are closed here already are, within "
    "the safety limits.",
)  # fmt: skip
def unprotect(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Treat accounts at their providers like any other again (R62)."""
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(protected=False))


ACTIONS: tuple[Action, ...] = (
    activate, deactivate, change_username, change_profile_name, delete_account, restore_account, protect, unprotect,
)  # fmt: skip
