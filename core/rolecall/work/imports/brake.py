"""People who are missing from a complete file have left: stages them, under a brake (R6)."""

from collections.abc import Sequence

from sqlalchemy import Integer, exists, func, insert, literal, not_, select
from sqlalchemy.orm import Session

from rolecall.accounts import escalation
from rolecall.accounts.actors import Actor
from rolecall.accounts.core_settings import core_settings
from rolecall.store import reach
from rolecall.store.tables import Account, ImportRow, Person, RunItem
from rolecall.store.tables.base import Json

#: Below this many people in a list a share says nothing, so the brake is off.
SMALLEST_POPULATION = 20


def stage_leaving(
    session: Session, actor: Actor, run_id: int, start: int, lists: Sequence[str], *, people: int, nameless: int
) -> tuple[int, list[str]]:
    """Stage everybody active in these lists whom no row names, with one statement; rejected rows name people too.

    Whom the actor's rights do not reach, and whose account may do more than the actor, stays (R58).

    ``people`` rows were read, and of ``nameless`` ones nobody can say whom they name. Returns how many leave, and the sentences of
    the brake: none, or why the import is held.
    """
    share = int(core_settings(session)["import_shrink_percent"])
    # Who is only named as a member of a class is not in the file of people.
    of_person = (ImportRow.run_id == run_id, ImportRow.class_key.is_(None), ImportRow.code_key == Person.code_key)
    in_file = select(ImportRow.n).where(*of_person, ImportRow.list == Person.list)
    # A row that could not be read to its list names whoever has the code.
    named = select(ImportRow.n).where(*of_person, ImportRow.list.is_(None))
    active = [Person.list.in_(lists), Person.active.is_(True), *reach.people(actor.types)]
    if actor.permissions is not None:
        higher = exists().where(Account.person_id == Person.id, escalation.may_do_more(session, actor))
        active.append(not_(higher.correlate(Person)))
    populations = dict(session.execute(select(Person.list, func.count()).where(*active).group_by(Person.list)).all())
    missing = select(Person.id, Person.list, Person.code_key, Person.code).where(*active, ~in_file.exists(), ~named.exists())
    leaving = missing.order_by(Person.list, Person.id).subquery()
    counted = select(leaving.c.list, func.count()).group_by(leaving.c.list)
    gone: dict[str, int] = {row[0]: row[1] for row in session.execute(counted)}
    number = (func.row_number().over(order_by=(leaving.c.list, leaving.c.id)) + literal(start, Integer)).label("n")
    staged = select(literal(run_id), number, literal(0), leaving.c.list, leaving.c.code_key, literal("leaving"), literal({}, Json))
    session.execute(insert(ImportRow).from_select(["run_id", "n", "row", "list", "code_key", "verdict", "data"], staged))
    items = (
        select(
            literal(run_id),
            ImportRow.n,
            Person.id,
            literal("waiting"),
            literal("leaving"),
            literal("Not in the file, which is declared complete: becomes inactive."),
            literal({"active": True}, Json),
            literal({"active": False}, Json),
        )
        .join(Person, (Person.list == ImportRow.list) & (Person.code_key == ImportRow.code_key))
        .where(ImportRow.run_id == run_id, ImportRow.verdict == "leaving", ImportRow.class_key.is_(None))
    )
    columns = ["run_id", "n", "person_id", "outcome", "code", "message", "before", "after"]
    session.execute(insert(RunItem).from_select(columns, items))
    held = _brake(lists, populations, gone, share, empty=people == 0)
    if nameless and gone:
        held.append(f"{nameless:,} rows cannot be read, and may name some of the {sum(gone.values()):,} people who would become inactive.")
    return sum(gone.values()), held


def _brake(lists: Sequence[str], populations: dict[str, int], gone: dict[str, int], share: int, *, empty: bool) -> list[str]:
    held = ["The file is empty."] if empty else []
    for people_list in lists:
        population, left = populations.get(people_list, 0), gone.get(people_list, 0)
        if population >= SMALLEST_POPULATION and left * 100 > population * share:
            held.append(f"{left:,} of {population:,} active {people_list} are not in the file, which is more than {share} %.")
    return held
