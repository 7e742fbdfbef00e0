"""What becomes of accounts when their people may no longer have one, or may again (R7).

Set-based, in the transaction of the change itself. Owns the rule, and not how the change came about: an import, a record edited by hand
and a status that means something else now all ask here. Whoever asks writes list rows, links and history of the accounts it names.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, or_, select, true, update
from sqlalchemy.orm import Session

from rolecall.accounts import escalation, periods, roles, sessions, tokens
from rolecall.accounts.actors import Actor
from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.eligibility import eligible_clause
from rolecall.store.bulk import among, chunks, insert_into
from rolecall.store.engine import is_sqlite
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod
from rolecall.work.projection import Fields, difference, project
from rolecall.work.runs.opening_batch import open_checked, told_of
from rolecall.work.runs.results import NO_ADDRESS
from rolecall.work.runs.validators import Place

CLOSED, REOPENED, OPENED, NOT_OPENED = "deactivated", "reactivated", "opened", "not-opened"
#: The account stays as it is: it is the actor's own, the Global Owner's, or may do more than the actor (Z-05).
OWN, OWNER, HIGHER = "own-account", "owner", escalation.HIGHER
_WHY = {
    OWNER: "stays open: it is the Global Owner's",
    OWN: "stays open: nobody closes the account they are working with",
    HIGHER: "stays as it is: it may do more than you may",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What became of one person's account: a word, a sentence, and the fields of the account that differ."""

    person_id: int
    account_id: int | None
    verdict: str
    message: str
    before: Fields = field(default_factory=dict)
    after: Fields = field(default_factory=dict)


#: By person; people whose account stays as it is are absent.
Consequences = Mapping[int, Consequence]


def flagged(consequences: Consequences) -> frozenset[int]:
    """The accounts that were closed or came back."""
    return frozenset(each.account_id for each in consequences.values() if each.account_id and each.verdict in (CLOSED, REOPENED))


def opened(consequences: Consequences) -> frozenset[int]:
    """The accounts that are new."""
    return frozenset(each.account_id for each in consequences.values() if each.account_id and each.verdict == OPENED)


def told(before: Fields, after: Fields, consequence: Consequence) -> tuple[Fields, Fields]:
    """Add what became of the account, under ``account``, to what changed of its person."""
    return (
        before | ({"account": consequence.before} if consequence.before else {}),
        after | ({"account": consequence.after} if consequence.after else {}),
    )


def eligible_among(session: Session, person_ids: Collection[int]) -> frozenset[int]:
    """Who of these people may have an account now (R4). Waits for whoever else is changing them, so that it stays true."""
    session.flush()
    for part in () if is_sqlite(session) else chunks(person_ids):
        rows = select(Person.id).where(Person.id.in_(among(session, part))).order_by(Person.id).with_for_update(key_share=True)
        session.execute(select(func.count()).select_from(rows.subquery()))
    return frozenset(
        each
        for part in chunks(person_ids)
        for each in session.scalars(select(Person.id).where(Person.id.in_(among(session, part)), eligible_clause()))
    )


def follow(place: Place, actor: Actor, person_ids: Sequence[int], were_eligible: Collection[int], *, now: datetime) -> Consequences:
    """Let accounts follow their people, who were just changed; ``were_eligible`` is what :func:`eligible_among` said before that.

    Who may no longer have an account loses access: the account is deactivated and its sessions end, and nothing of it is lost. Who may
    again gets it back if this rule had closed it, never if a person had. Who may now and has none gets one. The institution may
    switch the first and the last off. What the actor could not do to an account by an action is not done by this rule either.
    """
    session = place.session
    session.flush()
    settings = core_settings(session)
    consequences: dict[int, Consequence] = {}
    for part in chunks(person_ids):
        closing, returning, new = [], [], []
        for row in session.execute(_people(session, part)).all():
            leaves = row.id in were_eligible and not row.eligible
            if leaves and row.active and settings["deactivate_ineligible"]:
                if row.is_owner or row.account_id == actor.account_id:
                    consequences[row.id] = _stays(row, OWNER if row.is_owner else OWN)
                else:
                    closing.append(row)
            elif row.closed_by_rule and row.eligible:
                returning.append(row)
            elif row.account_id is None and row.eligible and row.id not in were_eligible and settings["open_when_eligible"]:
                new.append(row.id)
        higher = escalation.people_beyond(session, actor, [row.id for row in (*closing, *returning)])
        consequences |= {row.id: _stays(row, HIGHER) for row in (*closing, *returning) if row.id in higher}
        allowed = ([row for row in rows if row.id not in higher] for rows in (closing, returning))
        consequences |= _switch(session, actor, *allowed, now=now)
        consequences |= _open(place, actor, new, now)
    return consequences


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the next change of a person may mean for their account; user names, where there is an account that it would concern."""

    #: Would be deactivated when the person may no longer have an account.
    closes: str | None = None
    #: Was deactivated by the rule and would come back.
    returns: str | None = None
    #: There is none, and one would be opened.
    opens: bool = False


def outlook(session: Session, person_id: int) -> Outlook:
    """Tell what becomes of somebody's account when they leave or come back. Reads only."""
    settings = core_settings(session)
    row = session.execute(_people(session, [person_id])).one_or_none()
    if row is None:
        return Outlook()
    if row.account_id is None:
        return Outlook(opens=not row.eligible and settings["open_when_eligible"])
    if row.eligible:
        may_close = row.active and not row.is_owner and settings["deactivate_ineligible"]
        return Outlook(closes=row.username if may_close else None)
    return Outlook(returns=row.username if row.closed_by_rule else None)


