"""The action that prints user information: a slip per account with how to sign in (R28, R45)."""

from collections.abc import Mapping
from typing import Any

from rolecall.accounts.requirements import NOT_DELETED
from rolecall.builtin.account import GROUP
from rolecall.sdk.action import Action, Batch, Context, action


@action(
    "account.print", label="Print user information", group=GROUP, bulk=True, requires=(NOT_DELETED,), syncs=False, fresh_login=True,
    prints=True,
    help="A slip per account with user name, first-time password and where to sign in, as a page or a PDF, which only you can fetch, once.",
)  # fmt: skip
def print_slips(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Hand out a slip per account, with the first-time password where it is still kept; nothing of the account changes (R28)."""
    kept = context.first_passwords(accounts.ids)
    for account_id in accounts.ids:
        context.secret(account_id, kept.get(account_id, ""))


ACTIONS: tuple[Action, ...] = (print_slips,)
