"""What the safety limits hold at a provider, for somebody to look at: approved, approved without deletions, or discarded (R62).

Owns that a decision covers exactly what was shown, that guarded accounts are approved by name or not at all, and that who decided is in the
audit. What is held is `limits`' to say.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.errors import CountChanged, Refused
from rolecall.store import reach
from rolecall.store.engine import now
from rolecall.store.tables import Account, Link, Run
from rolecall.work import brakes, changes, links
from rolecall.work.sync.held_groups import is_held, verb

if TYPE_CHECKING:
    from rolecall.work.application import Application

#: Accounts that one entry of the audit names; of more it says how many.
_NAMED = 1_000
_BY_NAME = "Administrators, the owner and protected accounts are approved one by one, and nothing else is held here."


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLink:
    """One account that would be closed: what would be done, since when it waits, and the run that asked for it, if one did."""

    link_id: int
    account_id: int
    username: str
    name: str
    user_type: str
    verb: str
    guarded: bool
    since: datetime
    run_id: int | None
    run_action: str | None
    run_actor: str | None


def held_links(
    session: Session, provider: str, *, limit: int = 50, after: int = 0, offset: int = 0, accounts: Sequence[int] | None = None
) -> list[HeldLink]:
    """Return a part of what is held at a provider, or of what is held of these accounts there, in the order of the links."""
    statement = (
        select(
            Link.id, Link.account_id, Account.username, Account.first_name, Account.last_name, Account.type, verb().label("verb"),
            Link.brake, Link.changed_at, Link.run_id, Run.action, Run.actor_label,
        )
        .join(Account, Account.id == Link.account_id)
        .outerjoin(Run, Run.id == Link.run_id)
        .where(is_held(provider), Link.id > after, *_only(accounts))
        .order_by(Link.id)
        .limit(limit)
        .offset(offset)
    )  # fmt: skip
    return [
        HeldLink(
            link_id=row.id, account_id=row.account_id, username=row.username, name=f"{row.first_name} {row.last_name}".strip(),
            user_type=row.type, verb=row.verb, guarded=row.brake == brakes.GUARDED, since=row.changed_at, run_id=row.run_id,
            run_action=row.action, run_actor=row.actor_label,
        )
        for row in session.execute(statement)
    ]  # fmt: skip


def approve(
    app: "Application",
    actor: Actor,
    provider: str,
    *,
    expected: int,
    shown_at: datetime | None = None,
    deletions: bool = True,
    accounts: Sequence[int] | None = None,
) -> int:
    """Let what is held go on, and return how many accounts that are. Without ``deletions``, who was to be deleted is suspended instead.

    ``expected`` is how many were shown, ``shown_at`` when: what was held since then is not approved by it. ``accounts``: only these, which
    were shown by themselves. Guarded accounts are among what is approved only if they are named so; else they stay held.

    :raises CountChanged: when it is not what was shown.
    :raises Refused: when nothing is held, or only what has to be named.
    """
    return _decide(app, actor, provider, "sync.approve", expected=expected, shown_at=shown_at, deletions=deletions, accounts=accounts)


def discard(
    app: "Application",
    actor: Actor,
    provider: str,
    *,
    expected: int,
    shown_at: datetime | None = None,
    accounts: Sequence[int] | None = None,
) -> int:
    """Give up closing what is held, or these ``accounts``, and return how many that are: they stay at the provider as they are.

    :raises CountChanged: when it is not what was shown.
    :raises Refused: when nothing is held.
    """
    return _decide(app, actor, provider, "sync.discard", expected=expected, shown_at=shown_at, accounts=accounts)


def _decide(
    app: "Application",
    actor: Actor,
    provider: str,
    kind: str,
    *,
    expected: int,
    shown_at: datetime | None,
    deletions: bool = True,
    accounts: Sequence[int] | None = None,
) -> int:
    def unit(session: Session) -> int:
        shown = [*_only(accounts), *([] if shown_at is None else [Link.held_at <= shown_at])]
        statement = select(Link.id, Link.account_id, Link.brake, verb().label("verb")).join(Account, Account.id == Link.account_id)
        statement = statement.where(is_held(provider), *shown, *reach.accounts(actor.types)).order_by(Link.id)
        links.lock_accounts(session, [row.account_id for row in session.execute(statement)])
        rows = session.execute(statement.with_for_update(of=Link)).all()
        if len(rows) != expected:
            message = f"{expected:,} accounts were held when you saw it, and of these {len(rows):,} are now. Look again."
            raise CountChanged(message, count=len(rows))
        if not rows:
            raise Refused("Nothing is held at this provider.", hint="Changes that wait for another reason are on its sync page.")
        if kind == "sync.approve" and accounts is None:
            rows = [row for row in rows if row.brake != brakes.GUARDED]
            if not rows:
                raise Refused(_BY_NAME, hint="Choose one of them, or name it: rolecall sync approve PROVIDER --account USERNAME.")
        count = 0
        for part in links.parts(session, [row.id for row in rows]):
            which = and_(Link.id.in_(part), is_held(provider))
            count += links.let_close(session, which, deleting=deletions) if kind == "sync.approve" else links.leave_open(session, which)
        payload: dict[str, object] = {"provider": provider, "links": count, "verbs": dict(Counter(row.verb for row in rows))}
        if kind == "sync.approve":
            payload["deletions"] = deletions
        if len(rows) <= _NAMED:
            payload["accounts"] = [row.account_id for row in rows]
        audit.append(session, actor=actor, kind=kind, payload=payload, account_id=rows[0].account_id if len(rows) == 1 else None)
        return count

    count = app.db.attempt(unit)
    changes.wake(app)
    return count


def _only(accounts: Sequence[int] | None) -> list[ColumnElement[bool]]:
    return [] if accounts is None else [Link.account_id.in_(accounts)]


def moment_of(session: Session) -> datetime:
    """When what is read now is shown; a decision names it."""
    return now(session)
