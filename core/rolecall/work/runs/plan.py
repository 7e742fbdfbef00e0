"""What a run would do, before anybody agreed to it: a read, with grouped counts from the requirements' own clauses (R35-R39)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, case, cast, func, literal, null, select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Refused, Unknown
from rolecall.plugins.registry import View
from rolecall.sdk.action import Action
from rolecall.sdk.requirement import Requirement
from rolecall.store.tables import Account
from rolecall.work.runs.selection import Selection, count, select_accounts

EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Accounts that the action does not apply to, with the reason and how many."""

    code: str
    message: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many accounts were selected, how many will change, who for example, and why the others will not."""

    total: int
    will: int
    skipped: Sequence[Skipped]
    #: (id, name, user name) of the first that will change.
    examples: Sequence[tuple[int, str, str]]


def first_unmet(requires: Sequence[Requirement]) -> ColumnElement[Any]:
    """An SQL expression that is the code of the first requirement an account does not fulfil, or null."""
    if not requires:
        return cast(null(), String)
    return case(*((~func.coalesce(each.clause(), False), literal(each.code)) for each in requires), else_=null())


def messages(requires: Sequence[Requirement]) -> Mapping[str, str]:
    """The sentence of each requirement by its code."""
    return {each.code: each.message for each in requires}


def find_action(view: View, actor: Actor, action_id: str) -> Action:
    """Return an enabled action that the actor may run.

    :raises Unknown: when no enabled plugin registers it.
    :raises Forbidden: when the actor's role does not hold its permission.
    """
    action = view.actions.get(action_id)
    if action is None:
        raise Unknown(f"There is no action called {action_id}.", hint="rolecall actions lists what the enabled plugins register.")
    if not actor.may(action.permission):
        raise Forbidden(f"Your role does not allow “{action.label}”.", hint=f"It needs the permission “{action.permission}”.")
    return action


def make_plan(session: Session, view: View, actor: Actor, action_id: str, selection: Selection) -> Plan:
    """Say what running the action on the selection would do. Changes nothing.

    :raises Refused: when the action is for one account at a time and more are selected.
    """
    action = find_action(view, actor, action_id)
    total = count(session, view, selection)
    if total > 1 and not action.bulk:
        raise Refused(f"“{action.label}” is for one account at a time; {total:,} are selected.")
    chosen = select_accounts(session, view, selection).subquery()
    unmet = first_unmet(action.requires)
    # The requirement is asked in the inner statement, where "account" is the table its clause speaks of.
    judged = select(Account.id, unmet.label("unmet")).where(Account.id.in_(select(chosen.c.id))).subquery()
    counted = select(judged.c.unmet, func.count()).group_by(judged.c.unmet)
    grouped: dict[str | None, int] = {row[0]: row[1] for row in session.execute(counted)}
    will = grouped.pop(None, 0)
    reasons = messages(action.requires)
    skipped = [Skipped(code=code, message=reasons[code], count=n) for code, n in sorted(grouped.items(), key=lambda pair: -pair[1]) if code]
    names = (
        select(Account.id, Account.first_name, Account.last_name, Account.username)
        .join(judged, judged.c.id == Account.id)
        .where(judged.c.unmet.is_(None))
        .order_by(Account.last_name, Account.first_name, Account.id)
        .limit(EXAMPLES)
    )
    examples = [(row.id, f"{row.first_name} {row.last_name}".strip(), row.username) for row in session.execute(names)]
    return Plan(total=total, will=will, skipped=skipped, examples=examples)


def why_not(session: Session, actions: Sequence[Action], account_id: int) -> dict[str, str | None]:
    """For one account, tell for each action the sentence why it does not apply, or none where it does: one statement."""
    if not actions:
        return {}
    columns = [first_unmet(action.requires).label(f"a{n}") for n, action in enumerate(actions)]
    row = session.execute(select(*columns).select_from(Account).where(Account.id == account_id)).one_or_none()
    if row is None:
        raise Unknown("There is no such account.")
    return {action.id: messages(action.requires).get(code) if code else None for action, code in zip(actions, row, strict=True)}
