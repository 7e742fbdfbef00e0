"""Actions for whoever was locked out, left signed in or lost their phone: unlock, sign out everywhere, reset the second factor (R34a)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, fields, validate

from rolecall.accounts import rights, second_factor, security_notices, sessions, throttle
from rolecall.accounts.requirements import ACTIVE, NOT_DELETED
from rolecall.builtin.account import SET_BASED
from rolecall.builtin.oneself import spare_oneself
from rolecall.sdk.action import Action, Batch, Context, Grade, action
from rolecall.sdk.requirement import Requirement
from rolecall.store.tables import Account

GROUP = "signing_in"

#: Applies to whoever has wrong attempts behind them, refused already or not: the next ones are counted from nothing.
TRIED = Requirement(
    code="not-locked",
    clause=lambda: throttle.was_tried(datetime.now(UTC)),
    message="Nobody tried to sign in to this account with something wrong lately, so nothing is locked.",
)
SIGNED_IN = Requirement(
    code="not-signed-in",
    clause=lambda: sessions.has_any(datetime.now(UTC)),
    message="The account is not signed in anywhere.",
)
NOT_THE_OWNER = Requirement(
    code="owner", clause=lambda: Account.is_owner.is_(False), message="Nobody signs in as the Global Owner."
)  # fmt: skip
MAY_SIGN_IN = Requirement(
    code="cannot-sign-in",
    clause=rights.has_role_now,
    message="They have no role in the current period or have to verify their e-mail, so there is nothing that they would see.",
)
HAS_FACTOR = Requirement(code="no-second-factor", clause=second_factor.is_on, message="The account has no second factor.")


class Why(Schema):
    """Why somebody signs in as somebody else."""

    reason = fields.String(required=True, validate=validate.Length(1, 500), metadata={"label": "Reason", "help": "It is in the audit."})


@action("account.unlock", label="Unlock", group=GROUP, bulk=True, batch=SET_BASED, requires=(TRIED,), syncs=False)
def unlock(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Forget the wrong attempts to sign in, so that the right password is taken again at once (R34a).

    What a whole network has used up stays: that is not about one account.
    """
    throttle.release(context.session, accounts.ids)
    for account_id in accounts.ids:
        context.record(account_id, "wrong_attempts", None, "forgotten")


@action("account.end_sessions", label="Sign out everywhere", group=GROUP, bulk=True, batch=SET_BASED, requires=(SIGNED_IN,), syncs=False)
def end_sessions(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """End every session of the account now; the password goes on, and API tokens too (R34a)."""
    spare_oneself(context, accounts.ids, "sign out everywhere with")
    sessions.end_all(context.session, accounts.ids)
    for account_id in accounts.ids:
        context.record(account_id, "sessions", None, "ended")


@action(
    "account.reset_second_factor", label="Reset second factor", group=GROUP, bulk=True, batch=SET_BASED, requires=(HAS_FACTOR,),
    syncs=False, grade=Grade.AGREE, fresh_login=True,
    confirm="The app and the recovery codes stop working, and every session ends. They sign in with the password alone, and set up a new "
    "app where they must have one. Their verified e-mail gets a notice. Be sure that it is they who ask.",
)  # fmt: skip
def reset_second_factor(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Take the second factor of somebody away who has lost their phone and their recovery codes (R34a)."""
    spare_oneself(context, accounts.ids, "reset the second factor of")
    second_factor.remove(context.session, accounts.ids)
    security_notices.queue(context.session, security_notices.FACTOR, accounts.ids, run_id=context.run_id, now=context.now)
    sessions.end_all(context.session, accounts.ids)
    for account_id in accounts.ids:
        context.record(account_id, "second_factor", "on", "none")


@action(
    "account.sign_in_as", label="Sign in as this user", group=GROUP, params=Why, page="acting", owner_only=True, fresh_login=True,
    requires=(NOT_DELETED, ACTIVE, NOT_THE_OWNER, MAY_SIGN_IN), syncs=False, grade=Grade.AGREE,
    confirm="For half an hour you see what they see, and can change nothing. It is written down with your reason, and they see it among "
    "their sign-ins.",
)  # fmt: skip
def sign_in_as(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """See the pages as this user sees them; for the Global Owner, on the web pages only (R27)."""
    for account_id in accounts.ids:
        context.refuse(account_id, "This is done on the web pages only.", code="web-only")


ACTIONS: tuple[Action, ...] = (sign_in_as, unlock, end_sessions, reset_second_factor)
