"""Texts that are English to the program and read in whatever language a page is shown in.

A marked text is an ordinary string: it is compared, stored, logged and answered by the API in English. Only where it is put into a page,
or :func:`translated`, it is looked up in the language that :func:`speaking` names. So a constant, an error from core and a sentence of a
plugin need no request around them, and nothing that was read in one language is kept in it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from functools import lru_cache
from typing import Self

from markupsafe import escape

from rolecall import catalogues
from rolecall.catalogues import SOURCE, Language

#: First strong isolate and its end: what stands between takes its direction from itself, not from the sentence around it.
_ISOLATED = "\u2068{}\u2069"

_SPOKEN: ContextVar[Language | None] = ContextVar("spoken", default=None)


class Translatable(str):
    """A marked text with the values that are put into it. As a string it is English; in a page it is the reader's language."""

    __slots__ = ("many", "number", "one", "values")

    one: str
    many: str | None
    number: int
    values: Mapping[str, object]

    def __new__(cls, one: str, many: str | None = None, number: int = 1, values: Mapping[str, object] | None = None) -> Self:
        """Make the English text of it."""
        template = one if many is None or number == 1 else many
        values = values or {}
        made = super().__new__(cls, template.format_map({name: _english(each) for name, each in values.items()}) if values else template)
        made.one, made.many, made.number, made.values = one, many, number, values
        return made

    def __getnewargs__(self) -> tuple[str, str | None, int, Mapping[str, object]]:  # type: ignore[override]
        """What a copy is made of."""
        return self.one, self.many, self.number, self.values

    def __html__(self) -> str:
        """The text in the reader's language as HTML; a value that is HTML already stays it."""
        language = _SPOKEN.get()
        if language is None:
            if not any(hasattr(each, "__html__") for each in self.values.values()):
                return escape(str(self))
            language = catalogues.get(SOURCE)
        template = str(escape(self._template(language)))
        if not self.values:
            return template
        shown = {name: each if hasattr(each, "__html__") else _shown(each, language) for name, each in self.values.items()}
        return template.format_map({name: escape(each) for name, each in shown.items()})

    def translated(self) -> str:
        """The text in the reader's language, as plain text."""
        language = _SPOKEN.get()
        if language is None:
            return str(self)
        template = self._template(language)
        return template.format_map({name: _shown(each, language) for name, each in self.values.items()}) if self.values else template

    def __str__(self) -> str:
        """The English text, and nothing that remembers it was marked."""
        return "".join((self,))

    def _template(self, language: Language) -> str:
        if self.many is None:
            return language.texts.gettext(self.one)
        return language.texts.ngettext(self.one, self.many, self.number)


def gettext(text: str, /, **values: object) -> str:
    """Mark a text, with names in braces for what is put into it. Whole numbers are written as the reader's language writes them.

    .. versionadded:: 0.1
    """
    return Translatable(text, values=values) if values else _unfilled(text)


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """Mark a text that depends on a number, which stands in it as ``{count}``; languages have as many forms as they need.

    .. versionadded:: 0.1
    """
    return Translatable(one, many, count, {"count": count, **values})


def joined(*texts: str) -> str:
    """Sentences one after the other, each in the reader's language; empty ones are left out."""
    there = [each for each in texts if each]
    if not any(isinstance(each, Translatable) for each in there):
        return " ".join(there)
    names = [f"part{number}" for number in range(len(there))]
    return Translatable(" ".join(f"{{{name}}}" for name in names), values=dict(zip(names, there, strict=True)))


def translated(text: str) -> str:
    """A text in the reader's language if it is marked, as plain text; any other as it is."""
    return text.translated() if isinstance(text, Translatable) else text


def spoken() -> Language:
    """The language that texts are read in now."""
    return _SPOKEN.get() or catalogues.get(SOURCE)


def speak(tag: str) -> Token[Language | None]:
    """Read texts in a language from here on, in this thread or task; :func:`hush` with the answer ends it."""
    return _SPOKEN.set(None if tag == SOURCE else catalogues.get(tag))


def hush(token: Token[Language | None] | None = None) -> None:
    """End what :func:`speak` began; without its answer texts are English again."""
    if token is None:
        _SPOKEN.set(None)
    else:
        _SPOKEN.reset(token)


@contextmanager
def speaking(tag: str) -> Iterator[None]:
    """Read texts in a language inside the block."""
    token = speak(tag)
    try:
        yield
    finally:
        hush(token)


@lru_cache(maxsize=4_096)
def _unfilled(text: str) -> Translatable:
    """Most texts have nothing put into them, and every page has the same ones."""
    return Translatable(text)


def _english(value: object) -> object:
    return f"{value:,}" if _is_number(value) else value


def _shown(value: object, language: Language) -> str:
    if isinstance(value, Translatable):
        return value.translated()
    if _is_number(value):
        return f"{value:,}".replace(",", language.group)
    return _ISOLATED.format(value) if language.right_to_left else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
