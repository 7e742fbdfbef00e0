"""``rolecall plugins mapping``: what a provider's attributes are filled with, tried on an account before it is saved (R54)."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from rolecall.cli.face import Face, Misused, face, find_account, nearest, pairs
from rolecall.cli.output import plain, table
from rolecall.errors import Refused, Unknown
from rolecall.plugins.plugin import Plugin
from rolecall.sdk.mapping import PLACEHOLDERS, TRANSFORMS
from rolecall.work import mappings
from rolecall.work.documents import Document

#: What the names of mapped attributes begin with among settings.
MAPPING = "mapping."


@click.argument("plugin_id", metavar="ID")
@click.argument("given", metavar="[mapping.NAME.template=TEXT]...", nargs=-1)
@click.option("--account", metavar="USERNAME", help="Show what each attribute would be for this account, and what would be sent.")
def show_mapping(plugin_id: str, given: Sequence[str], account: str | None) -> None:
    """Show what may be mapped at a provider. What is given is tried and not saved: “rolecall plugins configure” saves it."""
    call = face()
    actor = call.require("integrations:edit", *(["accounts:view"] if account else []))
    plugin = _with_mapping(call, plugin_id)
    said = mapping_of(call, plugin_id, pairs(given, what="plugins mapping"))
    with call.read() as session:
        chosen = mappings.chosen(plugin, mappings.stored(session, plugin), said)
        account_id = find_account(session, account).id if account else None
    described = mappings.described(mappings.attributes_of(plugin), chosen)
    tried = mappings.try_on(call.app, actor, plugin, account_id, chosen) if account_id is not None else None
    changing = mappings.changing(call.app, actor, plugin, chosen).total if said else 0
    items: list[Document] = [
        {"name": each.attribute.name, "label": each.attribute.label, "template": each.template, "mode": str(each.mode), "own": each.is_own}
        for each in described
    ]
    document = {"items": items, "changing": changing, "tried": mappings.tried_document(tried) if tried else None}

    def lines() -> list[str]:
        heads = ["attribute", "template", "mode", "", *(["would be"] if tried else [])]
        rows = [
            [
                plain(each["name"]), plain(each["template"]), each["mode"], "" if each["own"] else "changed",
                *([plain(tried.values.get(each["name"]) or "–")] if tried else []),
            ]
            for each in items
        ]  # fmt: skip
        told = [*table(heads, rows)]
        if tried:
            told.append(plain(tried.error or _sent(tried)))
        if said:
            told.append(f"Saved, it would change {changing:,} {'account' if changing == 1 else 'accounts'} there.")
        words = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        return [*told, f"Placeholders: {words}; after a colon {' or '.join(TRANSFORMS)}."]

    call.answer(document, lines)


def mapping_of(call: Face, plugin_id: str, said: Mapping[str, str]) -> dict[str, Any]:
    """Read ``mapping.NAME.template``, ``mapping.NAME.mode`` and ``mapping.NAME=`` into what the setting takes.

    :raises Misused: for a name that is none of these.
    """
    if not said:
        return {}
    known = [each.name for each in mappings.attributes_of(_with_mapping(call, plugin_id))]
    found: dict[str, Any] = {}
    for word, value in said.items():
        name, _, part = word.removeprefix(MAPPING).partition(".")
        if not word.startswith(MAPPING) or name not in known:
            raise Misused(
                f"{plugin_id} has no attribute {plain(name)} to map.", hint=nearest(name, known, f"There are {', '.join(known)}.")
            )
        if not part and not value:
            found[name] = None
        elif part in ("template", "mode"):
            found[name] = {**(found.get(name) or {}), part: value}
        else:
            raise Misused(f"{plain(word)} cannot be read.", hint=f"Write {MAPPING}{name}.template=TEXT or {MAPPING}{name}.mode=MODE.")
    return found


def _with_mapping(call: Face, plugin_id: str) -> Plugin:
    plugin = call.app.plugins.installed.get(plugin_id)
    if plugin is None:
        hint = nearest(plugin_id, call.app.plugins.installed, "“rolecall plugins” lists them.")
        raise Unknown(f"There is no plugin called {plain(plugin_id)}.", hint=hint)
    if not mappings.attributes_of(plugin):
        raise Refused(f"{plugin.label} has nothing to map.", hint=plugin.fault or "")
    return plugin


def _sent(tried: mappings.Tried) -> str:
    if tried.line is None:
        return "Nothing would be sent."
    if tried.line.error:
        return tried.line.error
    names = ", ".join(tried.line.fields)
    return f"A sync would {tried.line.verb} the account{f' with {names}' if names else ''}."
