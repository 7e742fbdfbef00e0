"""The catalogues of a process: whose counts, what is left out, and that nothing broken gets in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rolecall import catalogues
from rolecall.translation import gettext, speaking, translated

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of a plugin, whose translations are forgotten after the test."""
    monkeypatch.setattr(catalogues, "_PLUGINS", list(catalogues._PLUGINS))
    folder = tmp_path / "translations"
    folder.mkdir()
    yield folder
    catalogues._KNOWN.clear()


def write(folder: Path, *texts: tuple[str, str]) -> None:
    """Write a Greek catalogue."""
    lines = "".join(f'msgid "{one}"\nmsgstr "{other}"\n\n' for one, other in texts)
    (folder / "el.po").write_text(HEADER + lines, "utf-8")


def test_the_languages_are_those_that_there_is_a_catalogue_of() -> None:
    assert catalogues.offered() == ("en", "ar", "el")
    assert [(each.name, each.direction) for each in map(catalogues.get, catalogues.offered())] == [
        ("English", "ltr"), ("العربية", "rtl"), ("Ελληνικά", "ltr"),
    ]  # fmt: skip


def test_a_plugin_brings_its_own_texts(brought: Path) -> None:
    write(brought, ("School account", "Σχολικός λογαριασμός"))

    catalogues.add(brought, of_plugin=True)

    with speaking("el"):
        assert translated(gettext("School account")) == "Σχολικός λογαριασμός"


def test_a_plugin_rewords_nothing_that_is_said_already(brought: Path) -> None:
    write(brought, ("Ask the office.", "Ρωτήστε εμάς."))

    catalogues.add(brought, of_plugin=True)

    with speaking("el"):
        assert translated(gettext("Ask the office.")) == "Απευθυνθείτε στη γραμματεία."


def test_a_translation_that_could_not_be_filled_is_left_out(brought: Path) -> None:
    write(brought, ("Hello {name}", "Γεια {onoma}"), ("Good {part}", "Καλό {"), ("Bye {name}", "Αντίο"))

    catalogues.add(brought, of_plugin=True)

    with speaking("el"):
        assert translated(gettext("Hello {name}", name="Anna")) == "Hello Anna"
        assert translated(gettext("Good {part}", part="day")) == "Good day"
        assert translated(gettext("Bye {name}", name="Anna")) == "Αντίο"


def test_a_folder_that_is_not_there_is_nothing_and_one_is_read_once(brought: Path) -> None:
    before = list(catalogues._PLUGINS)

    catalogues.add(brought / "elsewhere", of_plugin=True)
    assert before == catalogues._PLUGINS

    catalogues.add(brought, of_plugin=True)
    catalogues.add(brought, of_plugin=True)
    assert [*before, brought] == catalogues._PLUGINS


def test_a_catalogue_that_cannot_be_read_is_refused(brought: Path) -> None:
    (brought / "el.po").write_bytes(HEADER.encode() + b'msgid "a"\nmsgstr "\xff"\n')

    with pytest.raises(ValueError, match="utf-8"):
        catalogues.add(brought, of_plugin=True)

    assert brought not in catalogues._PLUGINS
