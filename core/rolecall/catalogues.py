"""The catalogues of this process: which folders hold translations, and what they say in one language.

Files are read as translators write them (``el.po``), once per process and language, when somebody first reads in it.
Owns the order: what ships with Rolecall goes before what a plugin brings, so that no plugin rewords it by chance.
"""

import io
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from string import Formatter

from babel import Locale
from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

#: The language that texts are written in, and that needs no catalogue.
SOURCE = "en"
#: What a package that has translations calls their folder.
FOLDER = "translations"

_OWN = [Path(__file__).parent / FOLDER]
_PLUGINS: list[Path] = []
_LOCK = threading.Lock()
_KNOWN: dict[str, "Language"] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language that pages can be read in. ``group`` stands between the thousands of a number."""

    tag: str
    #: What its speakers call it.
    name: str
    right_to_left: bool = False
    group: str = ","
    texts: NullTranslations = field(default_factory=NullTranslations, repr=False)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``, as HTML calls them."""
        return "rtl" if self.right_to_left else "ltr"


def add(folder: Path, *, of_plugin: bool = False) -> None:
    """Read translations from another folder too, if it is there.

    :raises ValueError: when a plugin's catalogue cannot be read; the folder is left out then.
    """
    folders = _PLUGINS if of_plugin else _OWN
    if folder in folders or not folder.is_dir():
        return
    if of_plugin:
        for path in sorted(folder.glob("*.po")):
            _read(path)
    with _LOCK:
        folders.append(folder)
        _KNOWN.clear()


def offered() -> tuple[str, ...]:
    """The tags of the languages that pages can be read in: the source, and those that Rolecall itself has a catalogue of."""
    return _written_in(_OWN[0])


# A file beside the program changes with the program alone, and every page asks several times.
@cache
def _written_in(folder: Path) -> tuple[str, ...]:
    return (SOURCE, *sorted(path.stem for path in folder.glob("*.po")))


def get(tag: str) -> Language:
    """Return a language with its texts; where there are none it is the source."""
    known = _KNOWN.get(tag)
    if known is None:
        with _LOCK:
            known = _KNOWN[tag] = _build(tag)
    return known


def _build(tag: str) -> Language:
    locale = Locale.parse(tag, sep="-")
    return Language(
        tag=tag,
        name=(locale.get_display_name(tag) or tag).capitalize(),
        right_to_left=locale.text_direction == "rtl",
        group="," if tag == SOURCE else str(locale.number_symbols["latn"]["group"]),
        texts=_chain(folder / f"{tag}.po" for folder in (*_OWN, *_PLUGINS)),
    )


def _chain(paths: Iterable[Path]) -> NullTranslations:
    """One catalogue that asks the next one for what it does not know; without any, one that knows nothing."""
    first: NullTranslations | None = None
    for path in paths:
        if path.is_file():
            found = _read(path)
            first = found if first is None else first
            if first is not found:
                first.add_fallback(found)
    return first or NullTranslations()


def _read(path: Path) -> GNUTranslations:
    with path.open("rb") as written:
        catalog = read_po(written, locale=path.stem)
    for message in list(catalog):
        if message.id and faults(message):
            catalog.delete(message.id, message.context)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)


def faults(message: Message) -> set[str]:
    """What a translation has in braces and its original has not: it could not be filled, so it is not used."""
    originals, translations = (each if isinstance(each, list | tuple) else [each] for each in (message.id, message.string))
    return {name for each in translations for name in _names(each)} - {name for each in originals for name in _names(each)}


def _names(text: str | None) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(text or "") if name is not None}
    except ValueError:
        return {str(text)}
