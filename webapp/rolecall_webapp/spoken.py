"""Which language a page is read in: one's own choice, the browser's cookie, what the browser asks for, the institution's.

Owns the cookie that keeps a choice, and which pages have been translated as a whole: the others are English from end to end, so that
nobody reads two languages and two directions on one page. What the API answers is English too (R59b, R50a).
"""

from collections.abc import Callable

from flask import current_app, request
from werkzeug.wrappers import Response

from rolecall import catalogues
from rolecall.catalogues import SOURCE, Language
from rolecall.translation import speak

#: Blueprints whose pages can be read in every language that is offered.
TRANSLATED = frozenset(
    {
        "external_login", "forgotten", "language", "login", "login_code", "me", "me_identities", "me_profile", "me_second_factor",
        "me_sessions", "set_password", "strength", "verify",
    }
)  # fmt: skip
_COOKIE = "rolecall-language"
#: Seconds: whoever chose a language is not asked again every term.
_LASTS = 365 * 24 * 3_600


def choose(own: str | None, default: Callable[[], str]) -> None:
    """Read texts from here on in the language of this request. ``default`` is asked only where nobody has said anything."""
    speak(SOURCE if request.blueprint is not None and request.blueprint not in TRANSLATED else _wanted(own, default))


def of_answer(own: str | None, default: Callable[[], str]) -> None:
    """Read texts in the visitor's language, whichever page went wrong: what an error page says is translated everywhere."""
    speak(_wanted(own, default))


def offered() -> list[Language]:
    """The languages there are to choose from."""
    return [catalogues.get(tag) for tag in catalogues.offered()]


def match(tag: str | None) -> str | None:
    """The language that is offered for a tag: itself, or that of which it is a variety; none where there is neither."""
    wanted = (tag or "").replace("_", "-").lower()
    known = catalogues.offered()
    return next((each for each in (wanted, wanted.partition("-")[0]) if each in known), None)


def keep(response: Response, tag: str) -> None:
    """Let this browser show a language to whoever is not signed in."""
    secure = bool(current_app.extensions["rolecall_secure"])
    response.set_cookie(_cookie(secure=secure), tag, max_age=_LASTS, secure=secure, httponly=True, samesite="Lax", path="/")


def _wanted(own: str | None, default: Callable[[], str]) -> str:
    kept = request.cookies.get(_cookie(secure=bool(current_app.extensions["rolecall_secure"])))
    return match(own) or match(kept) or request.accept_languages.best_match(catalogues.offered()) or match(default()) or SOURCE


def _cookie(*, secure: bool) -> str:
    return f"__Host-{_COOKIE}" if secure else _COOKIE
