"""What opening accounts would do, before anybody says yes: who, who is left out and why, who is invited, the first names (R4, R49, R51).

A read: nothing is claimed, so a name may be another one by the time the account is opened.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from rolecall.accounts import eligibility, escalation, invitations, usernames
from rolecall.accounts.actors import Actor
from rolecall.accounts.core_settings import username_formats
from rolecall.errors import Invalid
from rolecall.sdk.words import LISTS
from rolecall.store import reach
from rolecall.store.bulk import among, chunks
from rolecall.store.tables import Account, Person, StudentStatus

#: People shown with the name that they would get.
EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPlan:
    """``will`` of ``total`` people get an account. ``skipped`` are (sentence, number); ``examples`` (name, list, user name).

    ``invited`` of them get an invitation at once, ``unreachable`` would and have no e-mail in their record.
    """

    total: int
    will: int
    skipped: Sequence[tuple[str, int]] = field(default=())
    examples: Sequence[tuple[str, str, str]] = field(default=())
    invited: int = 0
    unreachable: int = 0


def plan_opening(session: Session, actor: Actor, *, people: Sequence[int] | None = None, people_list: str | None = None) -> OpeningPlan:
    """Plan what ``start_opening`` would do with the same people or list.

    :raises Invalid: for a list that does not exist.
    :raises Forbidden: for a list that the actor's rights do not reach.
    """
    if people_list is not None and people_list not in LISTS:
        raise Invalid(f"There is no list called {people_list!r}.", hint=f"The lists are {', '.join(LISTS)}.")
    if people_list is not None:
        escalation.require_list(people_list, actor)
    not_to_open = escalation.lists_not_to_open(session, actor)
    if people is None:
        chosen = [~select(Account.id).where(Account.person_id == Person.id).exists(), eligibility.eligible_clause()]
        chosen += reach.people(actor.types)
        if people_list:
            chosen.append(Person.list == people_list)
        counted: dict[str, int] = dict(session.execute(select(Person.list, func.count()).where(*chosen).group_by(Person.list)).all())
        skipped = Counter({why: counted[each] for each, why in not_to_open.items() if each in counted})
        opens = select(Person.id).where(*chosen, Person.list.not_in(not_to_open)).order_by(Person.id)
        first = list(session.scalars(opens.limit(EXAMPLES)))
        total = sum(counted.values())
        invited, unreachable = _invited(session, [*chosen, Person.list.not_in(not_to_open)])
        return OpeningPlan(
            total=total, will=total - skipped.total(), skipped=tuple(skipped.most_common()), examples=_examples(session, first),
            invited=invited, unreachable=unreachable,
        )  # fmt: skip
    fit, reasons = _judge(session, actor, list(dict.fromkeys(people)), not_to_open)
    invited, unreachable = _invited(session, [Person.id.in_(among(session, fit))])
    return OpeningPlan(
        total=len(fit) + reasons.total(), will=len(fit), skipped=reasons.most_common(), examples=_examples(session, fit[:EXAMPLES]),
        invited=invited, unreachable=unreachable,
    )  # fmt: skip


def _invited(session: Session, chosen: Sequence[ColumnElement[bool]]) -> tuple[int, int]:
    """How many of these people are invited on creation, and how many have no address for it."""
    lists = invitations.lists_invited(session)
    if not lists:
        return 0, 0
    has_address = Person.email.is_not(None) & (Person.email != "")
    rows = session.execute(select(has_address, func.count()).where(Person.list.in_(lists), *chosen).group_by(has_address)).all()
    counted = {bool(has): number for has, number in rows}
    return counted.get(True, 0), counted.get(False, 0)


def _judge(session: Session, actor: Actor, people: Sequence[int], not_to_open: Mapping[str, str]) -> tuple[list[int], Counter[str]]:
    fit: list[int] = []
    reasons: Counter[str] = Counter()
    for chunk in chunks(people):
        rows = session.execute(
            select(Person.id, Person.list, Person.active, StudentStatus.label, StudentStatus.type, Account.id.label("account_id"))
            .outerjoin(StudentStatus, StudentStatus.id == Person.status_id)
            .outerjoin(Account, Account.person_id == Person.id)
            .where(Person.id.in_(chunk), *reach.people(actor.types))
            .order_by(Person.id)
        )
        for row in rows:
            if row.account_id is not None:
                reasons["The person has an account already."] += 1
                continue
            refused = eligibility.refusal(people_list=row.list, active=row.active, status=row.label, status_type=row.type)
            refused = refused or not_to_open.get(row.list)
            if refused is None:
                fit.append(row.id)
            else:
                reasons[refused] += 1
    return fit, reasons


def _examples(session: Session, ids: Sequence[int]) -> list[tuple[str, str, str]]:
    people = session.scalars(select(Person).where(Person.id.in_(ids)).order_by(Person.id)).all()
    names = usernames.propose(session, people, username_formats(session))
    return [(f"{each.first_name} {each.last_name}", each.list, names[each.id]) for each in people]
