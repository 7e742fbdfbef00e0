"""The queue of messages to people: what is to be sent to whom (R22, R40, R42).

Owns that a message is queued once, and that one which has become pointless is not sent. Holds no secret: links and passwords are put in
at the moment of sending, which is the business of whoever takes messages from the queue.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Delete, delete, select, update
from sqlalchemy.orm import Session

from rolecall.store.bulk import among, insert_into
from rolecall.store.tables import Delivery, MessagePart

QUEUED, SENT, DELIVERED, BOUNCED, SKIPPED, UNKNOWN = "queued", "sent", "delivered", "bounced", "skipped", "unknown"
#: Every state of a message. A gateway reported the delivered ones as arrived; unknown are those that may have left, and are not sent again.
STATES = (QUEUED, SENT, DELIVERED, BOUNCED, SKIPPED, UNKNOWN)
EMAIL, PHONE = "email", "phone"
#: Under which a session keeps the kinds of addresses that something was queued for.
ANNOUNCED = "rolecall_queued_messages"
#: The code of items that no message can be sent for, because of what stands in the person's record.
UNUSABLE = "unusable-phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one account's person: ``kind`` names the template, ``channel`` the kind of address.

    ``facts`` hold what the template needs besides the account, and never a secret.
    """

    kind: str
    channel: str
    account_id: int
    address: str
    dedupe_key: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def queue_all(session: Session, messages: Sequence[Message], *, run_id: int | None, now: datetime) -> None:
    """Queue messages; one that was queued before under the same ``dedupe_key`` is not queued again, whatever became of it."""
    if not messages:
        return
    rows = [
        {
            "kind": each.kind, "channel": each.channel, "account_id": each.account_id, "run_id": run_id, "address": each.address,
            "facts": dict(each.facts), "dedupe_key": each.dedupe_key, "state": QUEUED, "attempts": 0, "fence": 0, "not_before": now,
            "created_at": now,
        }
        for each in messages
    ]  # fmt: skip
    session.connection().execute(insert_into(session, Delivery).on_conflict_do_nothing(index_elements=["dedupe_key"]), rows)
    announce(session, {each.channel for each in messages})


def announce(session: Session, channels: Collection[str]) -> None:
    """Have whoever sends to these kinds of addresses woken when the transaction is over."""
    session.info.setdefault(ANNOUNCED, set()).update(channels)


def skip(session: Session, account_ids: Collection[int], kind: str, *, why: str, now: datetime) -> None:
    """Leave waiting messages of a kind unsent, because what they say is no longer so.

    One that is being sent at this moment goes out; what becomes of it is not written down any more.
    """
    session.execute(
        update(Delivery)
        .where(Delivery.account_id.in_(among(session, account_ids)), Delivery.kind == kind, Delivery.state == QUEUED)
        .values(state=SKIPPED, settled_at=now, error=why, error_class=None, leased_until=None, fence=Delivery.fence + 1),
        execution_options={"synchronize_session": False},
    )


def waiting(session: Session, channel: str) -> list[str]:
    """The addresses of one kind that messages wait to be sent to, one for each message."""
    return list(session.scalars(select(Delivery.address).where(Delivery.channel == channel, Delivery.state == QUEUED)))


#: What a gateway reports of a part, the better the greater; a later report never makes it less.
NOTHING, LOST, ARRIVED = 0, 1, 2
#: How long a report is kept whose message nobody knows: it may come before the gateway's own answer is written down.
UNCLAIMED = timedelta(days=7)


def name_parts(session: Session, channel: str, delivery_id: int, account_id: int, references: Sequence[str], *, now: datetime) -> None:
    """Write down what a gateway calls the parts of a message that it took; reports of them may have come before."""
    rows = [
        {"channel": channel, "reference": each, "delivery_id": delivery_id, "account_id": account_id, "report": NOTHING, "at": now}
        for each in dict.fromkeys(references)
    ]
    if not rows:
        return
    statement = insert_into(session, MessagePart)
    theirs = {"delivery_id": statement.excluded.delivery_id, "account_id": statement.excluded.account_id}
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["channel", "reference"], set_=theirs, where=MessagePart.delivery_id.is_(None)), rows
    )
    _conclude(session, delivery_id, now)


def report(session: Session, channel: str, reference: str, what: int, *, reason: str | None, now: datetime) -> bool:
    """Take in what a gateway reports of one part, and return whether its message is known.

    The same report twice changes nothing, and the order of reports does not matter: the best one counts (R42).
    """
    row = {"channel": channel, "reference": reference, "report": what, "reason": reason, "at": now}
    statement = insert_into(session, MessagePart).values(row)
    better = {name: statement.excluded[name] for name in ("report", "reason", "at")}
    statement = statement.on_conflict_do_update(
        index_elements=["channel", "reference"], set_=better, where=MessagePart.report < statement.excluded.report
    )
    session.execute(statement)
    of = select(MessagePart.delivery_id).where(MessagePart.channel == channel, MessagePart.reference == reference)
    delivery_id = session.scalar(of)
    if delivery_id is not None:
        _conclude(session, delivery_id, now)
    return delivery_id is not None


def housekeeping(now: datetime) -> Delete:
    """What removes reports that never found their message."""
    return delete(MessagePart).where(MessagePart.delivery_id.is_(None), MessagePart.at <= now - UNCLAIMED)


def _conclude(session: Session, delivery_id: int, now: datetime) -> None:
    """Make the state of a message what its parts come to: arrived when all of them have, lost when one is."""
    session.scalar(select(Delivery.id).where(Delivery.id == delivery_id).with_for_update())
    told = select(MessagePart.report, MessagePart.reason).where(MessagePart.delivery_id == delivery_id).order_by(MessagePart.reference)
    parts = session.execute(told).all()
    lost = [reason for what, reason in parts if what == LOST]
    states: tuple[str, ...]
    values: dict[str, Any] = {"error": None, "error_class": None}
    if lost:
        states, values = (SENT, BOUNCED, DELIVERED, UNKNOWN), {"state": BOUNCED, "error": lost[0], "error_class": "permanent"}
    elif all(what == ARRIVED for what, _ in parts):
        states, values["state"] = (SENT, BOUNCED, UNKNOWN), DELIVERED
    else:
        # A part that was reported as lost has arrived, and of another nothing is known yet.
        states, values["state"] = (BOUNCED, DELIVERED), SENT
    statement = update(Delivery).where(Delivery.id == delivery_id, Delivery.state.in_(states))
    session.execute(statement.values(settled_at=now, **values), execution_options={"synchronize_session": False})


def of_account(session: Session, account_id: int, *, limit: int) -> list[Delivery]:
    """The last messages to an account's person, the newest first."""
    return list(session.scalars(select(Delivery).where(Delivery.account_id == account_id).order_by(Delivery.id.desc()).limit(limit)))
