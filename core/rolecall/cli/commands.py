"""All commands of core, in the order of the help page. Those of other packages are found by their entry points."""

from rolecall.cli.accounts import accounts
from rolecall.cli.act import act, actions
from rolecall.cli.audit import audit
from rolecall.cli.frame import main
from rolecall.cli.institution import periods, roles, statuses
from rolecall.cli.people import people, roster
from rolecall.cli.plugins import plugins
from rolecall.cli.purge import purge
from rolecall.cli.runs import runs
from rolecall.cli.settings import settings
from rolecall.cli.setup import config, init, migrate, worker
from rolecall.cli.sync import sync
from rolecall.cli.tokens import tokens

for command in (
    init, migrate, config, worker, people, roster, accounts, actions, act, runs, roles, periods, statuses, settings, plugins, sync, tokens,
    audit, purge,
):  # fmt: skip
    main.add_command(command)

__all__ = ["main"]
