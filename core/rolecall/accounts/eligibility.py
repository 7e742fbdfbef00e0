"""Who may have an account (R4): as SQL over ``person``, and as a sentence about one person.

Owns the rule and nothing else; both forms must say the same.
"""

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from rolecall.store.tables import Person, StudentStatus


def eligible_clause() -> ColumnElement[bool]:
    """A predicate over ``person``: active, and a student also of a status of type *registered*."""
    registered = select(StudentStatus.id).where(StudentStatus.type == "registered")
    return and_(Person.active.is_(True), or_(Person.list != "students", Person.status_id.in_(registered)))


def refusal(*, people_list: str, active: bool, status: str | None, status_type: str | None) -> str | None:
    """Say why a person cannot have an account, or none where they can."""
    if not active:
        return "The person is not active (rule: accounts are for active people). Make the record active first."
    if people_list == "students" and status_type != "registered":
        having = f"has the status {status}" if status else "has no status"
        return f"The student {having} (rule: accounts are for registered students). Give them a status of the type “registered” first."
    return None


def refusal_of(session: Session, person_id: int) -> str | None:
    """As :func:`refusal`, for a person of the table; a person who is gone cannot have an account."""
    row = session.execute(
        select(Person.list, Person.active, StudentStatus.label, StudentStatus.type)
        .join(StudentStatus, StudentStatus.id == Person.status_id, isouter=True)
        .where(Person.id == person_id)
    ).one_or_none()
    if row is None:
        return "The person does not exist any more."
    return refusal(people_list=row.list, active=row.active, status=row.label, status_type=row.type)
