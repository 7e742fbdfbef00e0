"""Tells the alert addresses of the institution, by e-mail, what somebody should know before the audit is next looked through (T-13, L-06).

Owns which entries of the audit that are, and what is said of each: a sentence and a place to look, no name but that of whoever did it,
and nothing secret. A flood is cut off. What is held by the safety limits has a message of its own, which goes the same way.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import messages
from rolecall.accounts.messages import Message
from rolecall.store.folding import email_key
from rolecall.store.tables import Account, Delivery, Setting

#: The kind of the message.
KIND = "alert.event"
#: An integration or a channel stops by itself, because it refuses its settings or cannot be built from them.
STOPPED = "provider.stop"
#: A check of the audit found something. No entry says so: nobody knows whether one can be added to what is broken.
BROKEN = "audit.broken"
#: Alerts that an address gets in an hour, before one says that there are more: a school has a handful in a week.
MOST, WITHIN = 20, timedelta(hours=1)
#: From more people's data than this somebody is told that it was taken: the most that one print is meant for (D-07).
ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said of an event. ``path`` is where one looks, none: at its entry.

    ``once`` keeps the same from being told again, none: each is told. It is not worth telling any more when ``provider`` works again.
    ``to``: who is told, if not who stands in the setting now.
    """

    what: str
    path: str | None = None
    once: str | None = None
    provider: str | None = None
    to: Collection[str] | None = None


def tell(session: Session, event: str, payload: Mapping[str, Any], *, who: str, seq: int | None = None, at: datetime) -> None:
    """Queue what is said of an event, if anything is: ``event`` and ``payload`` are an entry's, ``seq`` its number, if there is one."""
    if (says := _SAYS.get(event)) is None or (said := says(payload, at)) is None:
        return
    path = said.path or f"/audit/{seq}"
    facts = {"what": said.what, "who": who, "at": at.isoformat(), "path": path, "provider": said.provider}
    queue(session, KIND, facts, key=f"{event}:{seq if said.once is None else said.once}", to=said.to, now=at)


def queue(session: Session, kind: str, facts: Mapping[str, Any], *, key: str, to: Collection[str] | None = None, now: datetime) -> None:
    """Queue a message to each alert address, unless it was under the same key before. Nobody is told without addresses or an owner."""
    addresses = alert_addresses(session) if to is None else to
    if not addresses:
        return
    owner = session.scalar(select(Account.id).where(Account.is_owner))
    if owner is None:
        return
    if kind == KIND and _lately(session, owner, now) >= MOST * len(addresses):
        more = f"More than {MOST} things happened within an hour that alerts are sent for. The others stand in the audit."
        facts, key = {**facts, "what": more, "path": "/audit", "provider": None}, f"more:{now:%Y%m%d%H}"
    told = [
        Message(
            kind=kind, channel=messages.EMAIL, account_id=owner, address=each, facts=facts, dedupe_key=f"{kind}:{key}:{_short(each)}"
        )
        for each in addresses
    ]  # fmt: skip
    messages.queue_all(session, told, run_id=None, now=now)


def alert_addresses(session: Session) -> list[str]:
    """The addresses of the setting, as it was written. Not asked of the settings, whose changes are told here."""
    stored = session.scalar(select(Setting.value).where(Setting.plugin == "core", Setting.key == "alert_addresses"))
    return list(stored["value"]) if stored else []


def _lately(session: Session, owner: int, now: datetime) -> int:
    """How many alerts were queued within the hour, at all addresses together; they all are the owner's."""
    found = select(func.count()).where(Delivery.account_id == owner, Delivery.kind == KIND, Delivery.created_at > now - WITHIN)
    return session.scalar(found) or 0


def _short(address: str) -> str:
    """An address in a key, which has less room than an address may take."""
    return hashlib.sha256(email_key(address).encode()).hexdigest()[:32]


def _stopped(payload: Mapping[str, Any], _at: datetime) -> Said:
    name = payload["provider"]
    what = f"The integration {name} stopped by itself, because of its settings or credentials. What is meant for it waits."
    # Until it has worked again it is the same stop, however often it is tried.
    return Said(what=what, path=f"/integrations/{name}", once=f"{name}:{payload['worked']}", provider=name)


def _limit(payload: Mapping[str, Any], at: datetime) -> Said | None:
    if payload.get("limit") != "day":
        return None
    what = f"The day's limit of {payload['count']:,} messages by {payload['channel']} is reached. No more of them leave until tomorrow."
    return Said(what=what, once=f"{payload['channel']}:{at:%Y-%m-%d}")


def _drawn_in(payload: Mapping[str, Any], _at: datetime) -> Said | None:
    return Said(what="Somebody else is the Global Owner now.") if payload.get("action") == "account.global_owner" else None


def _acting(_payload: Mapping[str, Any], _at: datetime) -> Said:
    return Said(what="The Global Owner signed in as somebody else, and sees what they see.")


def _taken(what: str, number: str) -> "_Says":
    """Something of which so many rows were taken out."""

    def says(payload: Mapping[str, Any], _at: datetime) -> Said | None:
        found: int = payload.get(number, 0)
        return Said(what=what.format(number=f"{found:,}")) if found > ROWS else None

    return says


def _settings(payload: Mapping[str, Any], _at: datetime) -> Said | None:
    plugin, changes = payload.get("plugin"), payload.get("changes", {})
    if plugin == "core" and "alert_addresses" in changes:
        # Whoever wants nobody told would begin here.
        return Said(what="The alert addresses were changed.", to=changes["alert_addresses"]["before"] or ())
    # Of a secret nothing but a word is written down; of anything else what it was and is.
    if secret := sorted(name for name, change in changes.items() if isinstance(change, str)):
        return Said(what=f"Secret settings of {plugin} were changed: {', '.join(secret)}.")
    return None


def _broken(payload: Mapping[str, Any], at: datetime) -> Said:
    what = f"A check of the audit failed. {payload['message']}"
    return Said(what=what, path="/audit", once=f"{payload['seq']}:{at:%Y-%m-%d}")


_Says = Callable[[Mapping[str, Any], datetime], Said | None]
#: What is said of each kind of entry, from its payload and when it was written; none of most.
_SAYS: Mapping[str, _Says] = {
    STOPPED: _stopped,
    "messages.limit": _limit,
    "account.drawn_in": _drawn_in,
    "sign_in_as": _acting,
    "accounts.export": _taken("A list of {number} accounts was exported.", "accounts"),
    "audit.export": _taken("{number} entries of the audit were exported.", "entries"),
    "run.secrets": _taken("The passwords of {number} accounts were handed out.", "count"),
    "settings": _settings,
    BROKEN: _broken,
}
