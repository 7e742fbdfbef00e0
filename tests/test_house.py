"""What holds for every file of the project: lists that equal the tree, small modules, no loose ends."""

import ast
import configparser
import hashlib
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETUP = configparser.ConfigParser(interpolation=None)
SETUP.read(ROOT / "setup.cfg", "utf-8")
PACKAGE_DIRS = {
    name.strip(): ROOT / folder.strip()
    for name, _, folder in (line.partition("=") for line in SETUP["options"]["package_dir"].strip().splitlines())
}
LONGEST_MODULE = 400
MEDIAN_MODULE = 150
LONGEST_DOCSTRING = 5

#: What must not be left in a file. The brackets keep this file from finding itself.
LOOSE_ENDS = re.compile(
    r"""
    \b (TOD[O] | FIXM[E]) \b                                   # unfinished
    | \.\./share[d] | (?<![\w./*-]) /wor[k]/                   # a path of one machine
    | \b (REQUIREMENT[S] | DESIG[N] | CONTRAC[T] | PROVIDER[S]) \.md \b
    """,
    re.VERBOSE,
)


def modules() -> list[Path]:
    """Every module that ships."""
    return sorted(path for folder in PACKAGE_DIRS.values() for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def import_name(path: Path) -> str:
    """The dotted name of a module that ships."""
    name, folder = next((name, folder) for name, folder in PACKAGE_DIRS.items() if path.is_relative_to(folder))
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join((name, *parts)).removesuffix(".__init__")


def project_files() -> Iterator[Path]:
    """Every text file that is or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git work tree")
    for name in sorted(filter(None, listed.stdout.split("\0"))):
        path = ROOT / name
        if path.is_file() and not path.is_symlink() and b"\0" not in path.read_bytes()[:1024]:
            yield path


def test_packages_in_setup_cfg_equal_the_tree() -> None:
    listed = SETUP["options"]["packages"].split()

    found = {import_name(path.parent / "__init__.py") for path in modules()}

    assert listed == sorted(set(listed)), "in order, each once"
    assert set(listed) == found


def test_every_folder_with_modules_is_a_package() -> None:
    missing = {path.parent for path in modules() if not (path.parent / "__init__.py").is_file()}

    assert missing == set()


def test_every_root_is_typed_and_known_to_the_tools() -> None:
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]

    for name, folder in PACKAGE_DIRS.items():
        parent = folder.parent.relative_to(ROOT).as_posix()
        assert folder.name == name
        assert (folder / "py.typed").is_file(), name
        assert name in SETUP["mypy"]["packages"], name
        assert f"$MYPY_CONFIG_FILE_DIR/{parent}" in SETUP["mypy"]["mypy_path"].split(":"), name
        assert name in SETUP["importlinter"]["root_packages"].split(), name
        assert name in SETUP["coverage:run"]["source_pkgs"].split(), name
        assert parent in ruff["src"], name


def test_every_module_begins_by_saying_what_it_owns() -> None:
    wrong = {}
    for path in modules():
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        if not docstring or len(docstring.splitlines()) > LONGEST_DOCSTRING:
            wrong[path.relative_to(ROOT).as_posix()] = docstring

    assert wrong == {}


def test_modules_are_small() -> None:
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in modules()}

    # A revision of the schema is a list, and is never edited again.
    assert {name: count for name, count in lines.items() if count > LONGEST_MODULE and "/versions/" not in name} == {}
    assert statistics.median(lines.values()) < MEDIAN_MODULE


def test_no_file_has_loose_ends_or_speaks_of_anything_outside_the_project() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in project_files()
        if ".min." not in path.name and "recordings" not in path.parts
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if LOOSE_ENDS.search(line)
    ]

    assert found == []


def test_no_two_requirements_name_one_distribution_and_each_is_imported() -> None:
    required = [re.split(r"[ <>=!\[]", line, maxsplit=1)[0] for line in SETUP["options"]["install_requires"].strip().splitlines()]

    assert required == sorted(set(required), key=str.lower)
    assert {name.lower() for name in required} == {name.lower() for name in _imported_distributions()}


def _imported_distributions() -> set[str]:
    """The distributions that shipped modules import at their top or inside functions, type checking and extras aside."""
    distributions = metadata.packages_distributions()
    ours = set(PACKAGE_DIRS)
    #: Comes with a requirement that is named, and is written for by the same people: pinning both would make them fight.
    carried = {
        "itsdangerous": "Flask",
        "jinja2": "Flask",
        "markupsafe": "Flask",
        "werkzeug": "Flask",
        "wtforms": "Flask-WTF",
    }
    plugins, scim = {"google", "lxml", "msal", "phonenumbers", "signxml", "smpplib"}, {"pydantic", "scim2_models", "scim2_server"}
    optional = plugins | scim | {"celery", "kombu", "prometheus_client", "psycopg", "pytest", "weasyprint"}
    names = set()
    for path in modules():
        tree = ast.parse(path.read_text("utf-8"))
        unread = {id(inner) for outer in ast.walk(tree) if _for_type_checkers(outer) for inner in ast.walk(outer)}
        for node in ast.walk(tree):
            if id(node) in unread:
                continue
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported = [node.module]
            for name in (full.partition(".")[0] for full in imported):
                if name in sys.stdlib_module_names or name in ours or name in optional:
                    continue
                names.add(carried.get(name) or distributions[name][0])
    return {re.sub(r"[-_.]+", "-", name) for name in names}


def _for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


#: Ways to the network that lie in packages of which a plugin may use other parts; setup.cfg forbids those that are whole packages.
NETWORK = re.compile(r"urllib\.request|google\.auth\.transport|google\.auth\.aio|scim2_client|googleapiclient|os\.(popen|system)")


def test_no_plugin_has_another_way_to_the_network() -> None:
    plugins = {name: folder for name, folder in PACKAGE_DIRS.items() if folder.is_relative_to(ROOT / "plugins")}

    found = [f"{path.relative_to(ROOT)}: {name}" for path in modules() for name in _names(path) if NETWORK.match(name)]

    listed = set(SETUP["importlinter:contract:transport"]["source_modules"].split())
    assert listed == plugins.keys()
    assert [each for each in found if each.startswith("plugins/")] == []


def _names(path: Path) -> Iterator[str]:
    """Every dotted name that a module imports, from wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_what_others_wrote_is_named_with_its_licence_and_checksum() -> None:
    static = PACKAGE_DIRS["rolecall_webapp"] / "static"
    vendored = sorted(path for path in static.rglob("*") if ".min." in path.name)

    assert vendored, "htmx ships with us"
    for path in vendored:
        note = (path.parent / "README.md").read_text("utf-8")
        assert path.name in note
        assert hashlib.sha256(path.read_bytes()).hexdigest() in note, f"{path.name} is not the file that its README names"
        assert re.search(r"licen[cs]e", note, re.IGNORECASE), f"the README beside {path.name} names no licence"


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")

    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


#: Faces read as whoever asks. Besides: who asks and what is registered, the frame that narrows, the chain of the audit, which is one,
#: what needs the operator, and the demo, which is nobody's school.
READS_ALL = {
    "cli/accounts.py", "cli/audit.py", "cli/face.py", "cli/purge.py", "cli/setup.py", "rolecall_webapp/audit.py",
    "rolecall_webapp/frame.py", "demo/institution.py",
}  # fmt: skip


def test_no_face_reads_more_than_whoever_asks_may_see() -> None:
    faces = {path: path.relative_to(path.parents[1]).as_posix() for path in modules() if {"cli", "rolecall_webapp"} & set(path.parts)}

    assert {name for path, name in faces.items() if ".db.read()" in path.read_text("utf-8")} == READS_ALL


def test_every_line_of_a_check_that_may_fail_says_how_to_mend_it() -> None:
    """Where it is needed (R54); what is optional may say that in its detail alone."""
    silent = []
    for path in modules():
        for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
            given = {each.arg: each.value for each in call.keywords}
            always = isinstance(given.get("ok"), ast.Constant) and ast.unparse(given["ok"]) == "True"
            optional = "required" in given and ast.unparse(given["required"]) == "False"
            if ast.unparse(call.func).rpartition(".")[2] == "CheckLine" and not (always or optional or "fix" in given or None in given):
                silent.append(f"{path}:{call.lineno}")

    assert silent == []
