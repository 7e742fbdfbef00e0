"""Actions on passwords: set one, generate one, go over to phone numbers, and ask for a change at the next sign-in."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load
from sqlalchemy import select, update

from rolecall.accounts import passwords, security_notices, sessions
from rolecall.accounts.first_password import SIGNS_IN, WAITS, may_use_phone
from rolecall.accounts.requirements import HAS_PHONE, LOCAL_PASSWORD, NOT_ADMINISTRATOR, NOT_DELETED, PHONES_ALLOWED
from rolecall.builtin.restoring import restore_fields
from rolecall.sdk.action import Action, Batch, Context, action
from rolecall.sdk.fields import FormContext, NewPassword
from rolecall.store.tables import Account

GROUP = "password"
#: What a phone as password needs besides a local password.
_FOR_PHONES = (PHONES_ALLOWED, NOT_ADMINISTRATOR, HAS_PHONE)


def _phone_is_offered(context: FormContext) -> bool:
    return may_use_phone(context.session, context.account_ids)


class ChosenPassword(Schema):
    """A password, typed twice; or the person's phone, while the institution allows that."""

    password = NewPassword(metadata={"label": "New password"})
    confirm = fields.String(load_only=True, metadata={"label": "The same again", "secret": True, "autocomplete": "new-password"})
    from_phone = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Take the phone number instead",
            "help": "The digits of the mobile phone, without + and blanks. It must be changed at the next sign-in, within seven days.",
            "offered": _phone_is_offered,
        },
    )

    @pre_load
    def compare(self, data: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        """Compare before hashing: two hashes of one password differ."""
        if (data.get("password") or None) != (data.get("confirm") or None):
            raise ValidationError("The two passwords differ.", "confirm")
        return data

    @post_load
    def settle(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Exactly one of the two; the second typing has done its work."""
        data.pop("confirm", None)
        if data["from_phone"] and data.get("password"):
            raise ValidationError("Type a password or take the phone number, not both.", "from_phone")
        if not data["from_phone"] and not data.get("password"):
            raise ValidationError("Type the new password, twice.", "password")
        return data


class MustChange(Schema):
    """Whether a change is asked for."""

    must_change = fields.Boolean(load_default=True, metadata={"label": "Ask for a new password at the next sign-in"})


@action(
    "password.change", label="Change password", group=GROUP, params=ChosenPassword, requires=(NOT_DELETED, LOCAL_PASSWORD), syncs=False,
    fresh_login=True, help="Set a password for this account. The one in use stops working now and open sessions end; their verified e-mail "
    "gets a notice.",
)  # fmt: skip
def change_password(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Replace the password by a typed one, which arrives here as a hash, or by the phone, which is sealed (R16)."""
    security_notices.password_goes(context.session, accounts.ids, run_id=context.run_id, now=context.now)
    if params["from_phone"]:
        refused = _refused_phones(context, accounts.ids)
        context.phone_first_passwords([each for each in accounts.ids if each not in refused], replace=True)
    else:
        passwords.put(context.session, accounts.ids, params["password"], now=context.now)
    sessions.end_all(context.session, accounts.ids)
    for account_id in accounts.ids:
        context.record(account_id, "password", None, "the phone number" if params["from_phone"] else "set by an administrator")


@action(
    "password.reset", label="Reset password", group=GROUP, bulk=True, requires=(NOT_DELETED, LOCAL_PASSWORD), syncs=False, fresh_login=True,
    help="Generate a new password and show it once. The one in use stops working now and open sessions end. Whoever had a password of "
    "their own gets a notice at their verified e-mail.",
)  # fmt: skip
def reset_password(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Replace the password by a generated one, handed out once (R18, R45)."""
    security_notices.password_goes(context.session, accounts.ids, run_id=context.run_id, now=context.now)
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
    chosen = accounts.ids
    if not params["must_change"]:
        signed_in_with_phone = select(Account.id).where(Account.id.in_(accounts.ids), Account.phone_guesses_left.is_not(None))
        phones = set(context.session.scalars(signed_in_with_phone))
        for account_id in phones:
            context.skip(account_id, "Its password is a phone number, which must be changed at the first sign-in.", code="phone-password")
        chosen = [each for each in accounts.ids if each not in phones]
    context.session.execute(update(Account).where(Account.id.in_(chosen)).values(must_change_password=params["must_change"]))


@action(
    "password.first_is_phone", label="Set first-time password to the phone", group=GROUP, bulk=True, fresh_login=True, syncs=False,
    requires=(PHONES_ALLOWED, NOT_DELETED, LOCAL_PASSWORD, NOT_ADMINISTRATOR, HAS_PHONE),
    help="Who has never signed in signs in with the digits of their phone number, without + and blanks, within seven days, and must change "
    "it then; after five wrong guesses it is gone. The password of everybody else goes on: they come back to the phone number only with a "
    "return to the first-time password.",
)  # fmt: skip
def first_is_phone(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Make phones first-time passwords, without touching a password in use (R44)."""
    became = context.phone_first_passwords(accounts.ids)
    for account_id in accounts.ids:
        if account_id not in became:
            context.skip(account_id, HAS_PHONE.message, code=HAS_PHONE.code)
        elif became[account_id] == WAITS:
            context.skip(account_id, "A password from a reset waits to be used first; a phone number would take its place.", code="waits")
        else:
            word = "the phone number, which signs in" if became[account_id] == SIGNS_IN else "the phone number, kept"
            context.record(account_id, "first_password", None, word)


def _refused_phones(context: Context, ids: Sequence[int]) -> frozenset[int]:
    """Refuse, in the words of the requirements, accounts that cannot have a phone as password."""
    unmet = {each.code: set(context.session.scalars(select(Account.id).where(Account.id.in_(ids), ~each.clause()))) for each in _FOR_PHONES}
    for each in reversed(_FOR_PHONES):
        for account_id in unmet[each.code]:
            context.refuse(account_id, each.message, code=each.code)
    return frozenset().union(*unmet.values())


ACTIONS: tuple[Action, ...] = (change_password, reset_password, change_at_next_logon, first_is_phone)
