"""What a run's page asks of its items: the reasons with their numbers, a page with the failures first, and what an undo would find.

Reads only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.store.tables import Account, Run, RunItem
from rolecall.work.runs.documents import Document, item_documents, items_query

#: What an office looks at first stands first.
ORDER = ("failed", "skipped", "done", "waiting")
#: The code of accounts that were opened and not invited (R51), what is said of each, and the run's fact that counts them.
NOT_INVITED = "not-invited"
NO_ADDRESS = "No invitation was sent, because the person's record has no e-mail."
NOT_INVITED_FACT = "not_invited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why items of one outcome ended so, and how many."""

    outcome: str
    code: str
    message: str
    count: int


def reasons(session: Session, run_id: int) -> list[Reason]:
    """The reasons of skipped and failed items, the most frequent first; where texts differ, one of them stands for its code.

    Accounts that were opened and not invited are named too, once the run that opened them has ended.
    """
    number = func.count().label("number")
    rows = session.execute(
        select(RunItem.outcome, RunItem.code, func.min(RunItem.message), number)
        .where(RunItem.run_id == run_id, RunItem.outcome.in_(("failed", "skipped")), RunItem.code.is_not(None))
        .group_by(RunItem.outcome, RunItem.code)
        .order_by(RunItem.outcome, number.desc())
    )
    found = [Reason(outcome=outcome, code=code or "", message=message or code or "", count=count) for outcome, code, message, count in rows]
    not_invited = session.get_one(Run, run_id).facts.get(NOT_INVITED_FACT)
    return [*found, Reason(outcome="done", code=NOT_INVITED, message=NO_ADDRESS, count=not_invited)] if not_invited else found


def items_page(
    session: Session,
    run_id: int,
    counts: Mapping[str, int],
    *,
    outcome: str | None = None,
    code: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Sequence[Document]:
    """One page of a run's items, by outcome in the order of :data:`ORDER` and then by number; ``counts`` are those of the run."""
    if outcome or code:
        return item_documents(session, items_query(run_id, outcome=outcome, code=code).limit(limit).offset(offset))
    found: list[Document] = []
    # Outcome by outcome, so that each statement follows the index however many items there are.
    for each in ORDER:
        if offset < counts[each]:
            found += item_documents(session, items_query(run_id, outcome=each).limit(limit - len(found)).offset(offset))
            if len(found) >= limit:
                break
        offset = max(0, offset - counts[each])
    return found


def undoable(session: Session, run_id: int) -> tuple[int, int]:
    """How many accounts an undo would take back, and how many it would leave because they were changed since."""
    as_left = RunItem.version_after == Account.version
    rows = session.execute(
        select(as_left, func.count())
        .join(Account, Account.id == RunItem.account_id)
        .where(RunItem.run_id == run_id, RunItem.outcome == "done")
        .group_by(as_left)
    )
    counted = {bool(same): count for same, count in rows}
    return counted.get(True, 0), counted.get(False, 0)
