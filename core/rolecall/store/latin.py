"""Names in Latin letters: the spelling that a country's documents use, chosen by the person's language.

Owns the tables: Greek by ELOT 743 (ISO 843, transcription), Ukrainian by the resolution 55/2010 of its Cabinet of Ministers, Bulgarian
by its law of 2009, Serbian by its own Latin alphabet, other Cyrillic by ICAO Doc 9303 part 3. What no table knows goes to anyascii,
letter by letter. Knows nothing of people; a proposal is only a proposal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import category, name, normalize

from anyascii import anyascii

# fmt: off
_GREEK = {
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l", "μ": "m",
    "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
}
#: γγ, γξ, γχ; γκ stays gk.
_GAMMA = {"γ": "ng", "ξ": "nx", "χ": "nch"}
#: υ after α, ε or η is f before these and at the end of a word, else v.
_VOICELESS = frozenset("θκξπσςτφχψ")

_RUSSIAN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "i", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts",
    "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "ie", "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia",
}
_UKRAINIAN = {
    "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh", "з": "z", "и": "y", "і": "i",
    "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u",
    "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ь": "", "ю": "iu", "я": "ia",
}
#: ICAO Doc 9303 part 3: where two languages differ from the others.
_BELARUSIAN = _RUSSIAN | {"г": "h", "ё": "io", "і": "i", "ў": "u"}
_MACEDONIAN = _RUSSIAN | {
    "ѓ": "gj", "ѕ": "dz", "ј": "j", "љ": "lj", "њ": "nj", "ќ": "kj", "х": "h", "ц": "c", "џ": "dj",
}
#: Law of 13 March 2009; ия at the end of a word is ia.
_BULGARIAN = _RUSSIAN | {"й": "y", "х": "h", "щ": "sht", "ъ": "a", "ь": "y", "ю": "yu", "я": "ya"}
#: The Latin alphabet that Serbian has beside the Cyrillic one, without its marks.
_SERBIAN = _RUSSIAN | {
    "ђ": "d", "ж": "z", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "х": "h", "ц": "c", "ч": "c", "џ": "dz", "ш": "s",
}
# fmt: on
_CYRILLIC = {
    "ru": _RUSSIAN,
    "uk": _UKRAINIAN,
    "be": _BELARUSIAN,
    "bg": _BULGARIAN,
    "mk": _MACEDONIAN,
    "sr": _SERBIAN,
}  # fmt: skip
#: The languages that have a table here; for names without a language of their own an institution's may choose among these.
LANGUAGES = frozenset({"el", *_CYRILLIC})
_UKRAINIAN_INITIAL = {"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"}
_ONLY_UKRAINIAN = frozenset("іїєґ")
_APOSTROPHES = frozenset("'’ʼ‘`´")
#: German and the Nordic languages write these letters out; everybody else drops the mark (ICAO Doc 9303 part 3 allows both).
_WRITTEN_OUT = {
    "de": {"ä": "ae", "ö": "oe", "ü": "ue"},
    "da": {"å": "aa", "ø": "oe", "æ": "ae"},
    "nb": {"å": "aa", "ø": "oe", "æ": "ae"},
    "nn": {"å": "aa", "ø": "oe", "æ": "ae"},
    "no": {"å": "aa", "ø": "oe", "æ": "ae"},
}


@dataclass(frozen=True, slots=True)
class _Letter:
    """A letter without its marks, lower case; what it was; and whether it stands for itself (``υ`` with a dialytika does)."""

    base: str
    text: str
    upper: bool
    stressed: bool = False
    apart: bool = False


#: Answers the Latin letters at a place of a word and how many letters they stand for.
Rule = Callable[[list[_Letter], int], tuple[str, int]]


@lru_cache(65_536)
def to_latin(text: str, language: str | None = None) -> str:
    """Return a name in ASCII letters, with the case it had; ``language`` is the person's (``el``, ``uk``, ``ru-RU`` ...).

    Without a language Cyrillic is read as Ukrainian when a letter says so, else as Russian. Arabic and Hebrew do not write their vowels,
    so what comes out for them serves for searching and user names and is not a spelling of the name.
    """
    if text.isascii():
        return text
    language = (language or "").lower().replace("_", "-").split("-", 1)[0]
    if not language and _ONLY_UKRAINIAN.intersection(text.lower()):
        language = "uk"
    return "".join(_word(word, language) for word in _runs(normalize("NFKC", text)))


def _runs(text: str) -> Iterator[str]:
    """Cut a text where the script changes, so that each piece goes to one table; apostrophes stay inside a word."""
    run, current = "", ""
    for at, character in enumerate(text):
        script = current if _inside(text, at) else _script(character)
        if script != current and run:
            yield run
            run = ""
        run, current = run + character, script
    if run:
        yield run


def _inside(text: str, at: int) -> bool:
    return category(text[at]).startswith("M") or (text[at] in _APOSTROPHES and 0 < at < len(text) - 1 and text[at + 1].isalpha())


def _script(character: str) -> str:
    return name(character, "").split(" ", 1)[0] if character.isalpha() else ""


def _word(word: str, language: str) -> str:
    script = _script(word[0])
    if script == "GREEK":
        return _spell(_greek_letters(word), _greek)
    if script == "CYRILLIC":
        letters = [_Letter(character.lower(), character, character.isupper()) for character in word if character not in _APOSTROPHES]
        return _spell(letters, lambda letters, at: _cyrillic(letters, at, language))
    if script == "LATIN":
        return _spell([_Letter(each.lower(), each, each.isupper()) for each in word], lambda letters, at: _plain(letters, at, language))
    return anyascii(word)


def _spell(letters: list[_Letter], rule: Rule) -> str:
    written, at = [], 0
    while at < len(letters):
        latin, used = rule(letters, at)
        written.append(_cased(latin, letters, at, used))
        at += used
    return "".join(written)


def _cased(latin: str, letters: list[_Letter], at: int, used: int) -> str:
    """Give the spelling the case of what it stands for: Χ is Ch in Χρήστος and CH in ΧΡΗΣΤΟΣ."""
    if not letters[at].upper:
        return latin
    end = at + used
    if used > 1:
        capitals = letters[end - 1].upper
    elif end < len(letters):
        capitals = letters[end].upper
    else:
        capitals = at > 0 and letters[at - 1].upper
    return latin.upper() if capitals else latin[:1].upper() + latin[1:]


def _greek_letters(word: str) -> list[_Letter]:
    letters: list[_Letter] = []
    for character in word:
        decomposed = normalize("NFD", character)
        bare, marks = decomposed[0], decomposed[1:]
        if category(bare).startswith("M"):
            continue
        letters.append(
            _Letter(
                bare.lower(),
                character,
                character.isupper(),
                stressed="\u0301" in marks or "\u0300" in marks or "\u0342" in marks,
                apart="\u0308" in marks,
            )
        )
    return letters


def _greek(letters: list[_Letter], at: int) -> tuple[str, int]:
    this = letters[at]
    following = letters[at + 1] if at + 1 < len(letters) else None
    if this.base not in _GREEK:
        return anyascii(this.text), 1
    if following is None:
        return _GREEK[this.base], 1
    if following.base == "υ" and this.base in "αεηο" and not following.apart and not this.stressed:
        if this.base == "ο":
            return "ou", 2
        after = letters[at + 2].base if at + 2 < len(letters) else ""
        return _GREEK[this.base] + ("f" if not after or after in _VOICELESS else "v"), 2
    if this.base == "γ" and following.base in _GAMMA:
        return _GAMMA[following.base], 2
    if this.base == "μ" and following.base == "π" and (at == 0 or at + 2 == len(letters)):
        return "b", 2
    return _GREEK[this.base], 1


def _cyrillic(letters: list[_Letter], at: int, language: str) -> tuple[str, int]:
    if language == "uk":
        return _ukrainian(letters, at)
    if language == "bg" and at == len(letters) - 2 and letters[at].base + letters[at + 1].base == "ия":
        return "ia", 2
    return _table(_CYRILLIC.get(language, _RUSSIAN), letters[at]), 1


def _ukrainian(letters: list[_Letter], at: int) -> tuple[str, int]:
    this = letters[at]
    if this.base == "з" and at + 1 < len(letters) and letters[at + 1].base == "г":
        return "zgh", 2
    if at == 0 and this.base in _UKRAINIAN_INITIAL:
        return _UKRAINIAN_INITIAL[this.base], 1
    return _table(_UKRAINIAN, this), 1


def _table(table: dict[str, str], letter: _Letter) -> str:
    if letter.base in table:
        return table[letter.base]
    bare = normalize("NFD", letter.base)[0]
    return table[bare] if bare in table else anyascii(letter.base)


def _plain(letters: list[_Letter], at: int, language: str) -> tuple[str, int]:
    base = letters[at].base
    if base in _WRITTEN_OUT.get(language, {}):
        return _WRITTEN_OUT[language][base], 1
    bare = "".join(mark for mark in normalize("NFKD", base) if not category(mark).startswith("M"))
    return bare if bare.isascii() else anyascii(bare), 1
