"""``plugins new``: a package that works, is tested and fits the contract from the first minute (R68)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)


def run(*words: str | Path, cwd: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of this interpreter that also sees what is in ``site``."""
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8", "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=280)


def test_new_plugin_is_installed_and_its_tests_pass(empty, tmp_path):
    made = empty.json("plugins", "new", "door_keys", "--into", str(tmp_path))
    folder, site = Path(made["folder"]), tmp_path / "site"
    offline = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", site)

    installed = run("-m", "pip", "install", *offline, folder, cwd=tmp_path, site=site)
    tested = run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder, site=site)
    linted = run("-m", "ruff", "check", "--isolated", "--select", "E,F,B,UP", "--line-length", "140", ".", cwd=folder, site=site)
    listed = run("-c", "from rolecall.plugins.registry import Registry; print(Registry().installed['door_keys'])", cwd=tmp_path, site=site)

    assert installed.returncode == 0, installed.stderr
    assert tested.returncode == 0, tested.stdout[-4000:]
    assert " passed" in tested.stdout
    assert linted.returncode == 0, linted.stdout
    assert "fault=None" in listed.stdout, listed.stdout + listed.stderr


def test_every_file_is_written_and_none_has_a_placeholder_left(empty, tmp_path):
    made = empty.json("plugins", "new", "lockers", "--into", str(tmp_path))
    folder = Path(made["folder"])

    assert folder.name == "rolecall-lockers"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == made["files"]
    assert {"pyproject.toml", "README.md", "rolecall_lockers/fake.py", "tests/test_lockers.py"} <= set(made["files"])
    assert not [path for path in made["files"] if "$" in (folder / path).read_text("utf-8").replace("$ ", "")]


def test_nothing_is_overwritten(empty, tmp_path):
    folder = tmp_path / "rolecall-lockers"
    folder.mkdir()
    (folder / "README.md").write_text("mine", "utf-8")

    result = empty("plugins", "new", "lockers", "--into", str(tmp_path), code=1)

    assert "exists already" in result.stderr
    assert [path.read_text("utf-8") for path in folder.rglob("*")] == ["mine"]


@pytest.mark.parametrize("name", ["Lockers", "2keys", "door-keys", "a", "door__keys", "x" * 39, "../up"])
def test_name_that_cannot_be_an_id_is_a_wrong_usage(empty, tmp_path, name):
    result = empty("plugins", "new", name, "--into", str(tmp_path), code=2)

    assert "cannot be the id of a plugin" in result.stderr
    assert list(tmp_path.glob("rolecall-*")) == []


def test_name_of_an_installed_plugin_is_refused(empty, tmp_path):
    assert "installed already" in empty("plugins", "new", "moodle", "--into", str(tmp_path), code=1).stderr
