"""What a browser calls itself, in words for the person who used it: "Firefox on Windows"."""

from rolecall.translation import gettext as _

#: What stands in the text of a browser, the first that fits: most claim to be others too.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"), ("Chromium/", "Chromium"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", _("an iPhone")), ("iPad", _("an iPad")), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", _("a Chromebook")),
    ("Mac OS X", _("a Mac")), ("Linux", "Linux"),
)  # fmt: skip


def spoken(agent: str | None) -> str:
    """Name browser and system, or say that they are unknown."""
    text = agent or ""
    browser = next((name for part, name in _BROWSERS if part in text), "")
    system = next((name for part, name in _SYSTEMS if part in text), "")
    if not browser and not system:
        return _("An unknown device")
    return _("{browser} on {system}", browser=browser or _("A browser"), system=system) if system else browser
