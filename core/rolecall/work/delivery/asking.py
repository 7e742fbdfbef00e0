"""What is asked of a channel before anything is queued: whether an address can be used, and what a message costs (R42).

Owns the guard: a channel that fails here judges when it sends. Nothing leaves the process.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy.orm import Session

from rolecall.accounts import message_limits, message_texts, messages, settings
from rolecall.accounts.core_settings import core_settings
from rolecall.plugins.registry import View
from rolecall.sdk import template
from rolecall.sdk.channel import Channel, Price
from rolecall.store.engine import now

log = structlog.get_logger(__name__)

_NO_CHANNEL = "No channel to phones or addresses of this kind is enabled. Integrations has those that are installed."
#: As long as what stands there when a message is sent.
_HOST = "https://accounts.school.example"


def unusable(session: Session, view: View, kind: str, addresses: Mapping[int, str]) -> dict[int, str]:
    """Return why no message can be sent, by account, for those where that is known."""
    channel = channel_of(view, kind)
    if channel is None:
        return dict.fromkeys(addresses, _NO_CHANNEL)
    saved = saved_settings(session, view, channel)
    region = str(core_settings(session)["phone_region"])
    found: dict[int, str] = {}
    for account_id, address in addresses.items():
        try:
            why = channel.unusable(saved, address, region=region)
        except (Exception, SystemExit):  # a plugin may raise anything; here it ends as no opinion
            log.exception("channel failed", channel=channel.id)
            return found
        if why:
            found[account_id] = why
    return found


def over_limits(session: Session, view: View, kind: str, addresses: Mapping[int, str]) -> dict[int, str]:
    """Return why no message would leave now, by account, where a limit of the channel stands against it.

    ``addresses`` are tried in their order, and those of messages that wait come before them. What is true here may change until a message
    is sent, when it is counted.
    """
    channel = channel_of(view, kind)
    limits = channel.limits(saved_settings(session, view, channel)) if channel is not None else None
    if channel is None or limits is None:
        return {}
    saved, region = saved_settings(session, view, channel), str(core_settings(session)["phone_region"])
    written = {each: channel.canonical(saved, address, region=region) for each, address in addresses.items()}
    waiting = [channel.canonical(saved, each, region=region) for each in messages.waiting(session, kind)]
    left = message_limits.room(session, channel.id, {*written.values(), *waiting}, limits, now=now(session))
    used = Counter(left.used)
    used.update(waiting)
    today = left.today - len(waiting)
    found: dict[int, str] = {}
    for account_id, address in written.items():
        if used[address] >= limits.an_hour:
            found[account_id] = message_limits.address_is_full(limits)
        elif today <= 0:
            found[account_id] = message_limits.day_is_full(limits)
        else:
            used[address] += 1
            today -= 1
    return found


def price(session: Session, view: View, kind_id: str) -> str:
    """Return what one message of a kind costs, by the text of the institution's language; empty where nobody knows."""
    kind = view.templates[kind_id]
    channel = channel_of(view, kind.address)
    if channel is None:
        return ""
    known = core_settings(session)
    _, text = message_texts.for_reader(session, kind, None, str(known["default_language"]))
    filled = template.fill(text, {**samples(_HOST), "institution": str(known["institution_name"]) or "Rolecall"})
    found = price_of(channel, saved_settings(session, view, channel), filled.body)
    if found is None:
        return ""
    parts = "one part" if found.parts == 1 else f"{found.parts} parts"
    return f"A message takes about {parts}{f', {money(found.total, found.currency)} in all' if found.total else ''}."


def price_of(channel: type[Channel], saved: Mapping[str, Any], text: str) -> Price | None:
    """Return what one message with this text costs; none where it costs nothing, or nobody knows."""
    try:
        return channel.price(saved, text)
    except (Exception, SystemExit):  # a plugin may raise anything; here it ends as no opinion
        log.exception("channel failed", channel=channel.id)
        return None


def money(amount: Decimal, currency: str) -> str:
    """An amount for people, with its currency where that is known."""
    return f"{amount.normalize():f} {currency}".strip()


def samples(base_url: str) -> dict[str, str]:
    """Values as long as those that stand in a message when it is sent."""
    return {
        "username": "anna.papadopoulou", "first_name": "Anna", "last_name": "Papadopoulou", "days": "14", "sign_in": f"{base_url}/login",
        "link": f"{base_url}/set-password/{'x' * 43}",
    }  # fmt: skip


def channel_of(view: View, kind: str) -> type[Channel] | None:
    """Return the channel that sends to a kind of address, if one is enabled."""
    return next((view.channels[each] for each in sorted(view.channels) if view.channels[each].address == kind), None)


def saved_settings(session: Session, view: View, channel: type[Channel]) -> Mapping[str, Any]:
    """Return a channel's settings as they count now, without secrets."""
    plugin = view.plugins[channel.id]
    if plugin.given is not None:
        return plugin.given.values
    return settings.read(session, plugin.name, plugin.settings) if plugin.settings is not None else {}
