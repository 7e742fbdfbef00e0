"""How much the safety limits hold at each provider, and why, in a sentence (R62). A read."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, func, select, true
from sqlalchemy.orm import Session

from rolecall.sdk.provider import Verb
from rolecall.sdk.words import USER_TYPES
from rolecall.store.tables import Account, Link, PluginState
from rolecall.work import brakes, links
from rolecall.work.sync.circuit import OK


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldGroup:
    """How many accounts of one user type wait with one verb; ``guarded``: because of whose they are, not of how many."""

    provider: str
    user_type: str
    verb: str
    guarded: bool
    number: int


def groups(session: Session, provider: str | None = None, *, accounts: Sequence[int] | None = None) -> list[HeldGroup]:
    """Count what is held, at all providers or one of them, of all accounts or of these."""
    of_verb, guarded = verb(), Link.brake == brakes.GUARDED
    statement = (
        select(Link.provider, Account.type, of_verb.label("verb"), guarded.label("guarded"), func.count().label("number"))
        .join(Account, Account.id == Link.account_id)
        .where(is_held(provider), true() if accounts is None else Link.account_id.in_(accounts))
        .group_by(Link.provider, Account.type, "verb", "guarded")
        .order_by(Link.provider, Account.type, "verb", "guarded")
    )
    return [
        HeldGroup(provider=row.provider, user_type=row.type, verb=row.verb, guarded=bool(row.guarded), number=row.number)
        for row in session.execute(statement)
    ]


def because(found: Sequence[HeldGroup]) -> str:
    """Say in sentences what is held and why."""
    told = []
    for guarded in (False, True):
        parts = [_part(each) for each in found if each.guarded is guarded]
        if not parts:
            continue
        what = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
        verb = "is" if sum(each.number for each in found if each.guarded is guarded) == 1 else "are"
        why = "nobody asked for them one by one" if guarded else "more than the limits of the settings allow within 24 hours"
        told.append(f"{what} {verb} held: {why}.")
    return " ".join([*told, "Everything else goes on."]) if told else ""


def state_of(row: PluginState | None, held: Sequence[HeldGroup]) -> tuple[str, str | None]:
    """Return the state of a provider and why it is in it: held, where it works and something waits for somebody (R62)."""
    if row is None:
        return "ok", None
    return ("held", because(held)) if row.state == OK and held else (row.state, row.reason)


def is_held(provider: str | None) -> ColumnElement[bool]:
    """Whether a link is held, at this provider or any, as SQL."""
    waits = and_(brakes.CLOSING, Link.brake.in_(brakes.WAITING))
    return waits if provider is None else and_(Link.provider == provider, waits)


def verb() -> ColumnElement[str]:
    """What would be done to the account of a link that is held, as SQL."""
    return case((Link.goal == links.DELETED, str(Verb.DELETE)), else_=str(Verb.SUSPEND))


def _part(each: HeldGroup) -> str:
    what = {"suspend": "suspension", "delete": "deletion"}[each.verb]
    return f"{each.number:,} {what}{'' if each.number == 1 else 's'} ({USER_TYPES[each.user_type]})"
