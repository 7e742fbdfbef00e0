"""Actions on passwords: set one, generate one, and ask for a change at the next sign-in."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load
from sqlalchemy import update

from rolecall.accounts import passwords, sessions
from rolecall.accounts.requirements import LOCAL_PASSWORD, NOT_DELETED
from rolecall.builtin.restoring import restore_fields
from rolecall.sdk.action import Action, Batch, Context, action
from rolecall.sdk.fields import NewPassword
from rolecall.store.tables import Account

GROUP = "password"


class TypedPassword(Schema):
    """A password, typed twice."""

    password = NewPassword(required=True, metadata={"label": "New password"})
    confirm = fields.String(
        required=True, load_only=True, metadata={"label": "The same again", "secret": True, "autocomplete": "new-password"}
    )

    @pre_load
    def compare(self, data: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        """Compare before hashing: two hashes of one password differ."""
        if data.get("password") != data.get("confirm"):
            raise ValidationError("The two passwords differ.", "confirm")
        return data

    @post_load
    def forget_second(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The second typing has done its work."""
        data.pop("confirm", None)
        return data


class MustChange(Schema):
    """Whether a change is asked for."""

    must_change = fields.Boolean(load_default=True, metadata={"label": "Ask for a new password at the next sign-in"})


@action(
    "password.change", label="Change password", group=GROUP, params=TypedPassword, requires=(NOT_DELETED, LOCAL_PASSWORD), syncs=False,
    fresh_login=True, help="Set a password for this account. The one in use stops working now and open sessions end.",
)  # fmt: skip
def change_password(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Replace the password by a typed one; it arrives here as a hash (R16)."""
    passwords.put(context.session, accounts.ids, params["password"])
    sessions.end_all(context.session, accounts.ids)
    for account_id in accounts.ids:
        context.record(account_id, "password", None, "set by an administrator")


@action(
    "password.reset", label="Reset password", group=GROUP, bulk=True, requires=(NOT_DELETED, LOCAL_PASSWORD), syncs=False, fresh_login=True,
    help="Generate a new password and show it once. The one in use stops working now and open sessions end.",
)  # fmt: skip
def reset_password(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Replace the password by a generated one, handed out once (R18, R45)."""
    for account_id, password in context.new_first_passwords(accounts.ids).items():
        context.secret(account_id, password)
        context.record(account_id, "password", None, "generated")
    sessions.end_all(context.session, accounts.ids)


@action(
    "password.at_next_logon", label="Ask for a new password", group=GROUP, bulk=True, batch=2_000, params=MustChange,
    requires=(NOT_DELETED, LOCAL_PASSWORD), undo=restore_fields, syncs=False,
)  # fmt: skip
def change_at_next_logon(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Make the person choose a new password at the next sign-in, before anything else (R17)."""
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(must_change_password=params["must_change"]))


ACTIONS: tuple[Action, ...] = (change_password, reset_password, change_at_next_logon)
