"""The two forms of a text that are compared instead of the text itself: the key of an identifier, and the folded text of a search.

Owns what counts as the same. Knows nothing of tables or rules.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from unicodedata import category, name, normalize

from rolecall.errors import Invalid
from rolecall.store.latin import to_latin

#: Length of the columns that hold keys.
LONGEST_KEY = 100
#: Length of the columns that hold e-mail addresses (RFC 5321 allows no longer path).
LONGEST_EMAIL = 254
#: Characters that an address holds only in quotes, which nobody's does: with them a header could be built.
_NOT_IN_EMAIL = frozenset('@<>()[],;:\\"')

#: Invisible although Unicode calls them letters or marks (Default_Ignorable_Code_Point outside the categories below).
_IGNORABLE = frozenset(map(chr, [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0])) | frozenset(
    map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)
#: Controls, formats (zero-width, bidirectional), surrogates, private and unassigned characters, line and paragraph separators.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: Scripts that one word may mix, because the language is written so.
_TOGETHER = (frozenset({"CJK", "HIRAGANA", "KATAKANA"}), frozenset({"CJK", "HANGUL"}), frozenset({"CJK", "BOPOMOFO"}))
#: First words of character names that name no script.
_COMMON = frozenset({"MODIFIER", "KATAKANA-HIRAGANA"})
_DIGITS = re.compile("([0-9]+)")


def canonical(text: str, *, what: str = "name", words: bool = False, longest: int = LONGEST_KEY) -> str:
    """Return the key by which an identifier is unique: NFKC and case folded, spaces at the ends dropped, inner ones single.

    ``what`` names the identifier in messages. ``words`` lets different words be of different scripts, for labels that are
    sentences rather than names. ``canonical`` of a key is the key itself. One pass: linear in the length (X-10).

    :raises Invalid: when nothing is left, when a character is invisible, when scripts are mixed so that one could pass for another
        (A-17), or when the key is longer than ``longest``.
    """
    if len(text) > 10 * longest:
        raise Invalid(f"The {what} is too long.", hint=f"Use at most {longest} characters.")
    if text.isascii() and text.isprintable():
        # One script, nothing invisible, and its own normal form.
        return _bounded(" ".join(text.lower().split()), what, longest)
    text = normalize("NFKC", text.strip())
    for character in text:
        if category(character) in _REFUSED or character in _IGNORABLE:
            raise Invalid(
                f"The {what} contains an invisible or unusable character (U+{ord(character):04X}).",
                hint="Type it again instead of pasting it.",
            )
    key = normalize("NFKC", normalize("NFKC", text.casefold()).casefold())
    key = _bounded(" ".join(key.split()), what, longest)
    for word in _words(key) if words else (key,):
        mixed = scripts(word)
        if len(mixed) > 1 and not any(mixed <= allowed for allowed in _TOGETHER):
            found = " and ".join(sorted(script.capitalize() for script in mixed))
            hint = "Some of them only look alike. Use one alphabet."
            raise Invalid(f"The {what} mixes letters of different alphabets ({found}).", hint=hint)
    return key


def _bounded(key: str, what: str, longest: int) -> str:
    if not key:
        raise Invalid(f"The {what} is empty.", hint="Enter at least one letter or digit.")
    if len(key) > longest:
        raise Invalid(f"The {what} is too long.", hint=f"Use at most {longest} characters.")
    return key


def email_key(address: str) -> str:
    """Return the key by which e-mail addresses are compared; the part before the @ and each part after it may have its own script.

    :raises Invalid: as :func:`canonical`, and when it is not an address at all.
    """
    address = address.strip()
    local, at, domain = address.rpartition("@")
    labels = domain.split(".")
    wrong = len(address) > LONGEST_EMAIL or not at or not local or not all(labels) or len(labels) < 2
    if wrong or any(character.isspace() or character in _NOT_IN_EMAIL for character in local + domain):
        raise Invalid(f"“{_short(address)}” is not an e-mail address.", hint="Enter it like name@school.example.")
    parts = [canonical(part, what="e-mail address", longest=LONGEST_EMAIL) for part in (local, *labels)]
    key = f"{parts[0]}@{'.'.join(parts[1:])}"
    if len(key) > LONGEST_EMAIL or key.count("@") != 1 or any(character.isspace() for character in key):
        raise Invalid(f"“{_short(address)}” is not an e-mail address.", hint="Enter it like name@school.example.")
    return key


def scripts(text: str) -> frozenset[str]:
    """The scripts of the letters in a text, by Unicode's names for them (``LATIN``, ``GREEK``, ``CYRILLIC`` ...)."""
    return frozenset(_script(character) for character in text if character.isalpha()) - _COMMON


@lru_cache(4_096)
def _script(character: str) -> str:
    return name(character, "MODIFIER").split(" ", 1)[0]


def _words(text: str) -> Iterable[str]:
    return "".join(character if character.isalnum() or category(character).startswith("M") else " " for character in text).split()


def _short(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text[:60])


@lru_cache(65_536)
def fold(text: str) -> str:
    """Return a text as searches compare it: any case, no accents, final sigma as sigma, single spaces (R12)."""
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    return " ".join(_bare(_bare(text).casefold()).split())


def _bare(text: str) -> str:
    return "".join(_kept(character) for character in normalize("NFKD", text))


@lru_cache(8_192)
def _kept(character: str) -> str:
    kind = category(character)
    if kind in {"Mn", "Me", "Cf", "Cs"}:
        return ""
    return " " if kind in {"Cc", "Zl", "Zp"} else character


def search_text(*parts: str | None, language: str | None = None) -> str:
    """Return the text that a search looks through: every part folded and, where it is not Latin, its Latin form after it (R12)."""
    plain = " ".join(filter(None, parts))
    if plain.isascii() and plain.isprintable():
        return " ".join(plain.lower().split())
    found: dict[str, None] = {}
    latin: dict[str, None] = {}
    for part in parts:
        if not part:
            continue
        found[fold(part)] = None
        if not part.isascii():
            latin[_folded_latin(part, language)] = None
    return " ".join(text for text in found | latin if text)


def natural(text: str) -> tuple[tuple[str, int], ...]:
    """A key by which names sort as people count: Year 9 before Year 10."""
    parts = _DIGITS.split(text.casefold())
    return tuple((part, 0) if at % 2 == 0 else ("", int(part)) for at, part in enumerate(parts))


@lru_cache(65_536)
def _folded_latin(text: str, language: str | None) -> str:
    return fold(to_latin(text, language))
