"""``rolecall settings``: what the institution decided, in core and in plugins (R56)."""

from collections.abc import Sequence
from datetime import datetime

import click
from marshmallow import Schema

from rolecall.accounts import settings as rules
from rolecall.accounts.settings import Described
from rolecall.cli.face import Face, Misused, face, nearest, pairs
from rolecall.cli.frame import Words
from rolecall.cli.output import plain, table
from rolecall.errors import Refused, Unknown
from rolecall.plugins.plugin import CORE
from rolecall.work import changes
from rolecall.work.documents import settings_schema


@click.group(cls=Words)
def settings() -> None:
    """Settings of the institution and of plugins."""


@settings.command("get")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--plugin", default=CORE, metavar="ID", help="Of a plugin instead of the institution.")
def get(names: Sequence[str], plugin: str) -> None:
    """Show settings with their default, and who changed them. Secrets are never shown."""
    call = face()
    call.require("settings:view" if plugin == CORE else "integrations:view")
    schema = schema_of(call, plugin)
    with call.app.db.read() as session:
        described = rules.describe(session, plugin, schema)
    _known(names, [each.key for each in described])
    _answer(call, [each for each in described if not names or each.key in names])


@settings.command("set")
@click.argument("given", metavar="NAME=VALUE...", nargs=-1, required=True)
@click.option("--plugin", default=CORE, metavar="ID", help="Of a plugin instead of the institution.")
def set_settings(given: Sequence[str], plugin: str) -> None:
    """Change settings; several values are separated by commas."""
    call = face()
    actor = call.require("settings:edit" if plugin == CORE else "integrations:edit")
    values = pairs(given, what="settings set")
    schema = schema_of(call, plugin)
    _known(list(values), list(schema().fields))
    changes.set_plugin(call.app, actor, plugin, values=values)
    with call.app.db.read() as session:
        described = rules.describe(session, plugin, schema)
    _answer(call, [each for each in described if call.as_json or each.key in values])


def schema_of(call: Face, name: str) -> type[Schema]:
    """The schema of a plugin's settings.

    :raises Unknown: when no such plugin is installed.
    :raises Refused: when it has none.
    """
    plugin = call.app.plugins.installed.get(name)
    if plugin is None:
        hint = nearest(name, call.app.plugins.installed, "“rolecall plugins” lists them.")
        raise Unknown(f"There is no plugin called {plain(name)}.", hint=hint)
    schema: type[Schema] | None = settings_schema(plugin)
    if schema is None:
        raise Refused(f"{plugin.label} has no settings.", hint=plugin.fault or "")
    return schema


def _known(names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise Misused(f"There is no setting {plain(name)}.", hint=nearest(name, known, f"There are {', '.join(known)}."))


def _answer(call: Face, described: Sequence[Described]) -> None:
    rows = [[each.key, plain(_value(each)), each.origin, _minute(each.changed_at), plain(each.changed_by or "")] for each in described]
    call.answer({each.key: each.value for each in described}, lambda: table(["setting", "value", "from", "changed", "by"], rows))


def _minute(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M") if at else ""


def _value(each: Described) -> str:
    if each.secret:
        return "*** (set)" if each.is_set else "(not set)"
    if isinstance(each.value, bool):
        return "yes" if each.value else "no"
    return ", ".join(map(str, each.value)) if isinstance(each.value, list) else "" if each.value is None else str(each.value)
