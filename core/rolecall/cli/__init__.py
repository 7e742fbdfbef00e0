"""The rolecall command: every command of core, by subject. Those of other packages are found by their entry points."""

from rolecall.cli import accounts, act, audit, institution, people, plugins, purge, runs, settings, setup, sync, tokens
from rolecall.cli.frame import main

for command in (
    *setup.COMMANDS, *people.COMMANDS, *accounts.COMMANDS, *act.COMMANDS, *runs.COMMANDS, *institution.COMMANDS, *settings.COMMANDS,
    *plugins.COMMANDS, *sync.COMMANDS, *tokens.COMMANDS, *audit.COMMANDS, *purge.COMMANDS,
):  # fmt: skip
    main.add_command(command)

__all__ = ["main"]
