"""What an action foresees of a selection beyond its requirements: whom it would leave out, why, and what the other messages cost (R42).

Owns the place of it in a plan. Asks the database and the settings; what is left to pay with, which somebody else knows, is asked apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.plugins.registry import View
from rolecall.sdk.action import Action
from rolecall.store.tables import Account
from rolecall.work.delivery import asking, quotes
from rolecall.work.delivery.quotes import Quote
from rolecall.work.runs.context import Accounts
from rolecall.work.runs.guards import requirements_of
from rolecall.work.runs.plan import NAMED, Plan, Skipped, first_unmet, make_plan, names_of
from rolecall.work.runs.selection import Selection, select_accounts

if TYPE_CHECKING:
    from rolecall.work.application import Application


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """A plan as the action foresees it, and what its messages cost; no quote where they cost nothing."""

    plan: Plan
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Foresight:
    """What an action may ask when it foresees: the same questions as when it is run."""

    session: Session
    view: View

    def unusable(self, kind: str, addresses: Mapping[int, str]) -> Mapping[int, str]:
        """See :meth:`Context.unusable`."""
        return asking.unusable(self.session, self.view, kind, addresses)

    def over_limits(self, kind: str, addresses: Mapping[int, str]) -> Mapping[int, str]:
        """See :meth:`Context.over_limits`."""
        return asking.over_limits(self.session, self.view, kind, addresses)


def foresee(
    app: "Application",
    session: Session,
    view: View,
    actor: Actor,
    action_id: str,
    selection: Selection,
    params: Mapping[str, Any] | None = None,
) -> Foreseen:
    """Make a plan and let the action foresee what its requirements do not say.

    :param params: as they are loaded; none for those that the dialog begins with.
    :raises Refused: when the action is for one account at a time and more are selected.
    """
    plan = make_plan(session, view, actor, action_id, selection)
    action = view.actions[action_id]
    if action.foresee is None or not plan.will:
        return Foreseen(plan=plan)
    ids = _eligible(session, view, actor, action, selection)
    chosen = action.params().load({}) if params is None else params
    left_out = action.foresee(Foresight(session, view), Accounts(session, ids), chosen)
    going = [each for each in ids if each not in left_out]
    return Foreseen(
        plan=_without(session, plan, going, left_out),
        quote=quotes.quote(session, view, action.sends, going, base_url=app.config.base_url) if action.sends and going else None,
    )


def _eligible(session: Session, view: View, actor: Actor, action: Action, selection: Selection) -> list[int]:
    """The accounts that fulfil the requirements, in the order in which they are run."""
    chosen = select_accounts(session, view, selection, actor)
    first = first_unmet(requirements_of(session, actor, action))
    fulfil = set(session.scalars(select(Account.id).where(Account.id.in_(select(chosen.subquery().c.id)), first.is_(None))))
    return [account_id for account_id, _ in session.execute(chosen) if account_id in fulfil]


def _without(session: Session, plan: Plan, going: Sequence[int], left_out: Mapping[int, tuple[str, str]]) -> Plan:
    reasons: dict[tuple[str, str], list[int]] = {}
    for account_id, why in left_out.items():
        reasons.setdefault(why, []).append(account_id)
    more = [
        Skipped(code=code, message=message, count=len(ids), examples=names_of(session, ids, NAMED))
        for (code, message), ids in sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    ]
    return Plan(total=plan.total, will=len(going), skipped=[*plan.skipped, *more], examples=names_of(session, going))
