"""Actions on the links to providers: create or adopt, bring up to date, let go."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields
from sqlalchemy import select

from rolecall.accounts import identities, let_go, sessions
from rolecall.accounts.requirements import LINKED_OR_RELEASABLE, NOT_DELETED, PERSON_SYNCS
from rolecall.builtin.choices import linked_provider_choices, provider_choices
from rolecall.sdk.action import Action, Batch, Context, Grade, action
from rolecall.sdk.fields import Choice, Choices
from rolecall.store.tables import Account, Link, LinkedIdentity
from rolecall.work import links

GROUP = "external"


class OneProvider(Schema):
    """A provider."""

    provider = Choice(choices=provider_choices, required=True, metadata={"label": "Provider"})


class SomeProviders(Schema):
    """Providers, all of them by default."""

    providers = Choices(
        choices=provider_choices, load_default=list, metadata={"label": "Providers", "help": "All active ones when none is chosen."}
    )


class Disconnection(Schema):
    """Providers to let go, and what becomes of the password."""

    providers = Choices(
        choices=linked_provider_choices, load_default=list, metadata={"label": "Providers", "help": "All when none is chosen."}
    )
    reset_passwords = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Go back to first-time passwords",
            "help": "New ones are made, and handed out once, where the first one is gone.",
        },
    )


@action(
    "external.convert", label="Convert to an external account", group=GROUP, bulk=True, batch=2_000, params=OneProvider,
    requires=(NOT_DELETED, PERSON_SYNCS), syncs=False, awaits_providers=True,
    help="Create the account at the provider, or take over the one that is there already.",
)  # fmt: skip
def convert(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Link accounts to a provider, whatever its own scope says; also those that were disconnected before (R23, R39)."""
    _link(context, accounts.ids, [params["provider"]])


@action(
    "external.sync", label="Sync external providers", group=GROUP, bulk=True, batch=2_000, params=SomeProviders,
    requires=(NOT_DELETED, PERSON_SYNCS), syncs=False, awaits_providers=True,
)  # fmt: skip
def sync(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Bring the accounts up to date at their providers, and create them where an integration's scope includes them (R24, R38)."""
    links.behind(context.session, accounts.ids, run_id=context.run_id, providers=params.get("providers") or None)


@action(
    "external.disconnect", label="Disable external provider", group=GROUP, bulk=True, batch=500, params=Disconnection,
    requires=(NOT_DELETED, LINKED_OR_RELEASABLE), syncs=False, grade=Grade.AGREE, fresh_login=True,
    confirm="Signing in is then by local user name and password. Nothing is changed or disabled at the provider, "
    "and neither later edits nor signing in there link the account again.",
)  # fmt: skip
def disconnect(context: Context, accounts: Batch, params: Mapping[str, Any]) -> None:
    """Let the providers go: the accounts become local ones until somebody links them on purpose, and nobody is called (R39)."""
    chosen = params.get("providers") or None
    held = select(Link.account_id, Link.provider).where(Link.account_id.in_(accounts.ids), Link.goal != "released")
    rows = context.session.execute(held.where(Link.provider.in_(chosen)) if chosen else held).all()
    elsewhere = [Account.id.in_(accounts.ids), Account.sso_provider.is_not(None)]
    if chosen:
        elsewhere.append(Account.sso_provider.in_(chosen))
    linked = {row.account_id for row in rows} | set(context.session.scalars(select(Account.id).where(*elsewhere)))
    known = select(LinkedIdentity.account_id).where(LinkedIdentity.account_id.in_(accounts.ids))
    linked.update(context.session.scalars(known.where(LinkedIdentity.method.in_(chosen)) if chosen else known))
    for account_id in accounts.ids:
        if account_id not in linked:
            context.skip(account_id, "It is not linked to the chosen providers.", code="not-linked")
    for account_id, provider in rows:
        context.record(account_id, f"link:{provider}", "linked", "released")
    links.release(context.session, accounts.ids, chosen, now=context.now)
    for account_id, method in identities.release(context.session, sorted(linked), chosen, now=context.now):
        context.record(account_id, f"identity:{method}", "linked", "released")
    if params.get("reset_passwords"):
        for account_id, password in context.back_to_first_passwords(sorted(linked)).items():
            context.secret(account_id, password)
        sessions.end_all(context.session, accounts.ids)


def _link(context: Context, ids: Sequence[int], providers: Sequence[str]) -> None:
    for provider in providers:
        known = set(
            context.session.scalars(
                select(Link.account_id).where(Link.account_id.in_(ids), Link.provider == provider, Link.goal != "released")
            )
        )
        links.link(context.session, ids, provider, run_id=context.run_id, converts=True)
        let_go.over(context.session, ids, provider)
        for account_id in ids:
            if account_id not in known:
                context.record(account_id, f"link:{provider}", "none", "linked")


ACTIONS: tuple[Action, ...] = (convert, sync, disconnect)
