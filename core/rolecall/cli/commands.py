"""All commands of core, in the order of the help page. Those of other packages are found by their entry points."""

from rolecall.cli.accounts import accounts
from rolecall.cli.act import act, actions
from rolecall.cli.audit import audit
from rolecall.cli.classes import classes
from rolecall.cli.comparison import compare
from rolecall.cli.doctor import doctor
from rolecall.cli.frame import main
from rolecall.cli.institution import roles
from rolecall.cli.keys import keys
from rolecall.cli.message_texts import templates
from rolecall.cli.messages import messages
from rolecall.cli.people import people, roster
from rolecall.cli.periods import periods
from rolecall.cli.plugins import plugins
from rolecall.cli.purge import purge
from rolecall.cli.runs import runs
from rolecall.cli.settings import settings
from rolecall.cli.setup import config, init, migrate, worker
from rolecall.cli.statuses import statuses
from rolecall.cli.sync import sync
from rolecall.cli.tokens import tokens

for command in (
    init, migrate, config, worker, people, classes, roster, accounts, actions, act, runs, roles, periods, statuses, settings,
    messages, templates, plugins, sync,
    doctor, tokens, audit, keys, purge,
):  # fmt: skip
    main.add_command(command)

# They are commands of ``sync`` and add themselves to it.
__all__ = ["compare", "main"]
