"""How templates say things: times, numbers, states; and what every page knows about whoever is signed in.

Owns no fact of its own. A time is relative, with the exact one in the institution's zone beside it.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, current_app, g, request
from markupsafe import Markup

from rolecall_webapp import frame, menu, notices

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
_STEPS = ((60, 1, "s"), (3_600, 60, "min"), (86_400, 3_600, "h"), (2_592_000, 86_400, "d"))


def init(flask: Flask) -> None:
    """Give the templates their words."""
    flask.jinja_env.filters.update(ago=ago, number=number, exact=exact, moment=moment)
    flask.jinja_env.globals["draw_icon"] = _ICONS.__getitem__
    flask.jinja_env.trim_blocks = True
    flask.jinja_env.lstrip_blocks = True
    flask.context_processor(_known_everywhere)


def number(value: int) -> str:
    """1234567 as 1,234,567."""
    return f"{value:,}"


def ago(at: datetime, now: datetime | None = None) -> str:
    """A time in words, as seen from now: "just now", "5 min ago", "in 3 h", and from 30 days on the date."""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    distance = abs(seconds)
    if distance < 10:
        return "just now"
    for below, unit, word in _STEPS:
        if distance < below:
            spoken = f"{int(distance // unit)} {word}"
            return f"{spoken} ago" if seconds > 0 else f"in {spoken}"
    return f"{_local(at):%-d %b %Y}"


def exact(at: datetime) -> str:
    """A time to the second in the institution's zone."""
    return f"{_local(at):%Y-%m-%d %H:%M:%S %Z}"


def moment(at: datetime | None, empty: str = "never") -> Markup:
    """A ``<time>`` element: relative to read, exact in its title."""
    if at is None:
        return Markup("{}").format(empty)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), exact(at), ago(at))


def _local(at: datetime) -> datetime:
    try:
        return at.astimezone(ZoneInfo(frame.institution()[1]))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return at.astimezone(UTC)


def _known_everywhere() -> dict[str, object]:
    actor = g.get("actor")
    return {
        "actor": actor,
        "account": g.get("account"),
        "may": frame.may,
        "menu": menu.entries() if actor else [],
        "institution": frame.institution()[0] if actor else "Rolecall",
        "running": notices.running() if actor else 0,
        "said": notices.said,
        "demo": current_app.config.get("ROLECALL_DEMO", False),
        "here": request.full_path.rstrip("?"),
    }