def _people(session: Session, ids: Sequence[int]) -> Any:
    undeleted = (Account.person_id == Person.id) & Account.deleted_at.is_(None)
    return (
        select(
            Person.id, eligible_clause().label("eligible"), Account.id.label("account_id"), Account.username, Account.active,
            Account.is_owner, Account.closed_by_rule, Account.deleted_at,
        )
        .join(Account, Account.person_id == Person.id, isouter=True)
        .where(Person.id.in_(among(session, ids)), or_(Account.id.is_(None), undeleted))
    )  # fmt: skip


def _stays(row: Any, verdict: str) -> Consequence:
    message = f"The account {row.username} {_WHY[verdict]}."
    return Consequence(person_id=row.id, account_id=row.account_id, verdict=verdict, message=message)


def _switch(session: Session, actor: Actor, closing: Sequence[Any], returning: Sequence[Any], *, now: datetime) -> dict[int, Consequence]:
    """Close and bring back, and tell what differs in each account."""
    closed, back = [row.account_id for row in closing], [row.account_id for row in returning]
    if not closed and not back:
        return {}
    before = project(session, [*closed, *back])
    _set(session, closed, active=False, closed_by_rule=True)
    sessions.end_all(session, closed)
    tokens.kill_links(session, closed)
    _set(session, back, active=True, closed_by_rule=False)
    _give_default_roles(session, actor, back, now)
    session.expire_all()
    after = project(session, [*closed, *back])
    told = [(row, CLOSED, f"The account {row.username} was deactivated.") for row in closing]
    told += [(row, REOPENED, f"The account {row.username} is active again.") for row in returning]
    consequences = {}
    for row, verdict, message in told:
        was, becomes = difference(before[row.account_id], after[row.account_id])
        consequences[row.id] = Consequence(
            person_id=row.id, account_id=row.account_id, verdict=verdict, message=message, before=was, after=becomes
        )
    return consequences


def _set(session: Session, ids: Sequence[int], **values: bool) -> None:
    if ids:
        statement = update(Account).where(Account.id.in_(among(session, ids))).values(version=Account.version + 1, **values)
        session.execute(statement, execution_options={"synchronize_session": False})


def _give_default_roles(session: Session, actor: Actor, ids: Sequence[int], now: datetime) -> None:
    """Give the default role of their type to accounts whose last role is of an older period than the current one (R50).

    Administrators get none: what they may do is given by a person. Nor is one given that holds more than the actor may give (Z-04).
    """
    period = periods.current(session)
    if not ids or period is None or not period.is_open:
        return
    last = (
        select(func.max(Period.starts_on))
        .join(RolePeriod, RolePeriod.period_id == Period.id)
        .where(RolePeriod.account_id == Account.id)
        .correlate(Account)
        .scalar_subquery()
    )
    defaults = set(roles.default_roles(session).values())
    given = defaults - escalation.roles_beyond(session, actor, defaults)
    rows = (
        select(Account.id, literal(period.id), Role.id, true(), literal(now, RolePeriod.created_at.type))
        .join(Role, Role.user_type == Account.type)
        .where(Account.id.in_(among(session, ids)), Account.type != "administrator", Role.id.in_(given), last < period.starts_on)
        .order_by(Account.id)
    )
    insert = insert_into(session, RolePeriod).from_select(["account_id", "period_id", "role_id", "enabled", "created_at"], rows)
    session.connection().execute(insert)


def _open(place: Place, actor: Actor, people: Sequence[int], now: datetime) -> dict[int, Consequence]:
    """Open accounts; somebody who cannot get one is told about and nothing else of the change is held up by it."""
    if not people:
        return {}
    consequences = {}
    results = open_checked(place, actor, people, now=now)
    after = project(place.session, [each.account_id for each in results if each.account_id is not None])
    for each in results:
        if each.account_id is None:
            message = f"No account was opened. {each.message}"
            consequences[each.person_id] = Consequence(person_id=each.person_id, account_id=None, verdict=NOT_OPENED, message=message)
        else:
            fields = told_of(each, after[each.account_id])
            message = f"The account {fields['username']} was opened." + (f" {NO_ADDRESS}" if each.invited is False else "")
            consequences[each.person_id] = Consequence(
                person_id=each.person_id, account_id=each.account_id, verdict=OPENED, after=fields, message=message
            )
    return consequences
