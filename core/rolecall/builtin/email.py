"""Actions on the account's own e-mail: change it, vouch for it, and trust it no more (R22, R30, R41)."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy import select

from rolecall.accounts import emails
from rolecall.accounts.requirements import HAS_EMAIL, HAS_VERIFIED, NOT_DELETED, NOT_VERIFIED
from rolecall.builtin.restoring import restore_fields
from rolecall.errors import Invalid
from rolecall.sdk.action import Action, Batch, Context, Grade, action
from rolecall.sdk.fields import FormContext
from rolecall.store.tables import Account

GROUP = "account"

_BLOCKS = (
    "From now on nobody can sign in to this account by any means until the new address is verified: by its owner, with the link in the "
    "message that is sent there, or by an administrator. Open sessions and unused links end."
)
_KEEPS = (
    "The user name goes on working. The address before goes on signing in too, if it was verified, until the new one is verified by its "
    "owner, with the link in the message that is sent there, or by an administrator. Unused links end."
)
_CONSEQUENCES = {emails.BLOCK: _BLOCKS, emails.KEEP: _KEEPS}
_PROVIDERS = (
    "Accounts that a provider signs in are never blocked: the new e-mail becomes their login name, and they sign in at the provider."
)


def _is_address(typed: str) -> None:
    try:
        emails.check(typed)
    except Invalid as wrong:
        raise ValidationError(str(wrong)) from wrong


class NewEmail(Schema):
    """An e-mail address."""

    email = fields.String(required=True, validate=_is_address, metadata={"label": "New e-mail", "kind": "email"})


class Reason(Schema):
    """Why an administrator vouches for an address."""

    reason = fields.String(
        load_default="", validate=validate.Length(max=500), metadata={"label": "Reason", "help": "How you know that the address is theirs."}
    )


class Withdrawn(Schema):
    """Why an address is not trusted any more."""

    reason = fields.String(
        load_default="", validate=validate.Length(max=500), metadata={"label": "Reason", "help": "Why the addresses are not theirs alone."}
    )


def consequence(context: FormContext) -> str:
    """Say what a change means in the mode in force, or for the one account that a provider signs in."""
    if len(context.account_ids) != 1:
        return f"{_CONSEQUENCES[emails.mode_of(context.session, None)]} {_PROVIDERS}"
    provider = context.session.scalar(select(Account.sso_provider).where(Account.id == context.account_ids[0]))
    if provider is None:
        return _CONSEQUENCES[emails.mode_of(context.session, None)]
    where = context.providers.get(provider, provider)
    return f"{where} signs this account in: the new e-mail becomes its login name there, and signing in goes on there. Unused links end."


@action(
    "account.email", label="Change e-mail", group=GROUP, params=NewEmail, requires=(NOT_DELETED,), undo=restore_fields,
    grade=Grade.AGREE, fresh_login=True, confirm_here=consequence,
    confirm="Until the new address is verified nobody can sign in to the account by any means, or the user name and the verified address "
    f"before go on working, as the institution has decided. {_PROVIDERS}",
)  # fmt: skip
def change_email(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Give the account another e-mail, which has to be verified; the person's record stays as it is (R22)."""
    for account in accounts:
        emails.change(context.session, account, params["email"], now=context.now, run_id=context.run_id)


@action(
    "account.verify_email", label="Mark e-mail as verified", group=GROUP, bulk=True, batch=2_000, params=Reason,
    requires=(NOT_DELETED, HAS_EMAIL, NOT_VERIFIED), undo=restore_fields,
    help="Vouch for the address yourself. An invitation is better: following its link proves the address. "
    "Signing in by e-mail works only once it is verified.",
)  # fmt: skip
def verify_email(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Mark the address as verified by an administrator's word (R30, R41)."""
    emails.vouch(context.session, accounts.ids, now=context.now)


@action(
    "account.unverify_email", label="Withdraw verification of e-mail", group=GROUP, bulk=True, batch=2_000, params=Withdrawn,
    requires=(NOT_DELETED, HAS_VERIFIED), undo=restore_fields,
    help="For addresses that somebody else may read by now, such as those of a domain that the institution lost: they sign nobody in, get "
    "no link for a forgotten password, and unused links end, until they are verified again. User names and open sessions go on.",
)  # fmt: skip
def unverify_email(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Let the addresses of accounts no longer count as verified; for all of a domain by the filter word ``domain`` (R30, T-16)."""
    emails.withdraw(context.session, accounts.ids)


ACTIONS: tuple[Action, ...] = (change_email, verify_email, unverify_email)
