"""Actions that invite people to their accounts: for the first time, and after their password was reset (R19, R40)."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from rolecall.accounts import invitations, security_notices, sessions
from rolecall.accounts.messages import PHONE, UNUSABLE
from rolecall.accounts.requirements import ACTIVE, HAS_PERSONAL_EMAIL, HAS_PHONE, LOCAL_PASSWORD, NOT_DELETED
from rolecall.sdk.action import Action, Batch, Context, Foresight, Grade, action
from rolecall.sdk.fields import FormContext


class Again(Schema):
    """Whether those who were invited before are invited again."""

    again = fields.Boolean(
        load_default=False,
        metadata={"label": "Also those who were invited already", "help": "Otherwise they are skipped. An older link stops working."},
    )


class AgainByPhone(Schema):
    """Whether those who got an SMS before get another."""

    again = fields.Boolean(
        load_default=False,
        metadata={"label": "Also those who got one already", "help": "Otherwise they are skipped. An older link stops working."},
    )


@action(
    "invitation.send", label="Send invitation", group="invitation", bulk=True, batch=2_000, params=Again, syncs=False,
    requires=(NOT_DELETED, ACTIVE, HAS_PERSONAL_EMAIL),
    help="Send the user name and a link to choose a password, or the first-time password, to the personal e-mail. Following the link "
    "verifies the address.",
)  # fmt: skip
def send_invitation(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Invite people to their accounts at their personal e-mail (R40)."""
    before = set() if params["again"] else invitations.invited(context.session, accounts.ids)
    for account_id in accounts.ids:
        if account_id in before:
            context.skip(account_id, "Invited already, or the invitation waits to be sent.", code="already-invited")
    chosen = [each for each in accounts.ids if each not in before]
    invitations.invite(context.session, chosen, invitations.INVITATION, run_id=context.run_id, now=context.now)
    for account_id in chosen:
        context.record(account_id, "invitation", None, "queued")


@action(
    "password.reset_invite", label="Reset and invite again", group="password", bulk=True, syncs=False, fresh_login=True,
    requires=(NOT_DELETED, ACTIVE, LOCAL_PASSWORD, HAS_PERSONAL_EMAIL),
    help="Go back to the first-time password, or a new one where it is gone, and send the invitation again. The password in use stops "
    "working now and open sessions end.",
)  # fmt: skip
def reset_and_invite(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Make the first-time password count again and invite once more (R19)."""
    security_notices.password_goes(context.session, accounts.ids, run_id=context.run_id, now=context.now, invited=True)
    context.back_to_first_passwords(accounts.ids)
    sessions.end_all(context.session, accounts.ids)
    invitations.invite(context.session, accounts.ids, invitations.RESET, run_id=context.run_id, now=context.now)
    for account_id in accounts.ids:
        context.record(account_id, "password", None, "back to the first-time password, invited again")


_CONSENT = (
    "Each message costs what the gateway charges for it. Who has no number that a message can be sent to is skipped, with the reason."
)


def cost(context: FormContext) -> str:
    """Say what a message costs as things stand."""
    return f"{context.price_of(invitations.TEXTED)} {_CONSENT}".strip()


def foresee_texts(context: Foresight, accounts: Batch, params: Mapping[str, Any]) -> Mapping[int, tuple[str, str]]:
    """Say who would get no SMS, and why (R42)."""
    before = set() if params["again"] else invitations.texted(context.session, accounts.ids)
    phones = {each.id: each.person.phone or "" for each in accounts if each.id not in before}
    unusable = context.unusable(PHONE, phones)
    over = context.over_limits(PHONE, {each: phone for each, phone in phones.items() if each not in unusable})
    return {
        **dict.fromkeys(before, ("already-sent", "Sent by SMS already, or the message waits to be sent.")),
        **{each: (UNUSABLE, why) for each, why in unusable.items()},
        **{each: ("too-many-messages", why) for each, why in over.items()},
    }


@action(
    "sms.credentials", label="Send credentials by SMS", group="invitation", bulk=True, batch=500, params=AgainByPhone, syncs=False,
    requires=(NOT_DELETED, ACTIVE, HAS_PHONE), grade=Grade.AGREE, confirm=_CONSENT, confirm_here=cost, foresee=foresee_texts,
    sends=invitations.TEXTED,
    help="Send the user name and a link to choose a password to the phone in the person's record. No password is sent.",
)  # fmt: skip
def text_credentials(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Send people their credentials by SMS (R42)."""
    left_out = foresee_texts(context, accounts, params)
    for account_id, (code, why) in left_out.items():
        context.skip(account_id, why, code=code)
    phones = {each.id: each.person.phone or "" for each in accounts if each.id not in left_out}
    for account_id in phones:
        context.record(account_id, "credentials by SMS", None, "queued")
    invitations.text(context.session, phones, run_id=context.run_id, now=context.now)


ACTIONS: tuple[Action, ...] = (send_invitation, reset_and_invite, text_credentials)
