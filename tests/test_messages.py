"""What ships can be read in every language that is offered: no marked text is without a translation, and none is wrong about its braces."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from string import Formatter
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LANGUAGES = {"ar", "el"}


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages", ROOT / "tools" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MESSAGES: Any = _tool()
CATALOGUES = [pytest.param(path, template, id=f"{name} {path.stem}") for name, path, template in MESSAGES.catalogues()]


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _forms(text: object) -> list[str]:
    return [str(each) for each in text] if isinstance(text, list | tuple) else [str(text)]


def test_every_package_with_translations_has_them_in_every_language() -> None:
    folders = [folder / "translations" for folder in MESSAGES.packages().values() if (folder / "translations").is_dir()]

    assert len(folders) >= 2
    assert {folder: {path.stem for path in folder.iterdir()} for folder in folders} == dict.fromkeys(folders, LANGUAGES)


def test_every_package_that_marks_texts_has_translations() -> None:
    marking = {name for name, folder in MESSAGES.packages().items() if len(MESSAGES.marked(name, folder))}

    assert marking == {name for name, folder in MESSAGES.packages().items() if (folder / "translations").is_dir()}


@pytest.mark.parametrize(("path", "template"), CATALOGUES)
def test_every_marked_text_is_translated(path: Path, template: Any) -> None:
    found = {each.id: each for each in MESSAGES.written(path)}

    missing = [each.id for each in template if each.id and (each.id not in found or not all(_forms(found[each.id].string)))]
    doubtful = [each.id for each in found.values() if each.id and each.fuzzy]

    assert missing == [], "make messages writes them into the catalogue; then translate them there"
    assert doubtful == []


@pytest.mark.parametrize(("path", "template"), CATALOGUES)
def test_a_translation_puts_in_what_its_original_does(path: Path, template: Any) -> None:
    wrong = {}
    for each in MESSAGES.written(path):
        originals, translations = _forms(each.id), _forms(each.string)
        may = {name for text in originals for name in _placeholders(text)}
        # A form for one number may say it in words.
        must = may - {"count"} if len(originals) > 1 else may
        if each.id and any(not must <= _placeholders(text) <= may for text in translations):
            wrong[each.id] = translations

    assert wrong == {}


@pytest.mark.parametrize(("path", "template"), CATALOGUES)
def test_a_translation_ends_as_its_original_does(path: Path, template: Any) -> None:
    wrong = [
        each.id
        for each in MESSAGES.written(path)
        if each.id and any(_ends(text) != _ends(_forms(each.id)[0]) for text in _forms(each.string))
    ]

    assert wrong == []


def _ends(text: str) -> str:
    return text[-1] if text[-1] in ".:…" else ""


@pytest.mark.parametrize(("path", "template"), CATALOGUES)
def test_the_catalogue_is_as_make_messages_writes_it(path: Path, template: Any) -> None:
    assert MESSAGES.brought_up_to_date(path, template) == path.read_bytes()


def test_the_command_says_that_nothing_is_left_to_translate() -> None:
    before = {path: path.read_bytes() for path in ROOT.glob("*/**/translations/*.po")}

    said = subprocess.run([sys.executable, ROOT / "tools" / "messages.py"], capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stdout
    assert " 0 to translate" in said.stdout
    assert {path: path.read_bytes() for path in before} == before
