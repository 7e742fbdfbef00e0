"""Student statuses: a label of the institution's, a type that rules look at, and what providers do about it (R3)."""

from collections.abc import Sequence
from difflib import get_close_matches

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import scopes
from rolecall.errors import Invalid, Refused, Stale, Unknown
from rolecall.sdk.words import PROVIDER_ACTIONS, STATUS_TYPES
from rolecall.store.folding import canonical
from rolecall.store.tables import Person, StudentStatus


def create(session: Session, *, label: str, type: str, provider_action: str = "nothing") -> StudentStatus:
    """Add a status.

    :raises Invalid: with the sentences of each wrong field.
    """
    label, key = _checked(session, None, label, type, provider_action)
    status = StudentStatus(label=label, label_key=key, type=type, provider_action=provider_action)
    session.add(status)
    session.flush()
    return status


def edit(
    session: Session,
    status_id: int,
    *,
    label: str | None = None,
    type: str | None = None,
    provider_action: str | None = None,
    version: int | None = None,
) -> StudentStatus:
    """Change what is given; students with the status follow its new type at once.

    :raises Invalid: as :func:`create`.
    :raises Stale: when somebody else changed the status since ``version``.
    """
    status = get(session, status_id, lock=True)
    _require_version(status, version)
    type, provider_action = type or status.type, provider_action or status.provider_action  # noqa: A001 - the column's name
    label = status.label if label is None else label
    label, key = _checked(session, status.id, label, type, provider_action)
    if (label, type, provider_action) != (status.label, status.type, status.provider_action):
        status.label, status.label_key, status.type, status.provider_action = label, key, type, provider_action
        status.version += 1
        session.flush()
    return status


def remove(session: Session, status_id: int, *, version: int | None = None) -> None:
    """Delete a status that no student has.

    :raises Refused: while a student has it, or an integration's settings name it.
    :raises Stale: when somebody else changed the status since ``version``.
    """
    status = get(session, status_id, lock=True)
    _require_version(status, version)
    students = session.scalar(select(func.count()).where(Person.status_id == status.id)) or 0
    if students:
        who = "One student has" if students == 1 else f"{students:,} students have"
        raise Refused(f"{who} the status {status.label}.", hint="Give them another status first; the list of people finds them by it.")
    if plugins := scopes.naming(session, scopes.STATUSES, status.id):
        raise Refused(f"The settings of {', '.join(plugins)} name the status {status.label}.", hint="Take it out there first.")
    session.delete(status)
    session.flush()


def every(session: Session) -> Sequence[StudentStatus]:
    """All statuses, in the order in which they were made."""
    return session.scalars(select(StudentStatus).order_by(StudentStatus.id)).all()


def counts(session: Session) -> dict[int, int]:
    """How many students have each status, by the status' id; statuses that nobody has are absent."""
    grouped = select(Person.status_id, func.count()).where(Person.status_id.is_not(None)).group_by(Person.status_id)
    return {status_id: number for status_id, number in session.execute(grouped) if status_id is not None}


def get(session: Session, status_id: int, *, lock: bool = False) -> StudentStatus:
    """Return a status by id; with ``lock`` nobody is given it until this transaction ends.

    :raises Unknown: when there is none.
    """
    # Stronger than for other records: giving somebody the status shares a lock on it, and must wait for what it will mean.
    status = session.get(StudentStatus, status_id, with_for_update=True if lock else None)
    if status is None:
        raise Unknown(f"There is no student status with the id {status_id}.")
    return status


def by_label(session: Session, label: str) -> StudentStatus:
    """Return a status by its label, in any case.

    :raises Unknown: naming the label that comes nearest.
    """
    status = session.scalar(select(StudentStatus).where(StudentStatus.label_key == label_key(label)))
    if status is None:
        near = get_close_matches(label, session.scalars(select(StudentStatus.label)).all(), 1)
        raise Unknown(
            f"There is no student status {label}.", hint=f"Did you mean {near[0]}?" if near else "The settings list the statuses."
        )
    return status


def ids_by_key(session: Session) -> dict[str, int]:
    """Ids of all statuses by the canonical form of their label."""
    return dict(session.execute(select(StudentStatus.label_key, StudentStatus.id)).all())


def first_status(session: Session) -> int | None:
    """The status of a new student whose record names none: ``Registered``, or the first of that type."""
    rows = session.execute(
        select(StudentStatus.id, StudentStatus.label_key).where(StudentStatus.type == "registered").order_by(StudentStatus.id)
    )
    found = rows.all()
    return next((status_id for status_id, key in found if key == "registered"), found[0][0] if found else None)


def label_key(label: str) -> str:
    """The form in which labels are compared.

    :raises Invalid: when it cannot be a label.
    """
    return canonical(label, what="status", words=True)


def _checked(session: Session, own: int | None, label: str, type: str, provider_action: str) -> tuple[str, str]:
    wrong: dict[str, list[str]] = {}
    label, key = " ".join(label.split()), ""
    try:
        key = label_key(label)
    except Invalid as error:
        wrong["label"] = [str(error)]
    if key and session.scalar(select(StudentStatus.id).where(StudentStatus.label_key == key, StudentStatus.id != (own or 0))) is not None:
        wrong["label"] = [f"There is a status {label} already."]
    if type not in STATUS_TYPES:
        wrong["type"] = [_not_one(type, STATUS_TYPES)]
    if provider_action not in PROVIDER_ACTIONS:
        wrong["provider_action"] = [_not_one(provider_action, PROVIDER_ACTIONS)]
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    return label, key


def _require_version(status: StudentStatus, version: int | None) -> None:
    if version is not None and version != status.version:
        raise Stale(
            f"The status {status.label} was changed by somebody else meanwhile.", hint="Reload the page and make your change again."
        )


def _not_one(given: str, choices: Sequence[str]) -> str:
    near = get_close_matches(given[:60], choices, 1)
    return f"{given[:60]!r} is not one of {', '.join(choices)}.{f' Did you mean {near[0]}?' if near else ''}"
