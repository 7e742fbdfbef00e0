"""What is missing from a complete import of classes: classes end, members are taken out, under the brake (R6, R60a)."""

from sqlalchemy import ColumnElement, Integer, Subquery, exists, func, insert, literal, null, select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.accounts.core_settings import core_settings
from rolecall.store import reach
from rolecall.store.tables import ClassMember, ImportRow, Period, Person, RunItem, SchoolClass
from rolecall.store.tables.base import Json
from rolecall.work.imports.brake import SMALLEST_POPULATION

_ENDS = "Not in the file, which is declared complete: the class ends."
_GOES = "Not in the class any more by the file, which is declared complete."
_ROW = ["run_id", "n", "row", "list", "code_key", "period_key", "class_key", "verdict", "data"]
_ITEM = ["run_id", "n", "person_id", "outcome", "code", "message", "before", "after"]


def stage_class_leaving(
    session: Session, actor: Actor, run_id: int, start: int, *, memberships: int, nameless: int
) -> tuple[int, list[str]]:
    """Stage classes that no row names, in the periods that have some in the file; and whom no row names, in the classes of the file.

    Rejected rows name too. A file without a single member says nothing about members, and closed periods stay as they are. Whom the
    actor's rights do not reach stays, and so does a class with such a member (R58). Of ``nameless`` rows nobody can say what they name.
    Returns how many classes and members go, and the sentences of the brake.
    """
    share = int(core_settings(session)["import_shrink_percent"])
    ended, classes = _stage_ending(session, actor, run_id, start)
    gone, members = _stage_going(session, actor, run_id, start + ended) if memberships else (0, 0)
    held = []
    for left, population, words in ((ended, classes, "classes of the periods"), (gone, members, "members of the classes")):
        if population >= SMALLEST_POPULATION and left * 100 > population * share:
            held.append(f"{left:,} of {population:,} {words} in the file are not in it, which is more than {share} %.")
    if nameless and (ended or gone):
        going = " and ".join(f"{number:,} {word}" for number, word in ((ended, "classes"), (gone, "members")) if number)
        held.append(f"{nameless:,} rows about classes cannot be read, and may name some of the {going} that would go.")
    return ended + gone, held


def _stage_ending(session: Session, actor: Actor, run_id: int, start: int) -> tuple[int, int]:
    in_file = select(ImportRow.period_key).where(ImportRow.run_id == run_id, ImportRow.class_key.is_not(None))
    taught = [Period.code_key.in_(in_file), Period.is_open, SchoolClass.active.is_(True)]
    if actor.types is not None:
        reached = select(Person.id).where(*reach.people(actor.types))
        other = exists().where(ClassMember.class_id == SchoolClass.id, ClassMember.person_id.not_in(reached))
        taught.append(~other.correlate(SchoolClass))
    of_period = select(SchoolClass.id, SchoolClass.code_key, Period.code_key.label("period_key")).join(
        Period, Period.id == SchoolClass.period_id
    )
    population = _count(session, of_period.where(*taught).subquery())
    leaving = of_period.where(*taught, ~_named(run_id)).order_by(SchoolClass.id).subquery()
    number = (func.row_number().over(order_by=leaving.c.id) + literal(start, Integer)).label("n")
    rows = select(
        literal(run_id), number, literal(0), null(), null(), leaving.c.period_key, leaving.c.code_key, literal("leaving"),
        literal({"kind": "class"}, Json),
    )  # fmt: skip
    session.execute(insert(ImportRow).from_select(_ROW, rows))
    items = select(
        literal(run_id), ImportRow.n, null(), literal("waiting"), literal("leaving"), literal(_ENDS), literal({"active": True}, Json),
        literal({"active": False}, Json),
    ).where(ImportRow.run_id == run_id, ImportRow.n > start, ImportRow.verdict == "leaving")  # fmt: skip
    session.execute(insert(RunItem).from_select(_ITEM, items))
    return _staged(session, run_id, start), population


def _stage_going(session: Session, actor: Actor, run_id: int, start: int) -> tuple[int, int]:
    row = ImportRow.__table__.alias("ending")
    ends = exists().where(
        row.c.run_id == run_id, row.c.period_key == Period.code_key, row.c.class_key == SchoolClass.code_key, row.c.list.is_(None),
        row.c.data["active"].as_boolean().is_(False),
    )  # fmt: skip
    members = (
        select(ClassMember.class_id, ClassMember.person_id, Person.list, Person.code_key, SchoolClass.code_key.label("class_key"),
               Period.code_key.label("period_key"))
        .join(SchoolClass, SchoolClass.id == ClassMember.class_id)
        .join(Period, Period.id == SchoolClass.period_id)
        .join(Person, Person.id == ClassMember.person_id)
        .where(Period.is_open, SchoolClass.active.is_(True), _named(run_id), ~ends, *reach.people(actor.types))
    )  # fmt: skip
    named = exists().where(
        ImportRow.run_id == run_id, ImportRow.period_key == Period.code_key, ImportRow.class_key == SchoolClass.code_key,
        ImportRow.list == Person.list, ImportRow.code_key == Person.code_key,
    )  # fmt: skip
    population = _count(session, members.subquery())
    leaving = members.where(~named.correlate(Period, SchoolClass, Person)).subquery()
    number = (func.row_number().over(order_by=(leaving.c.class_id, leaving.c.person_id)) + literal(start, Integer)).label("n")
    rows = select(
        literal(run_id), number, literal(0), leaving.c.list, leaving.c.code_key, leaving.c.period_key, leaving.c.class_key,
        literal("leaving"), literal({"kind": "membership"}, Json),
    )  # fmt: skip
    session.execute(insert(ImportRow).from_select(_ROW, rows))
    items = (
        select(literal(run_id), ImportRow.n, Person.id, literal("waiting"), literal("leaving"), literal(_GOES), null(), null())
        .join(Person, (Person.list == ImportRow.list) & (Person.code_key == ImportRow.code_key))
        .where(ImportRow.run_id == run_id, ImportRow.n > start, ImportRow.verdict == "leaving")
    )
    session.execute(insert(RunItem).from_select(_ITEM, items))
    return _staged(session, run_id, start), population


def _named(run_id: int) -> ColumnElement[bool]:
    """That some row of the file is about the class, or about somebody in it."""
    row = ImportRow.__table__.alias("naming")
    of_file = (row.c.run_id == run_id, row.c.verdict != "leaving")
    return exists().where(*of_file, row.c.period_key == Period.code_key, row.c.class_key == SchoolClass.code_key)


def _staged(session: Session, run_id: int, start: int) -> int:
    new = (ImportRow.run_id == run_id, ImportRow.n > start, ImportRow.verdict == "leaving")
    return session.scalar(select(func.count()).select_from(ImportRow).where(*new)) or 0


def _count(session: Session, rows: Subquery) -> int:
    return session.scalar(select(func.count()).select_from(rows)) or 0
