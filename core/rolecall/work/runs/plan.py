"""What a run would do, before anybody agreed to it: a read, with grouped counts from the requirements' own clauses (R35-R39)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, cast, func, literal, null, select
from sqlalchemy.orm import Session

from rolecall.accounts import escalation
from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Refused, Unknown
from rolecall.plugins.registry import View
from rolecall.sdk.action import Action
from rolecall.sdk.requirement import Requirement
from rolecall.store.bulk import among
from rolecall.store.tables import Account
from rolecall.work.runs.guards import own_requirements, requirements_of
from rolecall.work.runs.selection import Selection, count, select_accounts

#: Accounts that are named: of those that will change, and of those that are skipped for one reason.
EXAMPLES, NAMED = 5, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Accounts that the action does not apply to, with the reason and how many."""

    code: str
    message: str
    count: int
    #: (id, name, user name) of the first of them.
    examples: Sequence[tuple[int, str, str]] = ()


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


def unmet(session: Session, requires: Sequence[Requirement], ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return the accounts among these that do not fulfil the requirements, each with the code and sentence of the first."""
    if not requires or not ids:
        return {}
    first = first_unmet(requires)
    rows = session.execute(select(Account.id, first).where(Account.id.in_(among(session, ids)), first.is_not(None)))
    reasons = messages(requires)
    return {account_id: (code, reasons[code]) for account_id, code in rows}


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


def refuse_pages(action: Action) -> None:
    """Refuse to run what only a page of the web application does.

    :raises Refused: saying so.
    """
    if action.page is not None:
        raise Refused(f"“{action.label}” is done on the web pages only.", hint="Open the account there.", code="web-only")


def make_plan(session: Session, view: View, actor: Actor, action_id: str, selection: Selection) -> Plan:
    """Say what running the action on the selection would do. Changes nothing.

    :raises Refused: when the action is for one account at a time and more are selected.
    """
    action = find_action(view, actor, action_id)
    refuse_pages(action)
    total = count(session, view, selection, actor)
    if total > 1 and not action.bulk:
        raise Refused(f"“{action.label}” is for one account at a time; {total:,} are selected.")
    chosen = select_accounts(session, view, selection, actor).subquery()
    requires = requirements_of(session, actor, action)
    first = first_unmet(requires)
    # The requirement is asked in the inner statement, where "account" is the table its clause speaks of.
    judged = select(Account.id, first.label("unmet")).where(Account.id.in_(select(chosen.c.id))).subquery()
    counted = select(judged.c.unmet, func.count()).group_by(judged.c.unmet)
    grouped: dict[str | None, int] = {row[0]: row[1] for row in session.execute(counted)}
    will = grouped.pop(None, 0)
    reasons = messages(requires)
    skipped = [
        Skipped(
            code=code, message=reasons[code], count=n, examples=_names(session, select(judged.c.id).where(judged.c.unmet == code), NAMED)
        )
        for code, n in sorted(grouped.items(), key=lambda pair: -pair[1])
        if code
    ]
    examples = _names(session, select(judged.c.id).where(judged.c.unmet.is_(None)), EXAMPLES)
    return Plan(total=total, will=will, skipped=skipped, examples=examples)


def names_of(session: Session, ids: Sequence[int], most: int = EXAMPLES) -> Sequence[tuple[int, str, str]]:
    """(id, name, user name) of the first of these accounts, in the order of names."""
    return _names(session, among(session, ids), most)


def _names(session: Session, ids: Select[Any], most: int) -> Sequence[tuple[int, str, str]]:
    found = (
        select(Account.id, Account.first_name, Account.last_name, Account.username)
        .where(Account.id.in_(ids))
        .order_by(Account.last_name, Account.first_name, Account.id)
        .limit(most)
    )
    return [(row.id, f"{row.first_name} {row.last_name}".strip(), row.username) for row in session.execute(found)]


def why_not(session: Session, actor: Actor, actions: Sequence[Action], account_id: int) -> dict[str, str | None]:
    """For one account, tell for each action the sentence why the actor cannot do it, or none where it applies."""
    if not actions:
        return {}
    first = escalation.requirements(session, actor)
    requires = {action.id: (*first, *own_requirements(actor, action)) for action in actions}
    sentences = {action_id: messages(each) for action_id, each in requires.items()}
    columns = [first_unmet(each).label(f"a{n}") for n, each in enumerate(requires.values())]
    row = session.execute(select(*columns).select_from(Account).where(Account.id == account_id)).one_or_none()
    if row is None:
        raise Unknown("There is no such account.")
    return {action.id: sentences[action.id].get(code) if code else None for action, code in zip(actions, row, strict=True)}
