"""What the messages of a run cost: the parts of each, written as the person will read it, and the sum; and what is left to pay with (R42).

Owns the sentences and the refusal. The gateway is asked outside of every transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import message_texts
from rolecall.accounts.core_settings import core_settings
from rolecall.errors import ProviderError, Refused
from rolecall.plugins.registry import View
from rolecall.sdk import template
from rolecall.sdk.channel import Credits, Price
from rolecall.store.bulk import among
from rolecall.store.tables import Account, Person
from rolecall.work.delivery import asking

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What messages come to: how many, in how many ``parts``, and their ``total`` where the settings say what a part costs."""

    channel: str
    messages: int
    parts: int
    total: Decimal | None = None
    #: Characters for which some of them take Unicode, which has less room.
    costly: str = ""
    #: Of the total; empty where the settings do not say it.
    currency: str = ""

    @property
    def sentence(self) -> str:
        """The quote for people."""
        messages = "1 message" if self.messages == 1 else f"{self.messages:,} messages"
        parts = "one part" if self.parts == 1 else f"{self.parts:,} parts"
        cost = f", {asking.money(self.total, self.currency)} in all" if self.total is not None else ""
        why = f" Parts are shorter because of {self.costly[:20]}" if self.costly else ""
        return f"{messages} in {parts}{cost}.{why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """What is left to pay with, as far as the gateway tells; ``fault`` says why it does not."""

    credits: Credits | None = None
    fault: str = ""

    def cover(self, quote: Quote) -> bool:
        """Whether it is enough; where nobody knows, or amounts of two currencies cannot be compared, it is."""
        if self.credits is None:
            return True
        is_alike = not quote.currency or not self.credits.currency or quote.currency == self.credits.currency
        return self.credits.amount > 0 and (quote.total is None or not is_alike or quote.total <= self.credits.amount)

    @property
    def sentence(self) -> str:
        """What is left, for people; empty where nobody can tell."""
        if self.credits is None:
            return f"What is left to pay with could not be asked. {self.fault}" if self.fault else ""
        return f"Left to pay with: {self.credits.amount:f} {self.credits.currency}".strip() + "."


def quote(session: Session, view: View, kind_id: str, account_ids: Sequence[int], *, base_url: str) -> Quote | None:
    """Return what a message of a kind to each of these accounts costs, as it is written to each; none where messages cost nothing."""
    kind = view.templates[kind_id]
    channel = asking.channel_of(view, kind.address)
    if channel is None:
        return None
    saved, known = asking.saved_settings(session, view, channel), core_settings(session)
    default, institution = str(known["default_language"]), str(known["institution_name"]) or "Rolecall"
    same = {**asking.samples(base_url), "institution": institution}
    texts: dict[str | None, template.TemplateText] = {}
    prices: list[Price] = []
    rows = session.execute(
        select(Account.first_name, Account.last_name, Account.username, Account.language, Person.language)
        .join(Person, Person.id == Account.person_id)
        .where(Account.id.in_(among(session, account_ids)))
    )
    for first_name, last_name, username, own, persons in rows:
        language = own or persons
        if language not in texts:
            texts[language] = message_texts.for_reader(session, kind, language, default)[1]
        values = {**same, "first_name": first_name, "last_name": last_name, "username": username}
        each = asking.price_of(channel, saved, template.fill(texts[language], values).body)
        if each is None:
            return None
        prices.append(each)
    totals = [each.total for each in prices if each.total is not None]
    return Quote(
        channel=channel.id, messages=len(prices), parts=sum(each.parts for each in prices),
        total=sum(totals, Decimal(0)) if len(totals) == len(prices) else None,
        costly="".join(dict.fromkeys("".join(each.costly for each in prices))), currency=prices[0].currency if prices else "",
    )  # fmt: skip


def funds(app: "Application", channel_id: str) -> Funds:
    """Ask a channel what is left to pay with. No transaction may be open: this calls the gateway."""
    with app.db.read() as session:
        instance = app.channels.get(session, app.plugins.view(session), channel_id)
    if instance is None or instance.channel is None:
        return Funds(fault=(instance.fault if instance is not None else None) or "The channel is not enabled.")
    try:
        return Funds(credits=instance.channel.credits())
    except ProviderError as error:
        return Funds(fault=str(error))
    except (Exception, SystemExit):  # a plugin may raise anything; here it ends as "nobody knows"
        log.exception("channel failed", channel=channel_id)
        return Funds(fault="The plugin failed. The log has the details.")


def ensure(app: "Application", asked: Quote) -> None:
    """Refuse to begin what cannot be paid for.

    :raises Refused: with what it costs and what is left.
    """
    left = funds(app, asked.channel)
    if not left.cover(asked):
        raise Refused(
            f"The credit is not enough: {asked.sentence} {left.sentence}",
            hint="Top the account at the gateway up, or choose fewer people.",
            code="no-credit",
        )


def quote_document(asked: Quote | None, left: Funds | None = None) -> dict[str, Any] | None:
    """A quote as the outside contract words it; amounts are texts, so that none of them is rounded.

    The currency is that of the settings, else the gateway's: a price is what the gateway charges.
    """
    if asked is None:
        return None
    rest = left.credits if left is not None else None
    if not asked.currency and rest is not None:
        asked = replace(asked, currency=rest.currency)
    return {
        "messages": asked.messages, "parts": asked.parts, "total": None if asked.total is None else f"{asked.total.normalize():f}",
        "credit": None if rest is None else f"{rest.amount:f}", "currency": asked.currency or None,
        "enough": left.cover(asked) if left is not None and rest is not None else None,
        "sentence": " ".join(filter(None, (asked.sentence, left.sentence if left is not None else ""))),
    }  # fmt: skip
