"""The action that chooses from which of the institution's addresses an account sends invitations (R25)."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema
from sqlalchemy import select, update

from rolecall.accounts import senders
from rolecall.accounts.requirements import NOT_DELETED
from rolecall.builtin.account import GROUP
from rolecall.builtin.restoring import restore_fields
from rolecall.sdk.action import Action, Batch, Context, action
from rolecall.sdk.fields import Choice, FormContext, Option
from rolecall.store.tables import Account

#: Chosen by whoever wants none of their own, as a cell of an import says that a value is to go.
USUAL = "-"


def sender_choices(context: FormContext) -> Sequence[Option]:
    """The institution's sender addresses, after the choice to have none of one's own."""
    addresses = senders.of_institution(context.session)
    usual = f"The institution's first ({addresses[0]})" if addresses else "The institution's first (there is none yet)"
    return [(USUAL, usual), *((each, each) for each in addresses)]


def present_sender(context: FormContext) -> str | None:
    """What the one account has now."""
    if len(context.account_ids) != 1:
        return USUAL
    chosen = context.session.scalar(select(Account.sender_email).where(Account.id == context.account_ids[0]))
    return senders.listed(chosen, senders.of_institution(context.session)) or USUAL


class SenderEmail(Schema):
    """One of the institution's sender addresses."""

    email = Choice(
        choices=sender_choices,
        default=present_sender,
        required=True,
        metadata={
            "label": "Sender e-mail",
            "help": "From which invitations come that this user sends. An address that the settings list no more gives way to the first.",
        },
    )


@action(
    "account.sender_email", label="Configure sender e-mail", group=GROUP, params=SenderEmail, requires=(NOT_DELETED,), syncs=False,
    undo=restore_fields, help="Choose from which of the institution's addresses the invitations come that this user sends.",
)  # fmt: skip
def choose_sender(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Let the invitations that the account sends come from one of the institution's addresses (R25)."""
    chosen = None if params["email"] == USUAL else params["email"]
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(sender_email=chosen))


ACTIONS: tuple[Action, ...] = (choose_sender,)
