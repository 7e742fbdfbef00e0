"""The safety limits: how many accounts may be suspended or deleted at a provider in a day before somebody is asked (R62).

Owns the decision, which is taken once for each change that closes an account, before it is claimed, and counted in the database: what was
done within the limits in the last 24 hours, and what is due. Knows nothing of approvals; calls nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, exists, false, func, null, or_, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import WORKER
from rolecall.sdk.integration import IntegrationSettings
from rolecall.sdk.provider import Provider, Verb
from rolecall.store.tables import Account, Link, Person, PluginState
from rolecall.work import brakes
from rolecall.work.links import DELETED, PRESENT, RELEASED, SUSPENDED
from rolecall.work.sync import alert
from rolecall.work.sync.claim import is_any_undecided, undecided

#: Fewer accounts of one user type at the provider than this are no mass.
POPULATION = 20
WITHIN = timedelta(hours=24)

#: A user type and what is done to its accounts: each such pair is counted by itself.
Kind = tuple[str, str]

_OPTIONS = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most this share of the accounts of one user type, and at most this number, whichever is lower."""

    percent: int
    number: int

    def of(self, population: int) -> int | None:
        """How many that is; none where there are too few accounts for a limit.

        One account alone is no mass, unless the institution says that each needs somebody: with zero.
        """
        if population < POPULATION:
            return None
        return max(self._fewest, min(self.number, population * self.percent // 100))

    def is_exceeded(self, number: int, population: int) -> bool:
        """Whether so many of so many accounts are more than the limit allows."""
        most = self.of(population)
        return most is not None and number > most

    def enough(self, number: int) -> int:
        """Up to how many accounts have to be counted to know whether ``number`` of them are too many: more change nothing about it."""
        if number <= self._fewest:
            return 0
        if number > self.number or not self.percent:
            return POPULATION
        return max(POPULATION, -(-number * 100 // self.percent))

    @property
    def _fewest(self) -> int:
        return 1 if self.percent and self.number else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What is counted of one user type and verb: ``done`` in the last day, and ``due``."""

    done: int = 0
    due: int = 0


def limits_of(settings: Mapping[str, Any]) -> dict[str, Limit]:
    """Return the limits that an integration's settings say, by verb; what is absent has its default."""
    facts = {**IntegrationSettings().load({}), **{name: value for name, value in settings.items() if value is not None}}
    return {
        str(Verb.SUSPEND): Limit(percent=int(facts["suspensions_percent"]), number=int(facts["suspensions_number"])),
        str(Verb.DELETE): Limit(percent=int(facts["deletions_percent"]), number=int(facts["deletions_number"])),
    }


def decide(session: Session, provider: Provider, moment: datetime) -> None:
    """Decide about every change of a provider that would close an account and that nobody decided about yet.

    Whatever is above a limit is held, with everything else of its user type and verb that is not on its way; the rest may go. Two workers
    decide one after the other, so together they let no more through than one would.
    """
    if not is_any_undecided(session, provider.id, moment):
        return
    session.execute(select(PluginState.plugin).where(PluginState.plugin == provider.id).with_for_update())
    closing = _Closing(provider)
    limits = limits_of(provider.settings)
    counts = count(session, provider, moment)
    over = [kind for kind, counted in counts.items() if _exceeds(session, provider.id, kind, counted, limits[kind[1]])]
    above = or_(false(), *(and_(Account.type == user_type, closing.verb == verb) for user_type, verb in over))
    asked = func.coalesce(Link.brake == brakes.ASKED, false())
    verdict = case(
        (~closing.closes, brakes.IDLE),
        (brakes.is_guarded(), case((asked, brakes.ALONE), else_=brakes.GUARDED)),
        (above, brakes.HELD),
        else_=brakes.FREE,
    )
    held = _mark(session, _people(select(Link.id, verdict.label("brake")).where(undecided(provider.id, moment))), moment)
    if over:
        waiting = and_(Link.provider == provider.id, brakes.CLOSING, Link.brake == brakes.FREE)
        unclaimed = or_(Link.leased_until.is_(None), Link.leased_until <= moment)
        free = select(Link.id, case((above, brakes.HELD)).label("brake")).where(waiting, unclaimed, ~brakes.is_guarded(), above)
        held += _mark(session, _people(free), moment)
    if held:
        alert.tell(session, provider.id, now=moment)
        payload = {"provider": provider.id, "links": held, "over": [list(kind) for kind in sorted(over)]}
        audit.append(session, actor=WORKER, kind="sync.held", payload=payload)


def count(session: Session, provider: Provider, moment: datetime) -> dict[Kind, Count]:
    """Count what closes accounts at a provider, by user type and verb; what somebody let through does not count, nor who is guarded."""
    closing = _Closing(provider)
    not_approved = or_(Link.brake.is_(None), Link.brake.not_in((brakes.APPROVED, brakes.ALONE)))
    due = _people(select(Account.type, closing.verb.label("verb"), func.count().label("number")))
    due = due.where(Link.provider == provider.id, brakes.CLOSING, Link.goal != RELEASED, closing.closes, not_approved, ~brakes.is_guarded())
    due = due.group_by(Account.type, "verb")
    done = select(Account.type, Link.closed_by.label("verb"), func.count().label("number")).join(Account, Account.id == Link.account_id)
    done = done.where(Link.provider == provider.id, Link.closed_at > moment - WITHIN, ~brakes.is_guarded())
    done = done.group_by(Account.type, Link.closed_by)
    by_due, by_done = _numbers(session.execute(due)), _numbers(session.execute(done))
    return {kind: Count(done=by_done.get(kind, 0), due=by_due.get(kind, 0)) for kind in by_due.keys() | by_done.keys()}


def guarded_among(session: Session, account_ids: Sequence[int]) -> frozenset[int]:
    """Return those of these accounts that are closed only when somebody asks for them by themselves."""
    if not account_ids:
        return frozenset()
    return frozenset(session.scalars(select(Account.id).where(Account.id.in_(account_ids), brakes.is_guarded())))


class _Closing:
    """What `work.sync.plan` would do to close an account, as SQL over link and person."""

    def __init__(self, provider: Provider) -> None:
        is_there = or_(Link.external_id.is_not(None), Link.sealed_password.is_not(None))
        resumes = Link.sent[("tried", "verbs")].as_string().like(f'%"{Verb.RESUME}"%')
        is_open = or_(func.coalesce(Link.sent["suspended"].as_boolean(), false()) == false(), func.coalesce(resumes, false()))
        deletes = Link.goal == DELETED if provider.can("delete") else false()
        suspends = and_(Link.goal.in_((SUSPENDED, DELETED)), ~deletes, is_open) if provider.can("suspend") else false()
        self.closes = and_(~Person.no_sync, is_there, or_(deletes, suspends))
        self.verb = case((deletes, str(Verb.DELETE)), else_=str(Verb.SUSPEND))


def _people(statement: Select[Any]) -> Select[Any]:
    return statement.join_from(Link, Account, Account.id == Link.account_id).join(Person, Person.id == Account.person_id)


def _numbers(rows: Iterable[Any]) -> dict[Kind, int]:
    return {(row.type, row.verb): int(row.number) for row in rows}


def _exceeds(session: Session, provider: str, kind: Kind, counted: Count, limit: Limit) -> bool:
    """Whether this is more than the limit allows, of the accounts that are there.

    Those are counted no further than it takes to know: of a large school that is a few hundred, and for a mass nobody at all.
    """
    number = counted.done + counted.due
    # Who is open there, and who was until now; of deletions, whoever has an account there.
    known = number if kind[1] == Verb.SUSPEND else counted.done
    missing = limit.enough(number) - known
    return limit.is_exceeded(number, known + (_there(session, provider, kind, missing) if missing > 0 else 0))


def _there(session: Session, provider: str, kind: Kind, most: int) -> int:
    """How many accounts of a user type are at a provider, counted up to ``most``: who is to be open there, or for deletions everybody."""
    user_type, verb = kind
    goal = Link.goal == PRESENT if verb == Verb.SUSPEND else Link.goal != RELEASED
    linked = exists().where(Link.account_id == Account.id, Link.provider == provider, Link.external_id.is_not(None), goal)
    found = select(Account.id).where(Account.type == user_type, ~brakes.is_guarded(), linked).limit(most)
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def _mark(session: Session, found: Select[Any], moment: datetime) -> int:
    """Write the verdicts down and return how many links are held by them. Rows that somebody is changing are left to the next time."""
    marked = found.order_by(Link.id).with_for_update(skip_locked=True, of=Link).cte("marked").prefix_with("MATERIALIZED")
    waits = marked.c.brake.in_(brakes.WAITING)
    values = {
        "brake": marked.c.brake,
        "held_at": case((waits, moment), else_=null()),
        # Out of the way of what is due: a mass of them is not read with every claim.
        "not_before": case((waits, null()), else_=Link.not_before),
    }
    statement = update(Link).where(Link.id == marked.c.id).values(values).returning(Link.brake)
    rows = session.execute(statement, execution_options=_OPTIONS).all()
    return sum(1 for row in rows if row.brake in brakes.WAITING)
