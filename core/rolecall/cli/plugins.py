"""``rolecall plugins``: what is installed, switching it on and off, settings, test of the connection, and a new one (R56, R68, R69)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from rolecall.cli.face import REFUSED, Face, Misused, face, finish, is_terminal, nearest, pairs
from rolecall.cli.frame import Words
from rolecall.cli.mapping import MAPPING, mapping_of, show_mapping
from rolecall.cli.output import count, plain, table
from rolecall.cli.scaffold import write_plugin
from rolecall.cli.settings import schema_of
from rolecall.errors import Unknown
from rolecall.plugins.plugin import Plugin
from rolecall.sdk.fields import secret_names
from rolecall.work import changes, connection
from rolecall.work.delivery import asking, usage
from rolecall.work.documents import Document, plugin_document


@click.group(cls=Words, default="list")
def plugins() -> None:
    """Plugins: what is installed and enabled."""


@plugins.command("list")
def list_plugins() -> None:
    """List what is installed."""
    call = face()
    call.require("integrations:view")
    with call.read() as session:
        items = [plugin_document(session, plugin) for plugin in call.app.plugins.installed.values()]
    columns: dict[str, Any] = {
        "id": "id", "plugin": "label", "version": "version", "enabled": "enabled", "provides": lambda each: ", ".join(each["provides"]),
        "state": lambda each: each["state"] if each["enabled"] and "provider" in each["provides"] else "",
        "": lambda each: each["fault"] or each["reason"] or "",
    }  # fmt: skip
    call.answer_list(items, columns, none="No plugin is installed.")


@plugins.command("enable")
@click.argument("plugin_id", metavar="ID")
def enable(plugin_id: str) -> None:
    """Switch a plugin on, without a restart."""
    _switch(plugin_id, enabled=True)


@plugins.command("disable")
@click.argument("plugin_id", metavar="ID")
def disable(plugin_id: str) -> None:
    """Switch a plugin off; its settings and links stay."""
    _switch(plugin_id, enabled=False)


@plugins.command("configure")
@click.argument("plugin_id", metavar="ID")
@click.argument("given", metavar="NAME=VALUE...", nargs=-1, required=True)
@click.option("--without-test", is_flag=True, help="Save them even if the connection does not work with them.")
def configure(plugin_id: str, given: Sequence[str], without_test: bool) -> None:
    """Change settings of a plugin. A secret whose value is “-” is asked for, so that it stays out of the shell's history.

    What is sent is set by mapping.NAME.template=… and mapping.NAME.mode=own, once or ignore; mapping.NAME= gives it the plugin's own again.
    """
    call = face()
    actor = call.require("integrations:edit")
    find_plugin(call, plugin_id)
    schema = schema_of(call, plugin_id)
    known, secrets = list(schema().fields), secret_names(schema)
    said: dict[str, Any] = dict(pairs(given, what="configure"))
    values = {name: value for name, value in said.items() if not name.startswith(MAPPING)}
    for name, value in values.items():
        if name not in known:
            hint = nearest(name, known, f"There are {', '.join(known)}.")
            raise Misused(f"{plugin_id} has no setting {plain(name)}.", hint=hint)
        if name in secrets and value == "-":
            values[name] = _ask(name)
    if mapping := mapping_of(call, plugin_id, {name: value for name, value in said.items() if name.startswith(MAPPING)}):
        values["mapping"] = mapping
    changes.set_plugin(call.app, actor, plugin_id, values=values, untested=without_test)
    _answer(call, plugin_id, f"Saved: {', '.join(said)}.")


@plugins.command("check")
@click.argument("plugin_id", metavar="ID")
def check(plugin_id: str) -> None:
    """Try the connection: one line per right, and how to mend what is missing."""
    call = face()
    call.require("integrations:edit")
    find_plugin(call, plugin_id)
    lines = connection.check(call.app, plugin_id)
    ok = connection.works(lines)
    items = connection.documents(lines)
    call.answer({"ok": ok, "lines": items}, lambda: [*table(["", "what", ""], [_line(each) for each in items])])
    finish(0 if ok else REFUSED)


@plugins.command("usage")
@click.argument("plugin_id", metavar="ID")
def show_usage(plugin_id: str) -> None:
    """What the messages of a channel came to: those that count today, and parts and cost of a day and a month."""
    call = face()
    call.require("integrations:view")
    plugin = find_plugin(call, plugin_id)
    with call.read() as session:
        found = usage.require(session, call.app.plugins.view(session), plugin.name)
    rows = [
        [label, f"{each.messages:,}", f"{each.parts:,}", asking.money(each.cost, found.currency)]
        for label, each in (("24 hours", found.day), ("30 days", found.month))
    ]
    told = f"{found.counted:,} of {count(found.limit, 'message')} count for today's limit."
    call.answer(usage.usage_document(found), lambda: [told, "", *table(["in", "messages", "parts", "cost"], rows)])


plugins.command("mapping")(show_mapping)


@plugins.command("new")
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where the folder is made; else here.")
def new(name: str, into: Path) -> None:
    """Write a new plugin: a small package with an action, a provider, its fake and tests that pass."""
    call = face()
    folder, files = write_plugin(name, into)
    call.answer(
        {"id": name, "folder": str(folder), "files": files},
        lambda: [f"{folder} has {len(files)} files.", f"Next: cd {folder} && pip install -e '.[test]' && pytest"],
    )


def find_plugin(call: Face, name: str) -> Plugin:
    """Return an installed plugin.

    :raises Unknown: naming the one that comes nearest.
    """
    plugin = call.app.plugins.installed.get(name)
    if plugin is None:
        hint = nearest(name, call.app.plugins.installed, "“rolecall plugins” lists them.")
        raise Unknown(f"There is no plugin called {plain(name)}.", hint=hint)
    return plugin


def _switch(plugin_id: str, *, enabled: bool) -> None:
    call = face()
    actor = call.require("integrations:edit")
    plugin = find_plugin(call, plugin_id)
    changes.set_plugin(call.app, actor, plugin_id, enabled=enabled)
    with call.read() as session:
        unproved = enabled and connection.is_unproved(session, plugin)
    never = f" Its connection never worked with these settings: try “rolecall plugins check {plugin_id}”." if unproved else ""
    _answer(call, plugin_id, f"{plugin.label} is {'enabled' if enabled else 'disabled'}.{never}")


def _answer(call: Face, plugin_id: str, text: str) -> None:
    with call.read() as session:
        document: Document = plugin_document(session, call.app.plugins.installed[plugin_id])
    call.answer(document, plain(text))


def _ask(name: str) -> str:
    if not is_terminal():
        raise Misused(f"There is no terminal to ask for {name}.", hint=f"Write it out: {name}=VALUE.")
    typed: str = click.prompt(name, hide_input=True, err=True)
    return typed


def _line(each: Mapping[str, Any]) -> list[str]:
    state = "ok" if each["ok"] else "missing" if each["required"] else "not there"
    return [state, plain(each["label"]), plain(" ".join(part for part in (each["detail"], "" if each["ok"] else each["fix"]) if part))]
