"""The wheel is the truth: what it holds equals the tree, and it works where there is no tree."""

import configparser
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parent.parent
SETUP = configparser.ConfigParser(interpolation=None)
SETUP.read(ROOT / "setup.cfg", "utf-8")
PACKAGE_DIRS = {
    name.strip(): Path(folder.strip())
    for name, _, folder in (line.partition("=") for line in SETUP["options"]["package_dir"].strip().splitlines())
}
#: Modules that the tests have and a wheel without extras has not.
EXTRAS = ("google", "lxml", "msal", "scim2_server", "signxml", "smpplib", "weasyprint")
#: The providers that cannot be shown without them.
NEEDING = ["google", "o365"]

pytestmark = [pytest.mark.xdist_group("wheel"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree so that nothing left from an earlier build gets in."""
    source = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for folder in PACKAGE_DIRS.values():
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    made = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", made, source], check=True, capture_output=True, timeout=240
    )
    (path,) = made.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new virtual environment that holds the wheel, and borrows only what the wheel depends on."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    # A .pth is not read where another .pth leads, so the editable install of the tree stays out.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    for name in EXTRAS:
        (site / f"{name}.py").write_text(f"raise ModuleNotFoundError({name!r}, name={name!r})\n", "utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", home / "bin" / "python"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall", wheel], check=True, timeout=240)
    return home / "bin"


@pytest.fixture
def rolecall(installed: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed command in an empty folder, with nothing of this process in its environment."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [installed / "rolecall", *arguments],
            input=stdin,
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def environment(home: Path) -> dict[str, str]:
    """What a new user's shell has."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def tree() -> Iterator[str]:
    """What should be in the wheel, by the names it has there."""
    for name, folder in PACKAGE_DIRS.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{name}/{path.relative_to(ROOT / folder).as_posix()}"


def test_wheel_holds_exactly_the_tree(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert names == set(tree())


def test_wheel_carries_the_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert any(name.endswith("/LICENSE") for name in names)


def test_installed_wheel_is_not_the_tree(installed: Path, tmp_path: Path) -> None:
    script = (
        "import rolecall, rolecall_moodle, rolecall_webapp; print(rolecall.__file__, rolecall_moodle.__file__, rolecall_webapp.__file__)"
    )

    answer = subprocess.run(
        [installed / "python", "-c", script], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=True
    )

    assert all(Path(name).is_relative_to(installed.parent) for name in answer.stdout.split())


def test_installed_wheel_sets_up_a_school(rolecall: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    made = rolecall(
        "init",
        *("--institution", "Harbour School", "--owner", "ada", "--first-name", "Ada", "--last-name", "Lund"),
        *("--email", "ada@example.org", "--password-stdin"),
        stdin="seven quiet herons wade\n",
    )
    listed = rolecall("accounts", "list", "--json")

    assert made.returncode == 0, made.stderr
    assert (tmp_path / "instance" / "rolecall.db").is_file()
    assert listed.returncode == 0, listed.stderr
    assert '"ada"' in listed.stdout


def test_installed_demo_answers_says_what_it_lacks_and_leaves_nothing_behind(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    before = set(tmp_path.iterdir())
    process = subprocess.Popen(
        [installed / "rolecall", "demo", "--port", str(port)],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = _until_address(process, f"http://127.0.0.1:{port}")
        ready = _get(port, "/readyz")
        link = urlsplit(next(word for word in said.split() if word.startswith(f"http://127.0.0.1:{port}/")))
        opened = _get(port, f"{link.path}?{link.query}" if link.query else link.path)
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)

    assert ready == 200, said
    assert opened in {200, 302, 303}, said
    assert process.returncode == 0, rest
    assert "Traceback" not in said + rest
    assert [line.partition(" is left out.")[0] for line in said.splitlines() if " is left out." in line] == NEEDING
    assert all(f"Install rolecall[{name}]." in said for name in NEEDING)
    assert set(tmp_path.iterdir()) == before


def _until_address(process: subprocess.Popen[str], address: str) -> str:
    """What the demo says until it has named the one-time link below its address; it says that when it listens."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if f"{address}/" in line:
            return "".join(lines)
    pytest.fail("the demo ended: " + "".join(lines))


def _get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status
