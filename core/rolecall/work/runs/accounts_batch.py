"""Works off a batch of accounts for an action or its undo: requirements, handler, validators, before -> after.

The order inside the transaction is fixed: lock, projection, handler, differing fields, guards, validators, version. Whoever refuses,
a handler, a guard or a validator, takes accounts out and the batch is repeated, so a refused account is untouched.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rolecall.accounts import escalation
from rolecall.errors import Refused
from rolecall.sdk.action import Action, Undo
from rolecall.store.bulk import among
from rolecall.store.tables import Account, RunItem
from rolecall.work import links
from rolecall.work.projection import Fields, difference, project
from rolecall.work.runs import guards
from rolecall.work.runs.context import Accounts, RunContext
from rolecall.work.runs.plan import unmet
from rolecall.work.runs.unit import Effects, Outcome, Unit
from rolecall.work.runs.validators import Validators

Refusals = dict[int, tuple[str, str]]
#: What the fields that differ were, and what they are, by account.
Changes = dict[int, tuple[Fields, Fields]]
#: Fields of an account that lists search and sort by.
_TEXTS = frozenset({"username", "email", "first_name", "last_name"})


def process_action(unit: Unit) -> Effects:
    """Run an action's handler on a batch."""
    action = _action(unit, unit.run.action)
    links.lock_accounts(unit.session, _ids(unit))
    refused = unmet(unit.session, guards.requirements_of(unit.session, unit.actor, action), _ids(unit))

    def call(context: RunContext, accounts: Accounts) -> None:
        action.handler(context, accounts, unit.params)

    return _process(unit, action, refused, call)


def process_undo(unit: Unit) -> Effects:
    """Run an action's undo handler on the accounts that still are as the run left them."""
    action = _action(unit, unit.run.action)
    ids = _ids(unit)
    links.lock_accounts(unit.session, ids)
    origin = unit.session.execute(
        select(RunItem.account_id, RunItem.before, RunItem.after, RunItem.version_after, Account.version)
        .join(Account, Account.id == RunItem.account_id)
        .where(RunItem.run_id == unit.run.undoes, RunItem.account_id.in_(among(unit.session, ids)))
    ).all()
    moved_on = ("changed-since", "It was changed since, so it is left as it is.")
    refused = unmet(unit.session, escalation.requirements(unit.session, unit.actor), ids)
    refused |= {row.account_id: moved_on for row in origin if row.version_after != row.version}
    undos = {row.account_id: Undo(before=row.before or {}, after=row.after or {}, params=unit.params) for row in origin}

    def call(context: RunContext, accounts: Accounts) -> None:
        if action.undo is None:
            raise Refused(f"“{action.label}” cannot be undone.")
        action.undo(context, accounts, {each: undos[each] for each in accounts.ids})

    return _process(unit, action, refused, call)


def _ids(unit: Unit) -> list[int]:
    return [item.account_id for item in unit.items if item.account_id is not None]


def _action(unit: Unit, action_id: str) -> Action:
    action = unit.view.actions.get(action_id)
    if action is None:
        raise Refused(f"The plugin of “{action_id}” is disabled.", hint="Enable it and resume the run.")
    return action


def _process(unit: Unit, action: Action, refused: Refusals, call: Callable[[RunContext, Accounts], None]) -> Effects:
    session = unit.session
    plugin = unit.view.owner(action.id)
    validators = Validators(unit)
    numbers = {item.account_id: item.n for item in unit.items if item.account_id is not None}
    while True:
        ids = [each for each in numbers if each not in refused]
        context = RunContext(unit, plugin, project(session, ids))
        changes: Changes = {}
        if not ids:
            break
        savepoint = session.begin_nested()
        call(context, Accounts(session, ids))
        session.flush()
        newly = dict(context.refused)
        if not newly:
            changes = _changes(session, context)
            newly = guards.refusals(session, unit.actor, changes) or validators.refusals_of(
                {each: before for each, (before, becomes) in changes.items()}
            )
        if not newly:
            savepoint.commit()
            break
        savepoint.rollback()
        session.expire_all()
        _take_out(newly, refused, ids)
    return _effects(unit, action, context, changes, ids, numbers, refused)


def _take_out(newly: Refusals, refused: Refusals, ids: Sequence[int]) -> None:
    fresh = {each: why for each, why in newly.items() if each in ids}
    if not fresh:
        # An account that the action drew in is refused: nobody of this batch can have it changed.
        why = next(iter(newly.values()))
        fresh = dict.fromkeys(ids, why)
    refused.update(fresh)


def _changes(session: Session, context: RunContext) -> Changes:
    after = project(session, list(context.before))
    return {account_id: difference(was, after[account_id]) for account_id, was in context.before.items()}


def _effects(
    unit: Unit, action: Action, context: RunContext, changes: Changes, ids: Sequence[int], numbers: dict[int, int], refused: Refusals
) -> Effects:
    session = unit.session
    for account_id in context.records.keys() & changes.keys():
        (before, becomes), recorded = changes[account_id], context.records[account_id]
        changes[account_id] = (before | recorded[0], becomes | recorded[1])
    changed = [account_id for account_id, (before, becomes) in changes.items() if before or becomes]
    if changed:
        session.execute(
            update(Account).where(Account.id.in_(among(session, changed))).values(version=Account.version + 1),
            execution_options={"synchronize_session": False},
        )
        session.expire_all()
    versions = dict(session.execute(select(Account.id, Account.version).where(Account.id.in_(among(session, context.before)))).all())
    outcomes = [
        Outcome(n=numbers[each], outcome="skipped", code=code, message=message, account_id=each)
        for each, (code, message) in refused.items()
    ]
    drawn_in = [(each, pair) for each, pair in changes.items() if each not in numbers and (pair[0] or pair[1])]
    for each in ids:
        before, becomes = changes[each]
        if each in context.skipped and not before and not becomes:
            code, message = context.skipped[each]
            outcomes.append(Outcome(n=numbers[each], outcome="skipped", code=code, message=message, account_id=each))
            continue
        if drawn_in and each == ids[0]:
            becomes = becomes | {f"account:{other}": pair[1] for other, pair in drawn_in}
            before = before | {f"account:{other}": pair[0] for other, pair in drawn_in}
        outcomes.append(
            Outcome(
                n=numbers[each],
                outcome="done",
                before=before or None,
                after=becomes or None,
                account_id=each,
                version_after=versions[each],
                secret=context.secrets.get(each),
            )
        )
    return Effects(
        outcomes=outcomes,
        touched=frozenset(context.before),
        renamed=frozenset(each for each, (before, becomes) in changes.items() if not _TEXTS.isdisjoint(becomes)),
        behind=frozenset(changed) if action.syncs else frozenset(),
        drawn_in=dict(drawn_in),
    )
