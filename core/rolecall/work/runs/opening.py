"""Begins runs that open accounts for people of the roster (R1, R4)."""

from collections.abc import Sequence

from sqlalchemy import func, insert, literal, select
from sqlalchemy.orm import Session

from rolecall.accounts import escalation
from rolecall.accounts.actors import Actor
from rolecall.accounts.eligibility import eligible_clause
from rolecall.errors import Forbidden, Invalid
from rolecall.sdk.words import LISTS
from rolecall.store import reach
from rolecall.store.engine import now
from rolecall.store.tables import Account, Person, Run, RunItem
from rolecall.work.application import Application
from rolecall.work.runs.selection import Selection
from rolecall.work.runs.start import Request, begin, digest, go_on, known_run, new_run, raise_refusal, unique


def start_opening(
    app: Application,
    actor: Actor,
    *,
    people: Sequence[int] | None = None,
    people_list: str | None = None,
    idempotency_key: str | None = None,
) -> int:
    """Begin a run that opens accounts: for these people, or for every eligible person of a list (or of all) without one.

    :raises Refused: when one person was named and the rules of R4 stand against it.
    :raises Forbidden: for a list that the actor's rights do not reach, or whose default role holds more than the actor may give.
    """
    actor.require("accounts:create")
    if people_list is not None and people_list not in LISTS:
        raise Invalid(f"There is no list called {people_list!r}.", hint=f"The lists are {', '.join(LISTS)}.")
    if people_list is not None:
        escalation.require_list(people_list, actor)
    chosen = tuple(dict.fromkeys(people)) if people is not None else None
    request = Request(
        action="accounts.open",
        selection=Selection(ids=chosen) if chosen is not None else Selection(words={"list": people_list or "all"}),
        idempotency_key=idempotency_key,
    )
    body = digest(app, request)

    def freeze(session: Session) -> tuple[int, bool]:
        known = known_run(session, actor, idempotency_key, body)
        if known is not None:
            return known, False
        if chosen is not None:
            _refuse_unknown(session, actor, chosen)
        elif people_list and (why := escalation.lists_not_to_open(session, actor).get(people_list)):
            raise Forbidden(why, code=escalation.HIGHER)
        params = {"list": people_list} if people_list else {}
        run = new_run(session, actor, kind="open", action="accounts.open", params=params, request=request, body=body)
        run.filter = None
        total = _freeze_people(session, run, actor, chosen, people_list)
        begin(app, run, total, now(session))
        return run.id, run.state == "running"

    run_id = go_on(app, *unique(app, freeze))
    if chosen is not None and len(chosen) == 1:
        raise_refusal(app, run_id)
    return run_id


def _refuse_unknown(session: Session, actor: Actor, people: Sequence[int]) -> None:
    known = set(session.scalars(select(Person.id).where(Person.id.in_(people), *reach.people(actor.types))))
    missing = [str(each) for each in people if each not in known]
    if missing:
        raise Invalid(f"There is no person with the id {', '.join(missing[:5])}.")


def _freeze_people(session: Session, run: Run, actor: Actor, chosen: Sequence[int] | None, people_list: str | None) -> int:
    statement = select(Person.id).where(*reach.people(actor.types))
    if chosen is not None:
        statement = statement.where(Person.id.in_(chosen))
    else:
        # Of a whole list, those who cannot have an account or have one already are not news.
        statement = statement.where(~select(Account.id).where(Account.person_id == Person.id).exists(), eligible_clause())
        if people_list:
            statement = statement.where(Person.list == people_list)
    people = statement.subquery()
    order = func.row_number().over(order_by=people.c.id)
    session.execute(
        insert(RunItem).from_select(
            ["run_id", "n", "person_id", "outcome"], select(literal(run.id), order, people.c.id, literal("waiting"))
        )
    )
    return session.scalar(select(func.count()).select_from(RunItem).where(RunItem.run_id == run.id)) or 0
