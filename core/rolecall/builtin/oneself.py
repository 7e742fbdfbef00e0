"""What nobody does to the account they work with, so that nobody locks themselves out."""

from collections.abc import Sequence

from rolecall.sdk.action import Context


def spare_oneself(context: Context, ids: Sequence[int], verb: str) -> None:
    """Take the acting account itself out of the batch, with the reason."""
    if context.actor_account_id is not None and context.actor_account_id in ids:
        context.refuse(context.actor_account_id, f"You cannot {verb} the account you are working with.", code="own-account")
