"""Changes of academic periods: one transaction with its audit entry each; classes that begin or end by it are behind (R59, R59a, R67).

Owns that none of them is left out of the audit, whichever face asks. The rules are in ``accounts.periods``.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, periods
from rolecall.accounts.actors import Actor
from rolecall.errors import Refused
from rolecall.store.tables import Period, RolePeriod
from rolecall.work import class_links, links
from rolecall.work.application import Application
from rolecall.work.documents import Document, period_document


def add_period(app: Application, actor: Actor, values: Mapping[str, Any], *, current: bool = False) -> int:
    """Add a period, open, and make it the current one if asked to; return its id (R59a)."""

    def unit(session: Session) -> int:
        period = periods.create(session, **values)
        if current:
            was = periods.make_current(session, period.id)
            _put_behind(session, was, period)
            class_links.align(session)
        audit.append(session, actor=actor, kind="period.create", payload=period_document(period))
        return period.id

    return app.db.attempt(unit)


def edit_period(
    app: Application, actor: Actor, period_id: int, values: Mapping[str, Any], *, version: int | None = None,
    is_open: bool | None = None, is_current: bool | None = None,
) -> None:  # fmt: skip
    """Change what is given of a period, close or reopen it, make it the current one (R59, R59a).

    :raises Refused: when it is the current one and would be closed or would no longer be current.
    """

    def unit(session: Session) -> None:
        period = periods.get(session, period_id, lock=True)
        before = period_document(period)
        periods.edit(session, period_id, version=version, **values)
        if is_open is True:
            periods.reopen(session, period_id)
        if is_current is True:
            was = periods.make_current(session, period_id)
            _put_behind(session, was, period)
        elif is_current is False and period.is_current:
            raise Refused(f"{period.code} is the current period.", hint="Make another period the current one instead.")
        if is_open is False:
            periods.close(session, period_id)
        session.flush()
        class_links.align(session)
        audit.append(session, actor=actor, kind="period.edit", payload={"before": before, "after": period_document(period)})

    app.db.attempt(unit)


def make_current(session: Session, actor: Actor, period_id: int, *, run_id: int | None = None) -> str | None:
    """Make a period the current one inside a transaction that does more, and return the code of the one that was.

    :raises Refused: when the period is closed.
    """
    period = periods.get(session, period_id, lock=True)
    before = period_document(period)
    was = periods.make_current(session, period_id)
    if was is None or was.id != period_id:
        session.flush()
        _put_behind(session, was, period, run_id=run_id)
        class_links.align(session)
        audit.append(session, actor=actor, kind="period.edit", payload={"before": before, "after": period_document(period)}, run_id=run_id)
    return was.code if was else None


def remove_period(app: Application, actor: Actor, period_id: int, *, version: int | None = None) -> Document:
    """Delete a period in which nobody has a role, and return what it was (R59a).

    :raises Refused: when it is the current one, or an account has or had a role in it.
    :raises Stale: when somebody else changed it since ``version``.
    """

    def unit(session: Session) -> Document:
        document = period_document(periods.remove(session, period_id, version=version))
        audit.append(session, actor=actor, kind="period.delete", payload=document)
        return document

    return app.db.attempt(unit)


def _put_behind(session: Session, was: Period | None, period: Period, *, run_id: int | None = None) -> None:
    """Put whoever has a role in the period that was current, or in the one that is, behind: scope and role are read in it (R54)."""
    if was is None or was.id != period.id:
        session.flush()
        ids = [period.id, *([was.id] if was else [])]
        links.behind(session, select(RolePeriod.account_id).where(RolePeriod.period_id.in_(ids)), run_id=run_id)
