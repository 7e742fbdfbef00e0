"""Writes a new plugin from templates: a package that works, is tested, and can be changed into what is needed (R68)."""

import re
from importlib.metadata import entry_points, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from rolecall.cli.face import Misused
from rolecall.cli.output import plain
from rolecall.errors import Refused

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 38
_SUFFIX = ".txt"


def write_plugin(name: str, into: Path) -> tuple[Path, list[str]]:
    """Write the plugin into a folder of its own and return the folder with the files in it.

    :raises Misused: when the name cannot be a plugin's id.
    :raises Refused: when the folder exists, or a plugin of this name is installed.
    """
    if not _NAME.fullmatch(name) or not 2 <= len(name) <= _LONGEST:
        raise Misused(
            f"“{plain(name)}” cannot be the id of a plugin.", hint=f"Use 2 to {_LONGEST} small letters and digits, with single underscores."
        )
    if any(point.name == name for point in entry_points(group="rolecall.plugins")):
        raise Refused(f"A plugin called {name} is installed already.", hint="Choose another name.")
    folder = into / f"rolecall-{name.replace('_', '-')}"
    if folder.exists():
        raise Refused(f"{folder} exists already; nothing was written.", hint="Choose another name, or --into another folder.")
    words = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "Name": "".join(part.capitalize() for part in name.split("_")),
        "label": name.replace("_", " ").capitalize(),
        "rolecall": ".".join(version("rolecall").split(".")[:2]),
    }
    written = {_target(path, name): Template(template.read_text("utf-8")).substitute(words) for path, template in _templates()}
    for path, text in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return folder, sorted(written)


def _templates() -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []

    def walk(folder: Traversable, path: str) -> None:
        for each in sorted(folder.iterdir(), key=lambda item: item.name):
            if each.is_dir():
                walk(each, f"{path}{each.name}/")
            elif each.name.endswith(_SUFFIX):
                found.append((f"{path}{each.name.removesuffix(_SUFFIX)}", each))

    walk(files("rolecall.cli").joinpath("templates"), "")
    return found


def _target(path: str, name: str) -> str:
    return path.replace("package/", f"rolecall_{name}/").replace("gitignore", ".gitignore").replace("test_plugin", f"test_{name}")
