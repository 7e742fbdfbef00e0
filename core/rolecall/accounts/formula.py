"""The formula of user names (R49): ``{first:1}{last:12}{n}`` as text, as parts, and as the name it makes of a person.

Owns the grammar and the letters a made name may have. Knows no database: whether a name is free is the ledger's to say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from rolecall.errors import Invalid
from rolecall.store.latin import to_latin

#: What a formula may take from a person; ``n`` is the number that tells equal names apart.
FIELDS = {
    "first": "first name",
    "last": "last name",
    "code": "code",
    "email": "e-mail up to the @",
    "list": "first letter of the list",
    "type": "first letter of the user type",
    "year": "year of the current period",
    "n": "nothing, then 2, 3 ... where the name is taken",
}
DEFAULT = "{first:1}{last:12}{n}"
#: Leaves room in the column for the number.
LONGEST = 90

_PART = re.compile(
    r"\{(?P<field>[a-z]+)(?::(?P<length>[0-9]{1,3}))?(?:\|(?P<case>[a-z]+))?\}|(?P<text>[a-z0-9._-]+)|(?P<wrong>.)", re.DOTALL
)
_UNUSABLE = re.compile(r"[^a-z0-9._-]")
_REPEATED = re.compile(r"([._-])[._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Text that stands for itself (``field`` empty), or a field cut to ``length`` letters."""

    field: str = ""
    text: str = ""
    length: int | None = None
    upper: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stem:
    """A made name around the place of its number.

    ``of_code`` tells that the formula found no letter or digit in the person, so that it is the code; ``cut`` that it was too long.
    """

    before: str
    after: str
    of_code: bool = field(default=False, compare=False)
    cut: bool = field(default=False, compare=False)

    def numbered(self, number: int) -> str:
        """The name with a number; 1 is no number."""
        return f"{self.before}{number if number > 1 else ''}{self.after}"


@lru_cache(256)
def parse(formula: str) -> tuple[Part, ...]:
    """Read a formula; where it has no ``{n}``, the number goes to the end.

    :raises Invalid: naming what cannot be read, with what can be written instead.
    """
    if len(formula) > 200:
        raise Invalid("The formula is too long.", hint="Use at most 200 characters.")
    parts = [_part(match) for match in _PART.finditer(formula)]
    numbers = sum(part.field == "n" for part in parts)
    if numbers > 1:
        raise Invalid("The formula has {n} more than once.", hint="Keep one.")
    if not any(part.field not in {"", "n"} for part in parts):
        raise Invalid("The formula takes nothing from the person.", hint=f"Write for example {DEFAULT}.")
    return tuple(parts if numbers else [*parts, Part(field="n")])


def stem(formula: str, values: Mapping[str, str | None], language: str | None = None) -> Stem:
    """Make a person's name by a formula: fields in Latin letters, a-z 0-9 . - _ only; without letters and digits it is the code.

    ``values`` has the fields of :data:`FIELDS` except ``n``. The result may still be empty where the code has no usable letter.
    """
    sides = ["", ""]
    side = 0
    for part in parse(formula):
        if part.field == "n":
            side = 1
        else:
            sides[side] += part.text or _value(part, values.get(part.field) or "", language)
    before, after = sides
    of_code = not any(character.isalnum() for character in before + after)
    if of_code:
        before, after = usable(values.get("code") or "", language), ""
    before, after = _tidy(before, end=not after), _tidy(after, start=not before)
    cut = len(before) + len(after) > LONGEST
    return Stem(before=before[:LONGEST], after=after[: max(LONGEST - len(before), 0)], of_code=of_code, cut=cut)


def usable(text: str, language: str | None = None) -> str:
    """What is left of a text in the letters of a user name, in lower case."""
    return _UNUSABLE.sub("", to_latin(text, language).lower())


def _value(part: Part, text: str, language: str | None) -> str:
    if part.field == "email":
        text = text.split("@", 1)[0]
    clean = usable(text, language)
    if part.field in {"list", "type"}:
        clean = clean[: part.length or 1]
    elif part.length is not None:
        # The end of a year tells years apart; of everything else, the beginning.
        clean = clean[-part.length :] if part.field == "year" else clean[: part.length]
    return clean.upper() if part.upper else clean


def _tidy(text: str, *, start: bool = True, end: bool = True) -> str:
    text = _REPEATED.sub(r"\1", text)
    return (text.lstrip("._-") if start else text).rstrip("._-" if end else "")


def _part(match: re.Match[str]) -> Part:
    if match["wrong"] is not None:
        raise Invalid(
            f"{match['wrong']!r} cannot stand at place {match.start() + 1} of the formula.",
            hint="Between fields write only a-z, 0-9, dot, hyphen and underscore; a field is written {last:12}.",
        )
    if match["text"] is not None:
        return Part(text=match["text"])
    field, length, case = match["field"], match["length"], match["case"]
    if field not in FIELDS:
        raise Invalid(f"{{{field}}} is not a field of the formula.", hint=f"The fields are {', '.join(FIELDS)}.")
    if case not in {None, "lower", "upper"}:
        raise Invalid(f"{{{field}|{case}}} is not understood.", hint="Write |lower or |upper.")
    if field == "n" and (length or case):
        raise Invalid("{n} takes neither a length nor a case.", hint="Write {n}.")
    if length is not None and int(length) == 0:
        raise Invalid(f"{{{field}:0}} would take nothing.", hint="Write a length of 1 or more.")
    return Part(field=field, length=None if length is None else int(length), upper=case == "upper")
