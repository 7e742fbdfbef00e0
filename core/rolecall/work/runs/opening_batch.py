"""Works off a batch of people for whom accounts are opened (R1, R4, R49, R50), and invites them where the institution wants that (R51)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import escalation, invitations, opening
from rolecall.accounts.actors import Actor
from rolecall.accounts.opening import Opened
from rolecall.store.bulk import among
from rolecall.store.tables import Person, RunItem
from rolecall.work.projection import Fields, project
from rolecall.work.runs.results import NO_ADDRESS, NOT_INVITED, NOT_INVITED_FACT
from rolecall.work.runs.unit import Effects, Outcome, Unit
from rolecall.work.runs.validators import Place, Validators


def process_open(unit: Unit) -> Effects:
    """Open the accounts of one batch; people that the rules or a plugin refuse are skipped with the sentence."""
    numbers = {item.person_id: item.n for item in unit.items if item.person_id is not None}
    results = open_checked(unit, unit.actor, list(numbers), now=unit.now)
    ids = [each.account_id for each in results if each.account_id is not None]
    after = project(unit.session, ids)
    outcomes = []
    for each in results:
        n = numbers[each.person_id]
        if each.account_id is None:
            outcomes.append(Outcome(n=n, outcome="skipped", code=each.code, message=each.message, person_id=each.person_id))
        else:
            code, message = (NOT_INVITED, NO_ADDRESS) if each.invited is False else (None, None)
            outcomes.append(
                Outcome(
                    n=n, outcome="done", code=code, message=message, after=told_of(each, after[each.account_id]), version_after=1,
                    account_id=each.account_id, person_id=each.person_id,
                )
            )  # fmt: skip
    return Effects(outcomes=outcomes, renamed=frozenset(ids), behind=frozenset(ids))


def count_not_invited(unit: Unit) -> None:
    """Keep with the run how many of its accounts were not invited for want of an address, when it ends."""
    here = (RunItem.run_id == unit.run_id, RunItem.outcome == "done", RunItem.code == NOT_INVITED)
    number = unit.session.scalar(select(func.count()).select_from(RunItem).where(*here))
    if number:
        unit.run.facts = {**unit.run.facts, NOT_INVITED_FACT: number}


def told_of(opened: Opened, account: Fields) -> dict[str, Any]:
    """What the history says of an account that was opened: what it has, and whether its invitation was queued."""
    fields = {name: value for name, value in account.items() if value not in (None, False)}
    return fields | {"invitation": "queued"} if opened.invited else fields


def open_checked(
    place: Place, actor: Actor, people: Sequence[int], *, now: datetime, given: Mapping[str, int] | None = None
) -> list[Opened]:
    """Open accounts for these people and ask the plugins; whom one of them refuses is left without, with its sentence.

    ``given`` has roles by user type, in place of the default ones. An account that would get a default role beyond the actor's own rights
    is not opened either (Z-04). Whose type the institution invites on creation is invited in the same transaction (R51), on behalf of the
    run that this is part of, if it is one.
    """
    session = place.session
    validators = Validators(place)
    refused = _not_theirs_to_open(session, actor, people)
    while True:
        savepoint = session.begin_nested()
        left = [each for each in people if each not in refused]
        opened = opening.open_accounts(session, left, keyring=place.app.keyring, now=now, given=given)
        session.flush()
        ids = {each.account_id: each.person_id for each in opened if each.account_id is not None}
        newly = validators.refusals(list(ids))
        if not newly:
            savepoint.commit()
            invited = invitations.invite_new(session, list(ids), run_id=place.run_id, now=now)
            opened = [replace(each, invited=invited.get(each.account_id or 0)) for each in opened]
            return [*opened, *(Opened(person_id=each, code=code, message=why) for each, (code, why) in refused.items())]
        savepoint.rollback()
        session.expire_all()
        refused.update({ids[each]: why for each, why in newly.items()})


def _not_theirs_to_open(session: Session, actor: Actor, people: Sequence[int]) -> dict[int, tuple[str, str]]:
    outside = escalation.people_out_of_reach(session, actor, people)
    refused = dict.fromkeys(outside, (escalation.OUT_OF_REACH, "Your role does not reach people of this list."))
    why = escalation.lists_not_to_open(session, actor)
    if why:
        theirs = select(Person.id, Person.list).where(Person.id.in_(among(session, people)), Person.list.in_(why))
        refused |= {row.id: (escalation.HIGHER, why[row.list]) for row in session.execute(theirs)}
    return refused
