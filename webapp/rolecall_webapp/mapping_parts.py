"""What a mapping comes to, as parts of its page: for one account, and the question before it is saved (R54)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import g, url_for

from rolecall.plugins.plugin import Plugin
from rolecall.sdk.mapping import Mode
from rolecall.work import mappings
from rolecall.work.mappings import Changing, Tried
from rolecall_webapp.frame import application, may
from rolecall_webapp.parts import Confirm, Empty, Form, Head, Note, Part, Row, Table, cell
from rolecall_webapp.sync import changed

MODES = {"own": "Rolecall, always", "once": "Rolecall once, until it has a value there", "ignore": "Nobody here: left alone"}
_VERBS = {
    "create": "create the account", "update": "change", "resume": "reopen the account", "suspend": "suspend the account",
    "delete": "delete the account",
}  # fmt: skip


def tried(plugin: Plugin, chosen: Mapping[str, Any], who: str, wrong: Mapping[str, Sequence[str]]) -> list[Part]:
    """What the mapping comes to for whoever is found by ``who``; the first of several, with the others named."""
    if not may("accounts:view"):
        return [Note(text="A preview is shown to whoever may see accounts.")]
    if wrong:
        told = [sentence for sentences in wrong.values() for sentence in sentences]
        return [Note(text="There is nothing to show until this is mended.", hint=" ".join(told), look="bad")]
    if not who.strip():
        return [Note(text="Search for somebody under “Try it on” to see what they would get.")]
    found = mappings.find(g.db, g.actor, who[:200])
    if not found:
        return [Empty(text="Nobody is found by that.", kind="match")]
    (account_id, username, name), *others = found
    seen = mappings.try_on(application(), g.actor, plugin, account_id, chosen)
    parts: list[Part] = [_values(plugin, chosen, seen, f"{name} ({username})"), _plan(plugin, seen)]
    if others:
        more = ", ".join(f"{other} ({full})" for _, other, full in others)
        parts.append(Note(text="Others are found by that too; write the user name of whom you mean.", hint=more))
    return parts


def question(plugin: Plugin, chosen: Mapping[str, Any], found: Changing) -> list[Part]:
    """How many accounts a save would change and how, with the form that agrees to it."""
    number = "One account" if found.total == 1 else f"{found.total:,} accounts"
    rows = [
        Row(
            cells=[
                cell(line.name or line.username, note=line.username),
                cell("; ".join(changed(name, before, after) for name, (before, after) in line.fields.items())),
            ]
        )
        for line in found.first
    ]
    title = "What would change" if found.total <= len(rows) else f"The first {len(rows)} of them"
    return [
        Form(
            action=url_for("mapping.save", name=plugin.name),
            fields=[],
            button="Save the mapping",
            title="Before it is saved",
            hidden={"chosen": json.dumps(chosen)},
            confirm=Confirm(grade="agree", text=f"{number} at {plugin.label} would be changed by the sync that begins when it is saved."),
            cancel=url_for("mapping.page", name=plugin.name),
        ),
        Table(title=title, caption=title, heads=[Head(label="Account"), Head(label="What would change")], rows=rows),
    ]


def _values(plugin: Plugin, chosen: Mapping[str, Any], seen: Tried, whom: str) -> Table:
    rows = [
        Row(
            off=each.mode is Mode.IGNORE,
            cells=[
                cell(each.attribute.label, plain=True),
                cell(seen.values.get(each.attribute.name) or "–"),
                cell(MODES[each.mode], plain=True),
            ],
        )
        for each in mappings.described(mappings.attributes_of(plugin), chosen)
    ]
    heads = [Head(label="Attribute"), Head(label="Would be"), Head(label="Who decides")]
    return Table(title=f"For {whom}", caption=f"What the attributes would be for {whom}", heads=heads, rows=rows)


def _plan(plugin: Plugin, seen: Tried) -> Note:
    line = seen.line
    error = seen.error or (line.error if line else None)
    if error:
        return Note(look="bad", text="No plan can be made for this account.", hint=error)
    if line is None:
        return Note(look="ok", text="Nothing would be sent for this account.", hint=f"It is in step, or {plugin.label} does not serve it.")
    fields = "; ".join(changed(name, before, after) for name, (before, after) in line.fields.items())
    return Note(text=f"A sync would {_VERBS.get(line.verb, line.verb)}{f': {fields}' if fields else ''}.", hint="Nothing was sent.")
