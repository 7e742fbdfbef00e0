"""The documentation is checked against what it describes, so that it cannot rot."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rolecall import Action, Filter, hookspecs
from rolecall.builtin import register_actions, register_filters
from rolecall.config import KEYS, Key, load
from rolecall.sdk.integration import integration_schema
from rolecall.sdk.mapping import MappedAttribute, Mode
from rolecall.work.application import Application
from rolecall.work.imports.csv_classes import CLASS_COLUMNS, RELATION_COLUMNS
from rolecall.work.imports.csv_people import COLUMNS
from rolecall_webapp import create_app

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REQUIREMENTS = (DOCS / "requirements.md").read_text("utf-8")

#: The requirements that this version fulfils. One is added here together with what fulfils it.
OWNED = re.findall(
    r"\S+",
    """
    R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13 R14 R15 R16 R17 R18 R19 R20 R21 R22 R23 R24 R25 R26 R27 R28 R29 R30 R31 R32 R33
    R34 R34a R35 R36 R37 R38 R39 R40 R42 R43 R44 R45 R46 R47 R48 R49 R50 R50a R51 R52 R53 R54 R55 R56 R57 R58 R59 R59a R59b R60 R60a R61 R62
    R63 R64 R65 R66 R67 R68 R69
    """,
)


#: The documents of the API whose fields the reference lists.
DOCUMENTS = (
    "Account", "Person", "Run", "Item", "TimelineEntry", "SignIn", "Diagnosis", "Finding", "Role", "Period", "Status", "Plugin", "Pending",
    "AuditEntry", "Class", "Member", "Message",
)  # fmt: skip


def sections() -> dict[str, str]:
    """The text below each heading ``## R1 ...`` of the requirements page."""
    parts = re.split(r"^## (R\d+[a-z]?) ", REQUIREMENTS, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def named_tests(text: str) -> list[str]:
    """The tests that a text names, as ``tests/path.py::name``."""
    return re.findall(r"`(tests/[^`]+)`", text)


@cache
def names_in(path: Path) -> frozenset[str]:
    """Names of the tests in a module: functions, classes, and ``Class::method``; a class that inherits a contract is named alone."""
    names = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            names.add(node.name)
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            names.add(node.name)
            names.update(
                f"{node.name}::{method.name}"
                for method in node.body
                if isinstance(method, ast.FunctionDef) and method.name.startswith("test_")
            )
    return frozenset(names)


def test_requirements_page_has_each_owned_requirement_once_and_in_order() -> None:
    headings = re.findall(r"^## (R\d+[a-z]?) ", REQUIREMENTS, flags=re.MULTILINE)

    assert headings == OWNED


@pytest.mark.parametrize("number", OWNED)
def test_requirement_is_proved_by_a_test(number: str) -> None:
    assert named_tests(sections()[number]), f"{number} names no test"


def test_every_test_that_the_requirements_name_exists() -> None:
    missing = []
    for reference in named_tests(REQUIREMENTS):
        file, _, name = reference.partition("::")
        if not (ROOT / file).is_file() or name not in names_in(ROOT / file):
            missing.append(reference)

    assert missing == []


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_setting_of_the_process_is_documented(key: Key) -> None:
    page = (DOCS / "reference" / "settings.md").read_text("utf-8")

    assert f"`{key.variable}`" in page


def test_no_setting_is_documented_that_does_not_exist() -> None:
    page = (DOCS / "reference" / "settings.md").read_text("utf-8")
    known = {key.variable for key in KEYS} | {f"{key.variable}_FILE" for key in KEYS if key.secret} | {"ROLECALL_CONFIG"}

    assert set(re.findall(r"`(ROLECALL_[A-Z_]+)`", page)) <= known


@pytest.mark.parametrize("name", hookspecs.HOOKS)
def test_every_hook_says_what_it_is_for_and_since_when(name: str) -> None:
    documentation = getattr(hookspecs, name).__doc__

    assert documentation
    assert ".. versionadded::" in documentation
    assert f"autofunction:: rolecall.hookspecs.{name}" in (DOCS / "reference" / "hooks.md").read_text("utf-8")


def rows(page: str) -> dict[str, list[str]]:
    """The rows of the first table of a reference page: cells by the first one, without its marks."""
    text = (DOCS / "reference" / page).read_text("utf-8")
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row for row in cells}


@pytest.mark.parametrize("action", register_actions(), ids=lambda action: action.id)
def test_every_action_of_core_is_documented_with_its_parameters(action: Action) -> None:
    _, many, params, consent = rows("actions.md")[action.id]

    assert (many == "yes") == action.bulk
    assert (consent == "yes") == bool(action.confirm)
    for name in action.params().fields:
        assert f"`{name}" in params, name


def test_no_action_is_documented_that_core_does_not_have() -> None:
    assert set(rows("actions.md")) == {action.id for action in register_actions()}


@pytest.mark.parametrize("word", register_filters(), ids=lambda word: word.id)
def test_every_filter_word_is_documented_with_its_values(word: Filter) -> None:
    _, values, meaning = rows("filter-words.md")[word.id]

    assert meaning
    if isinstance(word.choices, tuple):
        for value, _label in word.choices:
            assert f"`{value}`" in values, value


def test_no_filter_word_is_documented_that_core_does_not_have() -> None:
    assert set(rows("filter-words.md")) == {word.id for word in register_filters()}


def test_every_column_of_the_csv_files_is_documented() -> None:
    page = (DOCS / "reference" / "csv.md").read_text("utf-8")

    assert [column for column in (*COLUMNS, *CLASS_COLUMNS, *RELATION_COLUMNS) if f"`{column}`" not in page] == []


def test_every_setting_that_all_integrations_have_is_documented() -> None:
    page = (DOCS / "reference" / "integrations.md").read_text("utf-8")
    schema = integration_schema(None, classes=True, groups=True, mapping=(MappedAttribute(name="n", label="N", template=""),))

    assert [name for name in schema().fields if f"| `{name}` |" not in page] == []
    assert [mode for mode in Mode if f"| `{mode}` |" not in page] == []


def test_every_route_and_field_of_the_api_is_documented(database_url: str, tmp_path: Path) -> None:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config) as application:
        document = create_app(application).test_client().get("/api/v1/openapi.json").json
    page = (DOCS / "reference" / "http-api.md").read_text("utf-8")
    routes = {re.sub(r"\{\w+\}", "{id}", path) for path in document["paths"] if not path.startswith("/actions/")}
    fields = {name for shape in DOCUMENTS for name in document["components"]["schemas"][shape]["properties"]}

    # A table's line names a route whole and its neighbours by their last part.
    assert [route for route in routes if route not in page and f"`/{route.rpartition('/')[2]}`" not in page] == []
    assert [name for name in fields if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGES.md"])
def test_links_of_the_pages_at_the_top_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")

    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (ROOT / target).exists(), target


def test_every_make_command_that_is_written_down_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]

    for page in pages:
        named = set(re.findall(r"^(?:\$ )?make ([a-z-]+)|`make ([a-z-]+)", page.read_text("utf-8"), flags=re.MULTILINE))
        assert {first or second for first, second in named} <= targets, page.name


def test_every_decision_is_listed() -> None:
    index = (DOCS / "decisions" / "index.md").read_text("utf-8")

    for page in (DOCS / "decisions").glob("*.md"):
        assert page.stem == "index" or page.stem in index
