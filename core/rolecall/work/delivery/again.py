"""What a person decides about messages: one that bounced goes out again, one that is unknown was sent or goes out again (R19, R40, R42).

Owns which messages that can be. Sending again makes another message, once, to the address as it is now; its link is made when it leaves,
so it is a fresh one, and whether it still makes sense is judged then, as for every message. Nothing here shows what a message says.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit, emails, escalation, forgotten, invitations, messages
from rolecall.accounts.actors import Actor
from rolecall.accounts.documents import time_text
from rolecall.accounts.messages import DELIVERED, QUEUED, SENT, UNKNOWN, Message
from rolecall.errors import Refused, Unknown
from rolecall.plugins.registry import View
from rolecall.store import deliveries_query, reach
from rolecall.store.deliveries_query import MessageRow
from rolecall.store.engine import now
from rolecall.store.tables import Account, Delivery, Person
from rolecall.work.application import Application
from rolecall.work.delivery.effects import after_sending
from rolecall.work.documents import Document

#: Kinds that take each other's place: of these only the newest can be sent again.
RELATED: Sequence[Collection[str]] = (invitations.KINDS,)
#: Kinds that go to an address in the person's record.
OF_PERSON = (*invitations.KINDS, invitations.TEXTED)
_WHY_NOT = {
    SENT: "The server took it. Do what sends it once more on the account’s own page.",
    DELIVERED: "It arrived. Do what sends it once more on the account’s own page.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What became of one message that was to go out again: the number of the one that does, or the sentence why none does."""

    id: int
    again_as: int | None = None
    why_not: str | None = None


def why_not_again(row: MessageRow) -> str | None:
    """Say why a message cannot be sent again, or none where it can. One that waits can be tried at once."""
    if row.delivery.state in _WHY_NOT:
        return _WHY_NOT[row.delivery.state]
    if row.delivery.kind in forgotten.KINDS and row.delivery.state != QUEUED:
        return "Whoever forgot their password asks once more on the sign-in page."
    return None if row.is_newest else "A newer message of this kind followed."


def is_open(row: MessageRow) -> bool:
    """Whether somebody should decide about a message: nobody knows whether it left, and none followed."""
    return row.delivery.state == UNKNOWN and row.is_newest


def load(session: Session, delivery_id: int) -> MessageRow:
    """Return one message.

    :raises Unknown: when there is none, or the session does not reach it.
    """
    found = deliveries_query.get(session, delivery_id, related=RELATED)
    if found is None:
        raise Unknown(f"There is no message {delivery_id}.", hint="It may have been removed with its account.")
    return found


def send_again(app: Application, actor: Actor, ids: Sequence[int]) -> list[Again]:
    """Send messages once more, or try those at once that wait, and say of each what became of it (T-14: repeated, it is one message).

    :raises Unknown: when one of them is not there for the actor; nothing is sent then.
    """

    def unit(session: Session) -> list[Again]:
        return [_again(session, actor, each) for each in dict.fromkeys(ids)]

    return app.db.attempt(unit)


def send_one_again(app: Application, actor: Actor, delivery_id: int) -> int:
    """As :func:`send_again` for one message; returns the number of the one that goes out.

    :raises Refused: with the sentence why it cannot.
    """
    (found,) = send_again(app, actor, [delivery_id])
    if found.again_as is None:
        raise Refused(found.why_not or "It cannot be sent again.", code="not-again")
    return found.again_as


def mark_sent(app: Application, actor: Actor, delivery_id: int) -> None:
    """Decide that a message of which nobody knew was sent; what follows from sending follows now. Repeated, it is as it is.

    :raises Refused: when something is known of it.
    :raises Unknown: when it is not there for the actor.
    """

    def unit(session: Session) -> None:
        row = _theirs(session, actor, delivery_id)
        told = f"Marked as sent by {actor.label}."[:2000]
        moment = now(session)
        taken = session.execute(
            update(Delivery)
            .where(Delivery.id == delivery_id, Delivery.state == UNKNOWN)
            .values(state=SENT, settled_at=moment, error=told, error_class=None)
            .returning(Delivery.id)
        ).first()
        if taken is None:
            if row.delivery.state == SENT:
                return
            raise Refused("Only of a message that is unknown somebody decides whether it was sent.", code="not-unknown")
        after_sending(session, kind=row.delivery.kind, account_id=row.delivery.account_id, now=moment)
        _note(session, actor, "message.sent", row.delivery)

    app.db.attempt(unit)


