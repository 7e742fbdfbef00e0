"""The figures that monitoring asks for: of the sync, runs, messages, sign-ins and workers. Numbers of things, never of whom.

Each is counted from what is under way or went wrong, by an index, so that asking every few seconds costs nothing that is felt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import messages
from rolecall.sdk.words import RUN_STATES
from rolecall.store.engine import now
from rolecall.store.tables import Delivery, Run, SignIn
from rolecall.work import heartbeat
from rolecall.work.heartbeat import Work
from rolecall.work.sync import totals
from rolecall.work.sync.health import Health, health

if TYPE_CHECKING:
    from rolecall.plugins.registry import View

#: Sign-ins of so long are told of ...
RECENT = timedelta(minutes=15)
#: ... and of these at most so many are looked at.
SIGN_INS = 20_000
ACTIVE = RUN_STATES[1:3]
#: What may become of a message that is not simply on its way or there.
DELIVERY_STATES = ("queued", "unknown", "bounced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What there is to know at ``at``. Totals and deliveries are by names, sign-ins by result; ages are in seconds."""

    at: datetime
    providers: Sequence[Health]
    totals: Mapping[str, Mapping[str, Mapping[str, int]]]
    runs: Mapping[str, int]
    oldest_run_seconds: float
    deliveries: Mapping[tuple[str, str], int]
    sign_ins: Mapping[str, int]
    work: Work


def figures(session: Session, view: "View") -> Figures:
    """Count everything."""
    moment = now(session)
    runs, oldest = _runs(session)
    return Figures(
        at=moment,
        providers=health(session, view),
        totals=totals.read(session),
        runs=runs,
        oldest_run_seconds=max(0.0, (moment - oldest).total_seconds()) if oldest else 0.0,
        deliveries=_deliveries(session),
        sign_ins=_sign_ins(session, moment),
        work=heartbeat.work(session),
    )


def _runs(session: Session) -> tuple[dict[str, int], datetime | None]:
    statement = select(Run.state, func.count().label("number"), func.min(Run.created_at).label("oldest")).where(Run.state.in_(ACTIVE))
    rows = session.execute(statement.group_by(Run.state)).all()
    return dict.fromkeys(ACTIVE, 0) | {row.state: row.number for row in rows}, min((row.oldest for row in rows), default=None)


def _deliveries(session: Session) -> dict[tuple[str, str], int]:
    # Two statements, because each has an index of its own.
    queued = select(Delivery.channel, Delivery.state, func.count().label("number")).where(Delivery.state == "queued")
    trouble = select(Delivery.channel, Delivery.state, func.count().label("number")).where(Delivery.state.in_(DELIVERY_STATES[1:]))
    found = {(channel, state): 0 for channel in (messages.EMAIL, messages.PHONE) for state in DELIVERY_STATES}
    for statement in (queued, trouble):
        rows = session.execute(statement.group_by(Delivery.channel, Delivery.state))
        found |= {(row.channel, row.state): row.number for row in rows}
    return found


def _sign_ins(session: Session, moment: datetime) -> dict[str, int]:
    newest = session.scalar(select(func.max(SignIn.id))) or 0
    recent = select(SignIn.result, func.count().label("number")).where(SignIn.id > newest - SIGN_INS, SignIn.at > moment - RECENT)
    return {"ok": 0} | {row.result: row.number for row in session.execute(recent.group_by(SignIn.result).order_by(SignIn.result))}
