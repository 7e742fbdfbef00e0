"""Brings the catalogues up to date with the marked texts: `make messages`. Prints what is left to translate.

Each package that has translations has them in a folder of this name, one file per language; a new language begins as an empty file.
"""

import sys
from collections.abc import Iterator
from configparser import ConfigParser
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
FOLDER = "translations"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
#: Templates are read as the application reads them.
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}
#: How a text is marked: the second word of `ngettext` is the plural.
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
#: No names and no dates: the file changes when a text does.
HEADER = """\
# {name} in {locale.english_name}
msgid ""
msgstr ""
"Language: {locale}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"

"""


def packages() -> dict[str, Path]:
    """The folder of every package that ships, by name."""
    setup = ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", "utf-8")
    lines = setup["options"]["package_dir"].strip().splitlines()
    return {name.strip(): ROOT / folder.strip() for name, _, folder in (line.partition("=") for line in lines)}


def marked(name: str, folder: Path) -> Catalog:
    """The texts that are marked in a package, in the order of its files."""
    catalog = Catalog(project=name, charset="utf-8", fuzzy=False)
    for file, line, text, comments, context in extract_from_dir(
        folder, METHODS, OPTIONS, KEYWORDS, directory_filter=lambda each: "__pycache__" not in each
    ):
        # Where, but not in which line: or every change of a module would change the catalogues.
        catalog.add(
            text, None, [(f"{folder.relative_to(ROOT).as_posix()}/{file}", None)], auto_comments=comments, context=context, lineno=line
        )
    return catalog


def written(path: Path) -> Catalog:
    """A catalogue as it stands in its file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def brought_up_to_date(path: Path, template: Catalog) -> bytes:
    """What a catalogue's file holds when it has exactly the marked texts: new ones empty, and none that is marked no more."""
    catalog = written(path)
    catalog.update(template, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    made = BytesIO()
    write_po(made, catalog, width=120, sort_by_file=True, omit_header=True)
    return HEADER.format(name=template.project, locale=catalog.locale, plurals=catalog.plural_forms).encode() + made.getvalue()


def catalogues() -> Iterator[tuple[str, Path, Catalog]]:
    """Every catalogue that ships: its package, its file and the texts that are marked in the package."""
    for name, folder in packages().items():
        files = sorted((folder / FOLDER).glob("*.po"))
        if files:
            template = marked(name, folder)
            yield from ((name, path, template) for path in files)


def main() -> int:
    """Update every catalogue; 1 if something is not translated."""
    missing = 0
    for _, path, template in catalogues():
        path.write_bytes(brought_up_to_date(path, template))
        left = [each.id for each in written(path) if each.id and not (all(each.string) if isinstance(each.string, tuple) else each.string)]
        missing += len(left)
        print(f"{path.relative_to(ROOT)}: {len(template)} texts, {len(left)} to translate")
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
