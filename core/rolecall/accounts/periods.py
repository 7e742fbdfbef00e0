"""Academic periods: created, edited, made current, closed and deleted (R59, R59a).

Owns that exactly one period is current, by an administrator's word and never by its dates. Roles in them belong to ``role_periods``.
"""

import re
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from rolecall.errors import Invalid, Refused, Stale, Unknown
from rolecall.store.folding import canonical
from rolecall.store.tables import Account, Period, Role, RolePeriod, SchoolClass, WebSession

_LONGEST_CODE = 60
_LONGEST_NAME = 200
_NUMBERS = re.compile(r"[0-9]+")


def create(session: Session, *, code: str, name: str, starts_on: date, ends_on: date) -> Period:
    """Add a period, open and not current.

    :raises Invalid: with the sentences of each wrong field; a code that is taken is one of them.
    """
    code, code_key, name = _checked(session, None, code, name, starts_on, ends_on)
    period = Period(
        code=code, code_key=code_key, name=name, starts_on=starts_on, ends_on=ends_on, is_open=True, is_current=False, version=1
    )
    session.add(period)
    session.flush()
    return period


def edit(
    session: Session,
    period_id: int,
    *,
    version: int | None = None,
    code: str | None = None,
    name: str | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
) -> Period:
    """Change what is given.

    :raises Invalid: as :func:`create`.
    :raises Stale: when somebody else changed the period since ``version``.
    """
    period = get(session, period_id, lock=True)
    _require_version(period, version)
    starts_on, ends_on = starts_on or period.starts_on, ends_on or period.ends_on
    code = period.code if code is None else code
    period.code, period.code_key, period.name = _checked(
        session, period.id, code, period.name if name is None else name, starts_on, ends_on
    )
    period.starts_on, period.ends_on = starts_on, ends_on
    _bump(session, period)
    return period


def make_current(session: Session, period_id: int, *, version: int | None = None) -> Period | None:
    """Make a period the current one and return the one that was (R59).

    :raises Refused: when the period is closed.
    """
    period = get(session, period_id, lock=True)
    _require_version(period, version)
    if not period.is_open:
        raise Refused(f"The period {period.code} is closed, so it cannot be the current one.", hint="Open it again first.")
    before = current(session)
    if before is not None and before.id == period.id:
        return before
    # The old one first: the database allows one current period at any moment.
    session.execute(update(Period).where(Period.is_current.is_(True)).values(is_current=False, version=Period.version + 1))
    period.is_current = True
    _bump(session, period)
    return before


def close(session: Session, period_id: int, *, version: int | None = None) -> Period:
    """Close a period: its roles stay and can be looked at, nobody is given one there any more (R59a).

    :raises Refused: when it is the current one.
    """
    period = get(session, period_id, lock=True)
    _require_version(period, version)
    if period.is_current:
        raise Refused(f"{period.code} is the current period.", hint="Make another period the current one, then close this one.")
    if period.is_open:
        period.is_open = False
        _bump(session, period)
    return period


def reopen(session: Session, period_id: int, *, version: int | None = None) -> Period:
    """Open a closed period again."""
    period = get(session, period_id, lock=True)
    _require_version(period, version)
    if not period.is_open:
        period.is_open = True
        _bump(session, period)
    return period


def remove(session: Session, period_id: int, *, version: int | None = None) -> Period:
    """Delete a period in which nobody has a role, not even a remembered one, and return what it was (R59a).

    Whoever's session still worked there follows the current period: without a role it had no access anyway.

    :raises Refused: when it is the current one or in use.
    :raises Stale: when somebody else changed the period since ``version``.
    """
    # The whole row: whoever gives a role in it just now is waited for, and whoever comes later finds it gone.
    period = session.get(Period, period_id, with_for_update=True)
    if period is None:
        raise Unknown(f"There is no period with the id {period_id}.")
    _require_version(period, version)
    why = why_not_removable(session, period)
    if why:
        hint = "Make another period the current one first." if period.is_current else "Close it instead."
        raise Refused(why, hint=hint)
    session.execute(update(WebSession).where(WebSession.period_id == period.id).values(period_id=None))
    session.delete(period)
    session.flush()
    return period


def why_not_removable(session: Session, period: Period) -> str | None:
    """Say what stands against deleting a period, or none when nothing does."""
    if period.is_current:
        return f"{period.code} is the current period."
    having = session.scalar(select(func.count()).select_from(RolePeriod).where(RolePeriod.period_id == period.id)) or 0
    if having:
        who = "One account has" if having == 1 else f"{having:,} accounts have"
        return f"{who} a role in {period.code}, disabled ones included."
    classes = session.scalar(select(func.count()).select_from(SchoolClass).where(SchoolClass.period_id == period.id)) or 0
    if classes:
        return f"{'One class is' if classes == 1 else f'{classes:,} classes are'} in {period.code}."
    return None


