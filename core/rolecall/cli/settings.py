"""``rolecall settings``: what the institution decided, in core and in plugins (R56)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
from marshmallow import Schema

from rolecall.accounts import username_samples
from rolecall.accounts.core_settings import FORMAT
from rolecall.accounts.username_samples import Preview, Sample
from rolecall.cli.face import Face, Misused, face, nearest, pairs, words
from rolecall.cli.frame import Words
from rolecall.cli.output import plain, table
from rolecall.errors import Refused, Unknown
from rolecall.plugins.plugin import CORE
from rolecall.sdk.words import USER_TYPES
from rolecall.work import all_settings, changes
from rolecall.work.all_settings import Entry
from rolecall.work.documents import settings_schema


@click.group(cls=Words)
def settings() -> None:
    """Settings of the institution and of plugins."""


_PLUGIN = click.option("--plugin", default=CORE, metavar="ID", help="Of a plugin instead of the institution.")


@settings.command("get")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--q", default="", metavar="WORDS", help="Those in whose label, help, group or name the words stand.")
@_PLUGIN
def get(names: Sequence[str], q: str, plugin: str) -> None:
    """Show settings with their default, and who changed them. Secrets are never shown."""
    call = face()
    call.require("settings:view" if plugin == CORE else "integrations:view")
    _known(names, list(schema_of(call, plugin)().fields))
    _answer(call, plugin, lambda each: (not names or each.described.key in names) and each in all_settings.search([each], q))


@settings.command("set")
@click.argument("given", metavar="NAME=VALUE...", nargs=-1, required=True)
@_PLUGIN
@click.option("--without-test", is_flag=True, help="Save them even if a plugin's connection does not work with them.")
def set_settings(given: Sequence[str], plugin: str, without_test: bool) -> None:
    """Change settings; several values are separated by commas."""
    call = face()
    actor = call.require("settings:edit" if plugin == CORE else "integrations:edit")
    values = pairs(given, what="settings set")
    _known(list(values), list(schema_of(call, plugin)().fields))
    changes.set_plugin(call.app, actor, plugin, values=values, untested=without_test)
    _answer(call, plugin, lambda each: each.described.key in values)


@settings.command("reset")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_PLUGIN
def reset(names: Sequence[str], plugin: str) -> None:
    """Give settings their default again; a secret is removed."""
    call = face()
    actor = call.require("settings:edit" if plugin == CORE else "integrations:edit")
    _known(names, list(schema_of(call, plugin)().fields))
    changes.set_plugin(call.app, actor, plugin, values=dict.fromkeys(names))
    _answer(call, plugin, lambda each: each.described.key in names)


@settings.command("preview")
@click.argument("given", metavar="NAME=FORMAT", nargs=1)
def preview(given: str) -> None:
    """Try a format of user names on real people; nothing is saved. NAME is username_format_ and a user type."""
    call = face()
    call.require("settings:view", "people:view")
    ((name, formula),) = pairs([given], what="settings preview").items()
    known = {f"{FORMAT}{user_type}": user_type for user_type in USER_TYPES}
    if name not in known:
        hint = nearest(name, known, f"There are {', '.join(known)}.")
        raise Misused(f"There is no format called {plain(name)}.", hint=hint)
    with call.read() as session, words():
        found = username_samples.preview(session, known[name], formula)
    call.answer(
        {
            "total": found.total, "looked_at": found.looked_at, "numbered": found.numbered, "of_code": found.of_code, "cut": found.cut,
            "items": [_sample(each) for each in found.samples],
        },
        lambda: _preview_lines(found),
    )  # fmt: skip


def _sample(each: Sample) -> dict[str, object]:
    return {
        "code": each.code, "first_name": each.first_name, "last_name": each.last_name, "language": each.language,
        "username": each.foreseen.username, "number": each.foreseen.number, "of_code": each.foreseen.of_code, "cut": each.foreseen.cut,
    }  # fmt: skip


def _preview_lines(found: Preview) -> Iterator[str]:
    if not found.total:
        yield "There is nobody of this type to try it on yet."
        return
    rows = [
        [plain(f"{each.first_name} {each.last_name}"), plain(each.code), each.foreseen.username, ", ".join(each.foreseen.remarks)]
        for each in found.samples
    ]
    yield from table(["person", "code", "user name", ""], rows)
    yield found.sentence


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


def _answer(call: Face, plugin: str, wanted: Callable[[Entry], bool]) -> None:
    with call.read() as session:
        found = [each for each in all_settings.every(session, [call.app.plugins.installed[plugin]]) if wanted(each)]
    columns: dict[str, str | Callable[[Any], object]] = {
        "setting": "key", "value": _value, "default": lambda each: _spoken(each["default"]), "from": "origin",
        "changed": lambda each: (each["changed_at"] or "")[:16].replace("T", " "), "by": "changed_by",
    }  # fmt: skip
    call.answer_list([all_settings.document(each) for each in found], columns, none="No setting matches.")


def _value(each: Mapping[str, Any]) -> str:
    if each["secret"]:
        return "*** (set)" if each["is_set"] else "(not set)"
    return _spoken(each["value"])


def _spoken(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
