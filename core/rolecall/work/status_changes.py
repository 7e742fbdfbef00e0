"""Changes of student statuses: each is one transaction with its audit entry, and with what follows for accounts of students (R3, R7, R67).

A status that means something else now is a change of every student who has it: what became of their accounts is kept as a run that is
done already, so that each account's history tells of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, statuses
from rolecall.accounts.actors import Actor
from rolecall.accounts.core_settings import core_settings
from rolecall.errors import CountChanged, Refused
from rolecall.store import listing
from rolecall.store.engine import now
from rolecall.store.tables import Account, Person, StudentStatus
from rolecall.work import leaving, links
from rolecall.work.application import Application
from rolecall.work.documents import Document, status_document
from rolecall.work.leaving import Consequences
from rolecall.work.runs.outcomes import write_outcomes
from rolecall.work.runs.start import new_run
from rolecall.work.runs.unit import Outcome
from rolecall.work.runs.validators import Outside, Validators


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """How many students have a status, and how many of their accounts would be deactivated, come back or be opened."""

    students: int
    deactivated: int = 0
    reactivated: int = 0
    opened: int = 0

    @property
    def accounts(self) -> int:
        """How many accounts that are together: the number that whoever agrees has seen."""
        return self.deactivated + self.reactivated + self.opened


def foresee(app: Application, status_id: int, new_type: str | None) -> Foreseen:
    """Count what another type of a status would mean for the accounts of its students. Reads only.

    Counts whom the actor's rights do not reach as well, because the status is theirs too and they follow it. Somebody whose account
    cannot be opened, because of their e-mail or a plugin, is counted and told about afterwards.

    :raises Unknown: when there is no such status.
    """
    with app.db.read() as session:
        return _foresee(session, status_id, new_type)


def add_status(app: Application, actor: Actor, values: Mapping[str, Any]) -> int:
    """Add a student status and return its id (R3)."""

    def unit(session: Session) -> int:
        status = statuses.create(session, **values)
        audit.append(session, actor=actor, kind="status.create", payload=status_document(status))
        return status.id

    return app.db.attempt(unit)


def edit_status(
    app: Application, actor: Actor, status_id: int, values: Mapping[str, Any], *, version: int | None = None, expected: int | None = None
) -> int | None:
    """Change what is given of a status; accounts of its students follow at once, here (R7) and at the providers (R3).

    ``expected`` is the number of accounts that was shown to whoever agreed. Returns the run that tells what became of accounts, or
    none where nothing did.

    :raises CountChanged: when other accounts than expected would follow.
    :raises Stale: when somebody else changed the status since ``version``.
    :raises Refused: when it would close the account that the actor works with, or a plugin's service could not take it.
    """

    def unit(session: Session) -> tuple[int | None, frozenset[str]]:
        at, view = now(session), app.plugins.view(session)
        status = statuses.get(session, status_id, lock=True)
        before = status_document(status)
        if expected is not None and (found := _foresee(session, status_id, values.get("type")).accounts) != expected:
            raise CountChanged(f"{expected:,} accounts would have followed when you saw it, and {found:,} do now. Look again.", count=found)
        holders = select(Account.id).join(Person, Person.id == Account.person_id).where(Person.status_id == status_id)
        links.lock_accounts(session, holders)
        people = list(session.scalars(select(Person.id).where(Person.status_id == status_id).order_by(Person.id)))
        were_eligible = leaving.eligible_among(session, people)
        statuses.edit(session, status_id, version=version, **values)
        after = status_document(status)
        if after == before:
            return None, frozenset()
        place = Outside(app=app, session=session, view=view)
        followed = leaving.follow(place, actor, people, were_eligible, now=at) if after["type"] != before["type"] else {}
        _refuse(Validators(place), followed)
        run_id = _write(app, session, actor, status, followed, at) if followed else None
        # Labels and types are facts about a person that a provider may be told as well.
        fallen = links.behind(session, holders, run_id=run_id)
        audit.append(session, actor=actor, kind="status.edit", payload={"before": before, "after": after, "run": run_id})
        return run_id, frozenset(view.providers) if fallen else frozenset()

    run_id, wake = app.db.attempt(unit)
    for provider in wake:
        app.nudge("drain", provider, 0)
    return run_id


def remove_status(app: Application, actor: Actor, status_id: int, *, version: int | None = None) -> Document:
    """Delete a status that no student has, and return what it was (R3).

    :raises Refused: while a student has it.
    :raises Stale: when somebody else changed it since ``version``.
    """

    def unit(session: Session) -> Document:
        document = status_document(statuses.get(session, status_id, lock=True))
        statuses.remove(session, status_id, version=version)
        audit.append(session, actor=actor, kind="status.delete", payload=document)
        return document

    return app.db.attempt(unit)


def _foresee(session: Session, status_id: int, new_type: str | None) -> Foreseen:
    status = statuses.get(session, status_id)
    students = session.scalar(select(func.count()).where(Person.status_id == status_id)) or 0
    was, becomes = status.type == "registered", (new_type or status.type) == "registered"
    if was == becomes:
        return Foreseen(students=students)
    wanted = core_settings(session)
    theirs = (
        select(func.count()).select_from(Person).outerjoin(Account, Account.person_id == Person.id)
        .where(Person.status_id == status_id, Person.active, Account.deleted_at.is_(None))
    )  # fmt: skip
    if was:
        closing = session.scalar(theirs.where(Account.active, ~Account.is_owner)) or 0
        return Foreseen(students=students, deactivated=closing if wanted["deactivate_ineligible"] else 0)
    new = session.scalar(theirs.where(Account.id.is_(None))) or 0
    return Foreseen(
        students=students,
        reactivated=session.scalar(theirs.where(Account.closed_by_rule)) or 0,
        opened=new if wanted["open_when_eligible"] else 0,
    )


def _refuse(validators: Validators, followed: Consequences) -> None:
    """Refuse all of it where one account must not follow."""
    if any(each.verdict == leaving.OWN for each in followed.values()):
        raise Refused("This would deactivate the account you are working with.", hint="Ask another administrator to do it.")
    changed = {each.account_id: each.before for each in followed.values() if each.account_id and each.before}
    refused = validators.refusals_of(changed)
    for _code, message in refused.values():
        others = f" ({len(refused) - 1:,} more accounts are refused.)" if len(refused) > 1 else ""
        raise Refused(f"{message}{others}")


def _write(app: Application, session: Session, actor: Actor, status: StudentStatus, followed: Consequences, at: datetime) -> int:
    """Keep what became of accounts as a run that is done, with list rows and evidence like every other."""
    run = new_run(session, actor, kind="status", action="statuses.edit", params={"status": status.label, "type": status.type})
    run.state, run.started_at, run.finished_at = "done", at, now(session)
    listing.refresh(session, leaving.opened(followed))
    listing.refresh_flags(session, leaving.flagged(followed))
    outcomes = [
        Outcome(
            n=n, outcome="done" if each.before or each.after else "skipped", code=each.verdict, message=each.message,
            before=each.before or None, after=each.after or None, person_id=each.person_id, account_id=each.account_id,
        )
        for n, each in enumerate(followed.values(), 1)
    ]  # fmt: skip
    digests = write_outcomes(app, session, run, [], outcomes)
    payload = {"action": run.action, "params": run.params, "reason": None, "items": digests}
    audit.append(session, actor=actor, kind="run.status", payload=payload, run_id=run.id, at=at)
    return run.id
