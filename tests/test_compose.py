"""The files for containers name only settings, extras and commands that exist."""

import re
from configparser import ConfigParser
from pathlib import Path

import yaml

from rolecall.cli import main
from rolecall.config import load

ROOT = Path(__file__).parent.parent
COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")
SERVICES = yaml.safe_load(COMPOSE)["services"]
OURS = {name: each for name, each in SERVICES.items() if each["image"] == "rolecall"}


def test_every_process_gets_the_same_settings_and_they_are_understood() -> None:
    environments = [each["environment"] for each in OURS.values()]

    config = load({name: re.sub(r"\$\{\w+:\?\}", "https://accounts.example.org", value) for name, value in environments[0].items()})

    assert config.secure
    assert all(each == environments[0] for each in environments)


def test_what_has_to_be_filled_in_is_in_the_example() -> None:
    example = (ROOT / "compose.env.example").read_text("utf-8")

    assert set(re.findall(r"\$\{(\w+)", COMPOSE)) == set(re.findall(r"^(\w+)=", example, re.MULTILINE))


def test_the_commands_and_extras_exist() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    installed = [set(each.split(",")) for each in re.findall(r"(?:source|rolecall)\[(.*?)\]", dockerfile)]

    assert {each["command"][0] for each in OURS.values() if "command" in each} <= set(main.commands)
    assert installed[0] == installed[1] == set(setup["options.extras_require"]) - {"demo", "test"}
