"""Everything that a filter of messages matches goes out again: counted before, agreed to, in units of a few hundred (R19, R40, R42).

Owns which of them that is and why the others are left. Only those that surely did not arrive: about one that is unknown somebody
decides one by one. Stopped at any moment, what is done stays done, and repeating it does the rest and sends nothing twice (T-14).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, cast, func, literal, null, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, emails, escalation, forgotten, messages
from rolecall.accounts.actors import Actor
from rolecall.accounts.messages import DELIVERED, PHONE, QUEUED, SENT, UNKNOWN, Message
from rolecall.errors import ConsentRequired, CountChanged
from rolecall.plugins.registry import View
from rolecall.store import deliveries_query, reach
from rolecall.store.deliveries_query import Filters
from rolecall.store.engine import now
from rolecall.store.tables import Account, Delivery, Person
from rolecall.work.application import Application
from rolecall.work.delivery import again, quotes
from rolecall.work.delivery.quotes import Quote

#: Messages of one unit: short enough that nobody else waits long, long enough that its end costs little.
UNIT = 500
#: Why a message is left, by code; the first that applies.
REASONS: Mapping[str, str] = {
    "arrived": "The server took it, or it arrived.",
    "waits": "It waits to be sent already.",
    "unknown": "Nobody knows whether it was sent: somebody decides on its own page.",
    "asked-for": "Whoever forgot their password asks once more on the sign-in page.",
    "followed": "A newer message of this kind followed.",
    "closed": "The account is not active, or was deleted.",
    "no-address": "There is no address any more that it could go to.",
    escalation.HIGHER: "It is to somebody who may do more than you may.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Messages that are not sent again for one reason."""

    code: str
    message: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many messages match, how many go out again, why the others do not, and what it costs where that costs something."""

    total: int
    will: int
    skipped: tuple[Left, ...]
    quote: Quote | None = None

    @property
    def sentence(self) -> str:
        """What would be done, for people."""
        one = self.will == 1
        said = f"{self.will:,} {'message goes' if one else 'messages go'} out again, each to the address as it is now, with a fresh link."
        return f"{said} {self.quote.sentence}" if self.quote is not None else said


def plan(app: Application, session: Session, view: View, actor: Actor, filters: Filters) -> Plan:
    """Return what sending again everything that matches would come to."""
    standing = _standing(session, actor)
    counted: dict[str | None, int] = dict(session.execute(_matching(filters, actor, standing, func.count()).group_by(standing)).all())
    skipped = tuple(Left(code=code, message=REASONS[code], count=counted[code]) for code in REASONS if code in counted)
    quote = _quote(app, session, view, actor, filters) if None in counted else None
    return Plan(total=sum(counted.values()), will=counted.get(None, 0), skipped=skipped, quote=quote)


def send_all_again(app: Application, actor: Actor, filters: Filters, *, agreed: bool, expected: int | None = None) -> int:
    """Send everything once more that matches and surely did not arrive; return how many messages that were.

    :param expected: how many were shown to whoever agreed.
    :raises ConsentRequired: with what it comes to, without consent.
    :raises CountChanged: when it is another number than was shown.
    :raises Refused: when the credit at the gateway is not enough.
    """
    with app.db.read() as session:
        foreseen = plan(app, session, app.plugins.view(session), actor, filters)
        last = session.scalar(select(func.max(Delivery.id))) or 0
    if expected is not None and expected != foreseen.will:
        raise CountChanged(
            f"{expected:,} were to go out again when you saw it, and {foreseen.will:,} are now. Look again.", count=foreseen.will
        )
    if not foreseen.will:
        return 0
    if not agreed:
        raise ConsentRequired(foreseen.sentence)
    if foreseen.quote is not None:
        quotes.ensure(app, foreseen.quote)
    done, after = 0, 0
    while found := app.db.attempt(_Unit(actor=actor, filters=filters, after=after, last=last).send):
        done, after = done + len(found), found[-1]
    return done


def plan_document(found: Plan, cost: Mapping[str, Any] | None) -> dict[str, Any]:
    """A plan as the outside contract words it."""
    return {"total": found.total, "will": found.will, "skipped": [asdict(each) for each in found.skipped], "cost": cost}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """Some hundreds of messages, sent again in one transaction; up to ``last``, so that none of the new ones is among them."""

    actor: Actor
    filters: Filters
    after: int
    last: int

    def send(self, session: Session) -> list[int]:
        """Queue them, and return the numbers of those that they follow."""
        standing = _standing(session, self.actor)
        wanted = _matching(self.filters, self.actor, Delivery, _address()).where(
            standing.is_(None), Delivery.id > self.after, Delivery.id <= self.last
        )
        rows = session.execute(wanted.order_by(Delivery.id).limit(UNIT).with_for_update(of=Delivery)).all()
        by_run: dict[int | None, list[Message]] = defaultdict(list)
        for old, address in rows:
            key = again.key_of(old)
            fresh = Message(
                kind=old.kind, channel=old.channel, account_id=old.account_id, address=address, dedupe_key=key, facts=dict(old.facts)
            )
            by_run[old.run_id].append(fresh)
        for run_id, fresh_ones in by_run.items():
            messages.queue_all(session, fresh_ones, run_id=run_id, now=now(session))
        numbers = [old.id for old, _ in rows]
        if numbers:
            asked = {name: value for name, value in asdict(self.filters).items() if value not in ("", None)}
            audit.append(session, actor=self.actor, kind="messages.again", payload={"filter": asked, "messages": numbers})
        return numbers


def _matching(filters: Filters, actor: Actor, *columns: Any) -> Select[Any]:
    """These columns of the messages that match and that the actor reaches."""
    joined = select(*columns).select_from(Delivery).join(Account, Account.id == Delivery.account_id)
    return joined.join(Person, Person.id == Account.person_id).where(*deliveries_query.clauses(filters), *reach.accounts(actor.types))


def _standing(session: Session, actor: Actor) -> ColumnElement[Any]:
    """Why a message is left, as the code of the reason; null for one that goes out again."""
    reasons: list[tuple[ColumnElement[bool], str]] = [
        (Delivery.state.in_((SENT, DELIVERED)), "arrived"),
        (Delivery.state == QUEUED, "waits"),
        (Delivery.state == UNKNOWN, "unknown"),
        (Delivery.kind.in_(forgotten.KINDS), "asked-for"),
        (deliveries_query.followed(again.RELATED), "followed"),
        (Delivery.kind.in_((*again.OF_PERSON, emails.VERIFICATION)) & ~(Account.active & Account.deleted_at.is_(None)), "closed"),
        (func.coalesce(_address(), "") == "", "no-address"),
    ]
    if actor.permissions is not None:
        reasons.append((escalation.may_do_more(session, actor), escalation.HIGHER))
    # What is left after these is bounced or was not sent.
    return case(*((clause, literal(code, String)) for clause, code in reasons), else_=cast(null(), String))


def _address() -> ColumnElement[str | None]:
    """Where a message would go now; as for one that is sent again by itself."""
    persons = case((Delivery.channel == PHONE, Person.phone), else_=Person.email)
    return case(
        (Delivery.kind.in_(again.OF_PERSON), persons), (Delivery.kind == emails.VERIFICATION, Account.email), else_=Delivery.address
    )


def _quote(app: Application, session: Session, view: View, actor: Actor, filters: Filters) -> Quote | None:
    """What those cost that go to phones, as each is written; none where nothing is known to cost anything."""
    if filters.channel not in ("", PHONE):
        return None
    standing = _standing(session, actor)
    wanted = _matching(filters, actor, Delivery.account_id, Delivery.kind).where(standing.is_(None), Delivery.channel == PHONE)
    by_kind: dict[str, list[int]] = defaultdict(list)
    for account_id, kind in session.execute(wanted):
        if kind in view.templates:
            by_kind[kind].append(account_id)
    return _sum([each for each in _quotes(app, session, view, by_kind) if each is not None])


def _quotes(app: Application, session: Session, view: View, by_kind: Mapping[str, list[int]]) -> Iterator[Quote | None]:
    for kind, account_ids in by_kind.items():
        yield quotes.quote(session, view, kind, account_ids, base_url=app.config.base_url)


def _sum(parts: list[Quote]) -> Quote | None:
    if not parts:
        return None
    totals = [each.total for each in parts if each.total is not None]
    return Quote(
        channel=parts[0].channel, messages=sum(each.messages for each in parts), parts=sum(each.parts for each in parts),
        total=sum(totals, Decimal(0)) if len(totals) == len(parts) else None, costly="".join(each.costly for each in parts),
        currency=parts[0].currency,
    )  # fmt: skip
