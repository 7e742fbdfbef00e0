"""Actions on who an account is at services that sign people in: the office links and unlinks an identity by hand (R66, F-02)."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from rolecall.accounts import identities, sessions
from rolecall.accounts.requirements import HAS_IDENTITY, NOT_DELETED
from rolecall.builtin.choices import identity_choices, login_method_choices
from rolecall.sdk.action import Action, Batch, Context, Grade, action
from rolecall.sdk.fields import Choice, form_context
from rolecall.store.tables import Account

GROUP = "external"


class OneIdentity(Schema):
    """Somebody at a service, by the identifier there that never changes."""

    method = Choice(choices=login_method_choices, required=True, metadata={"label": "Service"})
    subject = fields.String(
        required=True,
        validate=validate.Length(min=1, max=255, error="The identifier has 1 to 255 characters."),
        metadata={
            "label": "Identifier there",
            "help": "The one that never changes and is never given to anybody else: the “sub” of OpenID Connect, the object id of "
            "Microsoft 365. Not an e-mail address or a user name.",
        },
    )

    @post_load
    def _with_issuer(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add who vouches, as the service is set up at this moment."""
        context = form_context()
        return data if context is None else {**data, "issuer": context.issuer_of(data["method"])}


class LinkedOne(Schema):
    """One of the identities that the account has."""

    identity = Choice(choices=identity_choices, required=True, metadata={"label": "Identity"})


@action(
    "external.link_identity", label="Link an identity for signing in", group=GROUP, params=OneIdentity, requires=(NOT_DELETED,),
    grade=Grade.AGREE, fresh_login=True,
    confirm="Whoever has this identifier at the service comes into this account. Its password here then signs nobody in any more, except "
    "the Global Owner's.",
)  # fmt: skip
def link_identity(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Say by hand who an account is at a service that signs people in; a proof is not asked of the service (R66)."""
    for account_id in accounts.ids:
        identities.link(
            context.session, context.session.get_one(Account, account_id), method=params["method"], issuer=params["issuer"],
            subject=params["subject"], how=identities.OFFICE, actor=context.actor, now=context.now,
        )  # fmt: skip
        context.record(account_id, f"identity:{params['method']}", None, params["subject"].strip())


@action(
    "external.unlink_identity", label="Unlink an identity", group=GROUP, params=LinkedOne, requires=(HAS_IDENTITY,), grade=Grade.AGREE,
    fresh_login=True,
    confirm="It signs nobody in to this account any more. Where it was the only one, the account's own password counts again.",
)  # fmt: skip
def unlink_identity(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Take one identity away from an account; its sessions end (R66, R39)."""
    for account_id in accounts.ids:
        row = identities.unlink(context.session, account_id, int(params["identity"]), actor=context.actor, now=context.now)
        context.record(account_id, f"identity:{row.method}", row.subject, None)
    sessions.end_all(context.session, accounts.ids)


ACTIONS: tuple[Action, ...] = (link_identity, unlink_identity)