def document(row: MessageRow, view: View) -> Document:
    """A message as the outside contract words it; nothing of what it says."""
    each = row.delivery
    kind = view.templates.get(each.kind)
    why = why_not_again(row)
    return {
        "id": each.id, "kind": each.kind, "label": kind.label if kind else each.kind, "channel": each.channel,
        "account": {"id": each.account_id, "username": row.username, "name": row.name}, "address": each.address, "state": each.state,
        "attempts": each.attempts, "next_attempt_at": time_text(each.not_before) if each.state == QUEUED else None,
        "error_class": each.error_class, "error": each.error, "run": each.run_id, "created_at": time_text(each.created_at),
        "settled_at": time_text(each.settled_at), "to_decide": is_open(row), "can_be_sent_again": why is None, "why_not": why,
    }  # fmt: skip


def _again(session: Session, actor: Actor, delivery_id: int) -> Again:
    row = _theirs(session, actor, delivery_id)
    old = row.delivery
    known = session.scalar(select(Delivery.id).where(Delivery.dedupe_key == key_of(old)))
    if known is not None:
        return Again(id=old.id, again_as=known)
    why = why_not_again(row)
    if why is not None:
        return Again(id=old.id, why_not=why)
    if old.state == QUEUED:
        return _at_once(session, actor, old)
    address = _address_now(session, old)
    if not address:
        return Again(id=old.id, why_not="There is no address any more that it could go to. Complete the person's record first.")
    fresh = Message(
        kind=old.kind, channel=old.channel, account_id=old.account_id, address=address, dedupe_key=key_of(old), facts=dict(old.facts)
    )
    messages.queue_all(session, [fresh], run_id=old.run_id, now=now(session))
    again_as = session.scalars(select(Delivery.id).where(Delivery.dedupe_key == fresh.dedupe_key)).one()
    _note(session, actor, "message.again", old, again_as=again_as)
    return Again(id=old.id, again_as=again_as)


def _at_once(session: Session, actor: Actor, old: Delivery) -> Again:
    """Let a message that waits for its next attempt be tried now; one that is being sent at this moment is left to whoever does."""
    moment = now(session)
    free = or_(Delivery.leased_until.is_(None), Delivery.leased_until <= moment)
    statement = update(Delivery).where(Delivery.id == old.id, Delivery.state == QUEUED, free).values(not_before=moment)
    session.execute(statement, execution_options={"synchronize_session": False})
    messages.announce(session, [old.channel])
    _note(session, actor, "message.again", old, again_as=old.id)
    return Again(id=old.id, again_as=old.id)


def _theirs(session: Session, actor: Actor, delivery_id: int) -> MessageRow:
    """One message that the actor may decide about; the account is one that they could act on (Z-05)."""
    within = select(Delivery.id).join(Account, Account.id == Delivery.account_id).where(Delivery.id == delivery_id)
    if session.scalar(within.where(*reach.accounts(actor.types)).with_for_update(of=Delivery)) is None:
        raise Unknown(f"There is no message {delivery_id}.", hint="It may have been removed with its account.")
    row = load(session, delivery_id)
    escalation.require_account(session, actor, row.delivery.account_id)
    return row


def _address_now(session: Session, old: Delivery) -> str | None:
    """Where a message goes now: what it is sent to may have been corrected since, which is why it is sent again."""
    known = select(Person.email, Person.phone, Account.email).join(Person, Person.id == Account.person_id)
    email, phone, own = session.execute(known.where(Account.id == old.account_id)).one()
    if old.kind in OF_PERSON:
        return phone if old.channel == messages.PHONE else email
    return own if old.kind == emails.VERIFICATION else old.address


def key_of(old: Delivery) -> str:
    """The key under which the message that follows one is queued once, whoever asks for it how often."""
    return f"again:{old.id}"


def _note(session: Session, actor: Actor, kind: str, each: Delivery, **more: int) -> None:
    payload = {"message": each.id, "of": each.kind, **more}
    audit.append(session, actor=actor, kind=kind, payload=payload, account_id=each.account_id)
