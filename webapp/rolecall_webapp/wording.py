"""How templates say things: times, numbers, states; and what every page knows about whoever is signed in.

Owns no fact of its own. A time is relative, with the exact one in the institution's zone beside it.
"""

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date
from flask import Flask, current_app, g, request
from markupsafe import Markup

from rolecall.accounts import working_period
from rolecall.catalogues import SOURCE
from rolecall.translation import gettext, ngettext
from rolecall.translation import gettext as _
from rolecall.translation import spoken as language
from rolecall_webapp import attention, frame, menu, notices, spoken

#: What a look is drawn with; the word beside it says the same.
_PATHS = {
    "ok": '<path d="M3 8.5l3.2 3.2L13 4.8"/>',
    "wait": '<circle cx="8" cy="8" r="6"/><path d="M8 4.6V8l2.4 1.6"/>',
    "bad": '<path d="M8 2l6.5 11.5h-13zM8 6.5v3M8 11.4v.2"/>',
    "off": '<circle cx="8" cy="8" r="6"/><path d="M3.8 12.2l8.4-8.4"/>',
    "info": '<circle cx="8" cy="8" r="6"/><path d="M8 7.4v3.8M8 4.8v.2"/>',
    "x": '<path d="M4 4l8 8M12 4l-8 8"/>',
}
_ICON = '<svg class="icon {}" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">{}</svg>'
_ICONS = {look: Markup(_ICON).format(look, Markup(path)) for look, path in _PATHS.items()}  # noqa: S704 - drawn by us
#: Until how many seconds a time is told in which unit.
_STEPS = ((60, 1, "s"), (3_600, 60, "min"), (86_400, 3_600, "h"), (2_592_000, 86_400, "d"))


def init(flask: Flask) -> None:
    """Give the templates their words."""
    flask.jinja_env.filters.update(ago=ago, number=number, exact=exact, moment=moment, isolated=isolated)
    flask.jinja_env.globals.update(draw_icon=_ICONS.__getitem__, _=gettext, ngettext=ngettext, languages=spoken.offered)
    flask.jinja_env.trim_blocks = True
    flask.jinja_env.lstrip_blocks = True
    flask.context_processor(_known_everywhere)


def number(value: int) -> str:
    """1234567 as 1,234,567, or as the reader's language groups it."""
    return f"{value:,}".replace(",", language().group)


def isolated(text: object, *, strong: bool = False) -> Markup:
    """A name or an address inside a sentence, whose direction is its own."""
    if strong:
        return Markup("<strong><bdi>{}</bdi></strong>").format(text)
    return Markup("<bdi>{}</bdi>").format(text)


def ago(at: datetime, now: datetime | None = None) -> str:
    """A time in words, as seen from now: "just now", "5 min ago", "in 3 h", and from 30 days on the date."""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    distance = abs(seconds)
    if distance < 10:
        return _("just now")
    for below, seconds_each, unit in _STEPS:
        if distance < below:
            count = int(distance // seconds_each)
            return _past(unit, count) if seconds > 0 else _future(unit, count)
    return _date(_local(at).date(), language().tag)


def exact(at: datetime) -> str:
    """A time to the second in the institution's zone."""
    return f"{_local(at):%Y-%m-%d %H:%M:%S %Z}"


def clock(at: datetime, shape: str) -> str:
    """A time in the institution's zone, in this shape of ``strftime``."""
    return _local(at).strftime(shape)


def moment(at: datetime | None, empty: str = _("never")) -> Markup:
    """A ``<time>`` element: relative to read, exact in its title."""
    if at is None:
        return Markup("{}").format(empty)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), exact(at), ago(at))


def _past(unit: str, count: int) -> str:
    """Looked up by the number too, which English does not show: other languages decline a unit that is written out."""
    match unit:
        case "s":
            return ngettext("{count} s ago", "{count} s ago", count)
        case "min":
            return ngettext("{count} min ago", "{count} min ago", count)
        case "h":
            return ngettext("{count} h ago", "{count} h ago", count)
    return ngettext("{count} d ago", "{count} d ago", count)


def _future(unit: str, count: int) -> str:
    match unit:
        case "s":
            return ngettext("in {count} s", "in {count} s", count)
        case "min":
            return ngettext("in {count} min", "in {count} min", count)
        case "h":
            return ngettext("in {count} h", "in {count} h", count)
    return ngettext("in {count} d", "in {count} d", count)


@lru_cache(maxsize=1_024)
def _date(day: date, tag: str) -> str:
    """A day in a language; kept, because the same ones stand in every row of a list."""
    return f"{day:%-d %b %Y}" if tag == SOURCE else format_date(day, "medium", Locale.parse(tag, sep="-"))


def _local(at: datetime) -> datetime:
    try:
        return at.astimezone(ZoneInfo(frame.institution()[1]))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return at.astimezone(UTC)


def _working_periods() -> list[working_period.Choice]:
    return working_period.choices(g.db, g.account.account_id)


def _known_everywhere() -> dict[str, object]:
    actor = g.get("actor")
    return {
        "actor": actor,
        "account": g.get("account"),
        "may": frame.may,
        "menu": menu.entries() if actor else [],
        "institution": frame.institution()[0] if actor else "Rolecall",
        "running": notices.running() if actor else 0,
        "neglected": notices.neglected,
        "said": notices.said,
        "held_at": attention.held,
        "spoken": language(),
        "demo": current_app.config.get("ROLECALL_DEMO", False),
        "working_periods": _working_periods,
        "here": request.full_path.rstrip("?"),
    }