def current(session: Session) -> Period | None:
    """Return the current period; none only before there is any."""
    return session.scalar(select(Period).where(Period.is_current.is_(True)))


def every(session: Session) -> Sequence[Period]:
    """All periods: the current one, then the newest."""
    return session.scalars(select(Period).order_by(Period.is_current.desc(), Period.starts_on.desc(), Period.id.desc())).all()


def counts(session: Session) -> dict[int, int]:
    """How many accounts have an enabled role in each period, by the period's id; periods without any are absent."""
    grouped = select(RolePeriod.period_id, func.count()).where(RolePeriod.enabled.is_(True)).group_by(RolePeriod.period_id)
    return dict(session.execute(grouped).all())


def left_out(session: Session, period_id: int) -> int:
    """How many accounts could sign in now and could not any more if this period were the current one (R59)."""
    now_current = select(Period.id).where(Period.is_current).scalar_subquery()
    open_accounts = (Account.active, Account.deleted_at.is_(None), ~Account.is_owner)
    return (
        session.scalar(select(func.count()).select_from(Account).where(*open_accounts, enabled_in(now_current), ~enabled_in(period_id)))
        or 0
    )


def enabled_in(period: Any) -> ColumnElement[bool]:
    """The clause over ``account`` that is true for whoever has a role in a period that lets them in: enabled, and active itself."""
    having = select(RolePeriod.id).join(Role, Role.id == RolePeriod.role_id)
    return having.where(RolePeriod.account_id == Account.id, RolePeriod.period_id == period, RolePeriod.enabled, Role.active).exists()


def get(session: Session, period_id: int, *, lock: bool = False) -> Period:
    """Return a period by id; with ``lock`` as it is once nobody else is changing it, for whoever goes by what it says.

    :raises Unknown: when there is none.
    """
    period = session.get(Period, period_id, with_for_update={"key_share": True} if lock else None)
    if period is None:
        raise Unknown(f"There is no period with the id {period_id}.")
    return period


def by_code(session: Session, code: str) -> Period:
    """Return a period by its code, in any case.

    :raises Unknown: naming the code that comes nearest.
    """
    period = session.scalar(select(Period).where(Period.code_key == canonical(code, what="period", words=True, longest=_LONGEST_CODE)))
    if period is None:
        codes = session.scalars(select(Period.code)).all()
        near = get_close_matches(code, codes, 1)
        raise Unknown(f"There is no period {code}.", hint=f"Did you mean {near[0]}?" if near else "Add it on the periods page.")
    return period


def following(period: Period) -> dict[str, Any]:
    """What the period after this one is probably called, and when it is: every number that is a year is one higher (R59a)."""
    numbers = {str(each.year): str(each.year + 1) for each in (period.starts_on, period.ends_on)}
    numbers |= {old[2:]: new[2:] for old, new in numbers.items()}

    def later(text: str) -> str:
        return _NUMBERS.sub(lambda found: numbers.get(found[0], found[0]), text)

    return {
        "code": later(period.code), "name": later(period.name), "starts_on": _year_later(period.starts_on),
        "ends_on": _year_later(period.ends_on),
    }  # fmt: skip


def academic_year(today: date) -> int:
    """The year in which the academic year of a day began: from August on this one, before that the last one."""
    return today.year if today.month >= 8 else today.year - 1


def _checked(session: Session, own: int | None, code: str, name: str, starts_on: date, ends_on: date) -> tuple[str, str, str]:
    wrong: dict[str, list[str]] = {}
    code, name, key = " ".join(code.split()), " ".join(name.split()), ""
    try:
        key = canonical(code, what="code", words=True, longest=_LONGEST_CODE)
    except Invalid as error:
        wrong["code"] = [str(error)]
    if key == "all":
        wrong["code"] = ["“all” is a word of the filters. Choose another code."]
    if key and session.scalar(select(Period.id).where(Period.code_key == key, Period.id != (own or 0))) is not None:
        wrong["code"] = [f"There is a period {code} already."]
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        wrong["name"] = [f"Give the period a name of at most {_LONGEST_NAME} characters."]
    if ends_on < starts_on:
        wrong["ends_on"] = ["The period ends before it begins."]
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    return code, key, name


def _year_later(day: date) -> date:
    # The 29th of February is the 28th a year later.
    return day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _require_version(period: Period, version: int | None) -> None:
    if version is not None and version != period.version:
        raise Stale(f"The period {period.code} was changed by somebody else meanwhile.", hint="Reload the page and make your change again.")


def _bump(session: Session, period: Period) -> None:
    period.version += 1
    session.flush()
