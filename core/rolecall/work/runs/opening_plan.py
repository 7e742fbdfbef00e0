"""What opening accounts would do, before anybody says yes: how many, who is left out and why, and the user names of the first (R4, R49).

A read: nothing is claimed, so a name may be another one by the time the account is opened.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import eligibility, usernames
from rolecall.accounts.core_settings import username_formats
from rolecall.errors import Invalid
from rolecall.sdk.words import LISTS
from rolecall.store.bulk import chunks
from rolecall.store.tables import Account, Person, StudentStatus

#: People shown with the name that they would get.
EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPlan:
    """``will`` of ``total`` people get an account. ``skipped`` are (sentence, number); ``examples`` (name, list, user name)."""

    total: int
    will: int
    skipped: Sequence[tuple[str, int]] = field(default=())
    examples: Sequence[tuple[str, str, str]] = field(default=())


def plan_opening(session: Session, *, people: Sequence[int] | None = None, people_list: str | None = None) -> OpeningPlan:
    """Plan what ``start_opening`` would do with the same people or list.

    :raises Invalid: for a list that does not exist.
    """
    if people_list is not None and people_list not in LISTS:
        raise Invalid(f"There is no list called {people_list!r}.", hint=f"The lists are {', '.join(LISTS)}.")
    if people is None:
        chosen = [~select(Account.id).where(Account.person_id == Person.id).exists(), eligibility.eligible_clause()]
        if people_list:
            chosen.append(Person.list == people_list)
        total = session.scalar(select(func.count()).select_from(Person).where(*chosen)) or 0
        first = list(session.scalars(select(Person.id).where(*chosen).order_by(Person.id).limit(EXAMPLES)))
        return OpeningPlan(total=total, will=total, examples=_examples(session, first))
    fit, reasons = _judge(session, list(dict.fromkeys(people)))
    return OpeningPlan(
        total=len(fit) + reasons.total(), will=len(fit), skipped=reasons.most_common(), examples=_examples(session, fit[:EXAMPLES])
    )


def _judge(session: Session, people: Sequence[int]) -> tuple[list[int], Counter[str]]:
    fit: list[int] = []
    reasons: Counter[str] = Counter()
    for chunk in chunks(people):
        rows = session.execute(
            select(Person.id, Person.list, Person.active, StudentStatus.label, StudentStatus.type, Account.id.label("account_id"))
            .outerjoin(StudentStatus, StudentStatus.id == Person.status_id)
            .outerjoin(Account, Account.person_id == Person.id)
            .where(Person.id.in_(chunk))
            .order_by(Person.id)
        )
        for row in rows:
            if row.account_id is not None:
                reasons["The person has an account already."] += 1
                continue
            refused = eligibility.refusal(people_list=row.list, active=row.active, status=row.label, status_type=row.type)
            if refused is None:
                fit.append(row.id)
            else:
                reasons[refused] += 1
    return fit, reasons


def _examples(session: Session, ids: Sequence[int]) -> list[tuple[str, str, str]]:
    people = session.scalars(select(Person).where(Person.id.in_(ids)).order_by(Person.id)).all()
    names = usernames.propose(session, people, username_formats(session))
    return [(f"{each.first_name} {each.last_name}", each.list, names[each.id]) for each in people]
