"""Draws slips as HTML: sheets of eight to cut apart, in the language and direction of each person (R28).

Owns the markup. Values are only ever escaped text between it, never markup or a sentence with placeholders. Knows no database.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from itertools import groupby
from zoneinfo import ZoneInfo

from markupsafe import Markup

from rolecall.accounts.provider_passwords import ProviderPassword
from rolecall.accounts.slip_words import FIXED, SlipWords, words_for
from rolecall.accounts.slips import PasswordState, Slip
from rolecall.sdk.words import USER_TYPES

#: Two beside each other and four below: what A4 holds of slips that can be read and kept.
PER_SHEET = 8

_DOCUMENT = Markup(
    '<!doctype html>\n<html lang="{language}" dir="{direction}">\n<head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{style}</style></head>\n'
    "<body>\n{sheets}</body>\n</html>\n"
)
_SHEET = Markup(
    '<section class="sheet">\n<h2>{heading} <span>{about} · {n}/{of}</span></h2>\n<ol class="slips">\n{slips}</ol>\n</section>\n'
)
_SLIP = Markup(
    '<li class="slip" lang="{language}" dir="{direction}">\n<p class="issuer">{institution}</p>\n<h3>{name}</h3>\n'
    "{role}<dl>\n{facts}</dl>\n{remarks}</li>\n"
)
_ROLE = Markup('<p class="role">{role} · {period}</p>\n')
#: A value with a direction of its own. The two characters say to WeasyPrint what the element says to browsers.
_VALUE = Markup("<bdi>\u2068{}\u2069</bdi>")
#: What is typed is written from left to right in every language.
_FACT = Markup('<div><dt>{label}</dt><dd><bdi dir="ltr">{value}</bdi></dd></div>\n')
_PASSWORD = Markup('<div><dt>{label}</dt><dd><bdi dir="ltr" class="secret">{value}</bdi>{remark}</dd></div>\n')
_THERE = Markup(
    '<div><dt>{label}</dt><dd><bdi dir="ltr">{username}</bdi><bdi dir="ltr" class="secret">{password}</bdi>{remark}</dd></div>\n'
)
_NO_PASSWORD = Markup("<div><dt>{label}</dt><dd>{remark}</dd></div>\n")
_REMARK = Markup('<p class="remark">{text}</p>\n')


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """What is the same on every slip: the institution, where one signs in, the period, and how times and languages are meant there."""

    institution: str
    address: str
    period: str | None
    time_zone: str
    language: str


def document(slips: Sequence[Slip], issuer: Issuer, *, title: str) -> str:
    """A whole document that needs nothing beside it: it can be printed, kept in a file, or made into a PDF."""
    words = words_for((issuer.language,))
    ours = Markup(style())  # noqa: S704 - a file of ours
    drawn = _DOCUMENT.format(language=words.language, direction=words.direction, title=title, style=ours, sheets=sheets(slips, issuer))
    return str(drawn)


def sheets(slips: Sequence[Slip], issuer: Issuer) -> Markup:
    """The sheets alone. Each role begins a new one, so that they can be given to whoever hands them out."""
    drawn: list[Markup] = []
    for _, group in groupby(slips, key=lambda slip: slip.role_id):
        members = list(group)
        size = _per_sheet(members)
        parts = [members[at : at + size] for at in range(0, len(members), size)]
        kinds = sorted({USER_TYPES.get(each.user_type, each.user_type) for each in members})
        drawn.extend(
            _SHEET.format(
                heading=_VALUE.format(members[0].role or "No role"),
                about=_VALUE.format(", ".join(filter(None, (*kinds, issuer.period)))),
                n=n,
                of=len(parts),
                slips=Markup("").join(_slip(each, issuer) for each in part),
            )
            for n, part in enumerate(parts, 1)
        )
    return Markup("").join(drawn)


def _per_sheet(members: Sequence[Slip]) -> int:
    """How many slips a sheet holds: each provider on one of them takes the height of about a third of a slip."""
    return max(2, PER_SHEET - 2 * max(len(each.elsewhere) for each in members))


@cache
def style() -> str:
    """The style sheet of slips, for paper first."""
    return files("rolecall.work.slips").joinpath("slips.css").read_text("utf-8")


def _slip(slip: Slip, issuer: Issuer) -> Markup:
    words = words_for((slip.language, issuer.language))
    facts = [_fact(words.sign_in_at, issuer.address), _fact(words.username, slip.username), _password(slip, words, issuer)]
    if slip.email:
        facts.append(_fact(words.email, slip.email))
    facts += [_elsewhere(each, words) for each in slip.elsewhere]
    return _SLIP.format(
        language=words.language,
        direction=words.direction,
        institution=_VALUE.format(issuer.institution),
        name=_VALUE.format(slip.name),
        role=_ROLE.format(role=_VALUE.format(slip.role), period=_VALUE.format(issuer.period)) if slip.role else "",
        facts=Markup("").join(facts),
        remarks=Markup("").join(_REMARK.format(text=each) for each in _remarks(slip, words, issuer)),
    )


def _fact(label: str, value: str) -> Markup:
    return _FACT.format(label=label, value=value)


def _password(slip: Slip, words: SlipWords, issuer: Issuer) -> Markup:
    said = {
        PasswordState.SIGNS_IN: words.signs_in,
        PasswordState.OVER: words.over,
        PasswordState.USED: words.used,
        PasswordState.GONE: words.gone,
        PasswordState.ELSEWHERE: words.sign_in_with,
    }[slip.state]
    until = "" if slip.until is None else _time(slip.until, issuer)
    sentence = _sentence(said, until=until, provider=slip.provider or "")
    if slip.password is None:
        return _NO_PASSWORD.format(label=words.credential, remark=_REMARK.format(text=sentence))
    return _PASSWORD.format(label=words.credential, value=slip.password, remark=_REMARK.format(text=sentence))


def _elsewhere(found: ProviderPassword, words: SlipWords) -> Markup:
    """How the person signs in at a provider for the first time."""
    remark = _REMARK.format(text=_sentence(words.change_there, provider=found.provider))
    return _THERE.format(label=_VALUE.format(found.provider), username=found.username, password=found.password, remark=remark)


def _remarks(slip: Slip, words: SlipWords, issuer: Issuer) -> Iterator[Markup]:
    if slip.state is PasswordState.SIGNS_IN and slip.must_change:
        yield _sentence(words.must_change)
    if not slip.active:
        yield _sentence(words.inactive)
    if slip.role is None and not slip.is_owner:
        yield _sentence(words.no_role, period=issuer.period or "–")
    if slip.must_verify_email:
        yield _sentence(words.unverified)


def _sentence(sentence: str, **values: str) -> Markup:
    """A sentence with its values, each isolated from the direction of the text around it."""
    isolated = {name: _VALUE.format(value) for name, value in {**FIXED, **values}.items()}
    return Markup.escape(sentence).format(**isolated)


def _time(at: datetime, issuer: Issuer) -> str:
    """A time that reads the same in every language."""
    return f"{at.astimezone(ZoneInfo(issuer.time_zone)):%Y-%m-%d %H:%M}"
