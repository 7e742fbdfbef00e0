"""Choices that depend on data (periods, roles, providers), by the words that people and scripts use."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import periods
from rolecall.errors import Invalid
from rolecall.sdk.fields import FormContext, Option
from rolecall.sdk.words import USER_TYPES
from rolecall.store.tables import Account, Link, LinkedIdentity, Period, Role


def period_choices(context: FormContext) -> Sequence[Option]:
    """Open periods by code, the current one first."""
    rows = context.session.execute(
        select(Period.code, Period.name, Period.is_current)
        .where(Period.is_open)
        .order_by(Period.is_current.desc(), Period.starts_on.desc())
    )
    return [(row.code, f"{row.name} (current)" if row.is_current else row.name) for row in rows]


def every_period(context: FormContext) -> Sequence[Option]:
    """All periods by code, closed ones too, the current one first."""
    return [(each.code, f"{each.name} (current)" if each.is_current else each.name) for each in periods.every(context.session)]


def current_period(context: FormContext) -> str | None:
    """The code of the current period."""
    return context.session.scalar(select(Period.code).where(Period.is_current))


def period_ids(session: Session, codes: Sequence[str]) -> list[int]:
    """Ids of periods by code."""
    return list(session.scalars(select(Period.id).where(Period.code.in_(codes)))) if codes else []


def role_choices(context: FormContext) -> Sequence[Option]:
    """Active roles by name, of the accounts' own types where the accounts are known; ``type/name`` where two types share a name."""
    every = context.session.execute(
        select(Role.name, Role.user_type, Role.name_key).where(Role.active).order_by(Role.user_type, Role.name)
    ).all()
    types = (
        set(context.session.scalars(select(Account.type).where(Account.id.in_(context.account_ids)).distinct()))
        if context.account_ids
        else set()
    )
    shared = Counter(row.name_key for row in every)
    return [
        (row.name if shared[row.name_key] == 1 else f"{row.user_type}/{row.name}", f"{row.name} ({USER_TYPES[row.user_type]})")
        for row in every
        if not types or row.user_type in types
    ]


def find_role(session: Session, word: str) -> Role:
    """Find the role that :func:`role_choices` offered under this word, by its name or as ``type/name``; names may have strokes too.

    :raises Invalid: when it was renamed, closed or deleted meanwhile, or another type has got a role of that name.
    """
    found = [each for each in session.scalars(select(Role).where(Role.active)) if word in (each.name, f"{each.user_type}/{each.name}")]
    if not found:
        raise Invalid(f"There is no active role “{word}” any more.")
    if len(found) > 1:
        ways = " or ".join(sorted(f"{each.user_type}/{each.name}" for each in found))
        raise Invalid(f"Several types have a role “{word}” now.", hint=f"Choose {ways}.")
    return found[0]


def provider_choices(context: FormContext) -> Sequence[Option]:
    """Enabled providers."""
    return list(context.providers.items())


def linked_provider_choices(context: FormContext) -> Sequence[Option]:
    """Providers that accounts are linked to, and services that sign them in, enabled or not."""
    names = set(context.session.scalars(select(Link.provider).where(Link.goal != "released").distinct()))
    names.update(context.session.scalars(select(LinkedIdentity.method).distinct()))
    return [(name, context.providers.get(name) or context.login_methods.get(name, name)) for name in sorted(names)]


def login_method_choices(context: FormContext) -> Sequence[Option]:
    """Login methods of the enabled plugins."""
    return list(context.login_methods.items())


def identity_choices(context: FormContext) -> Sequence[Option]:
    """The identities of one account, by their number."""
    rows = context.session.scalars(
        select(LinkedIdentity).where(LinkedIdentity.account_id.in_(context.account_ids)).order_by(LinkedIdentity.id)
    )
    return [(str(each.id), f"{context.login_methods.get(each.method, each.method)}: {each.subject}") for each in rows]
