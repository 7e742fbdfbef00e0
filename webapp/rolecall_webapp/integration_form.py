"""The form of a plugin's settings: what it shows, what it sends, and what a test of the connection said above it (R54, R56).

Owns how a secret that was typed travels from one form to the next: sealed for this person, plugin and address (O-03).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from flask import g, request, url_for
from marshmallow import Schema

from rolecall.accounts.sealing import SealBroken
from rolecall.accounts.settings import is_address
from rolecall.plugins.plugin import Plugin
from rolecall.sdk.fields import FormField, secret_names
from rolecall_webapp import settings_form
from rolecall_webapp.frame import application
from rolecall_webapp.parts import Form, Line, Lines, Note, Part

#: Where a form carries a secret that was typed for a test, sealed, so that it need not be typed again to save it.
_CARRIED = "carried."


def form(
    plugin: Plugin, schema: type[Schema], values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None,
    carried: Mapping[str, str] | None = None, *, anyway: bool = False,
) -> Form:  # fmt: skip
    """The form with these values; ``anyway`` adds the button that saves without a test of the connection."""
    known = settings_form.stored(plugin.name, schema)
    fields = settings_form.relaxed(settings_form.fields_of(schema), known)
    notes = settings_form.notes_of(fields, known)
    for name in carried or {}:
        notes[name] = "What you typed is kept, unseen, until you save or leave this page."
        fields = [each if each.name != name else settings_form.optional(each) for each in fields]
    return Form(
        action=url_for("integrations.save", name=plugin.name),
        fields=fields,
        values=values,
        errors=wrong or {},
        notes=notes,
        resets=settings_form.resets_of(fields, known),
        reset=url_for("integrations.reset", name=plugin.name),
        hidden={f"{_CARRIED}{name}": sealed for name, sealed in (carried or {}).items()},
        button="Save",
        also=_more_buttons(plugin, anyway=anyway),
        cancel=url_for("integrations.page", name=plugin.name),
    )


def _more_buttons(plugin: Plugin, *, anyway: bool) -> list[tuple[str, str]]:
    can_try = plugin.providers or plugin.channels or plugin.login_methods
    buttons = [("Test connection", url_for("integrations.test", name=plugin.name))] if can_try else []
    if anyway:
        buttons.append(("Save anyway", url_for("integrations.save", name=plugin.name, untested="yes")))
    return buttons


def sent(plugin: Plugin, schema: type[Schema], fields: Sequence[FormField]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form says, and its secrets sealed, to be carried to the next form.

    A secret that was typed before a test comes back sealed for this person, plugin and address: elsewhere it does not open (O-03).
    """
    values = settings_form.collect(request.form, fields)
    place = _place(plugin, schema, values)
    keyring = application().keyring
    carried: dict[str, str] = {}
    for name in secret_names(schema):
        sealed = request.form.get(_CARRIED + name, "")[:10_000]
        if not values.get(name) and sealed:
            try:
                values[name] = keyring.open(sealed.encode(), f"{place}.{name}")
            except SealBroken:
                continue
        if values.get(name):
            carried[name] = keyring.seal(str(values[name]), f"{place}.{name}").decode()
    return values, carried


def _place(plugin: Plugin, schema: type[Schema], values: Mapping[str, Any]) -> str:
    addresses = [f"{name}={values.get(name, '')}" for name, each in schema().fields.items() if is_address(each)]
    digest = hashlib.sha256("\n".join(addresses).encode()).hexdigest()
    return f"form:{g.actor.name}:{plugin.name}:{digest}"


def result(plugin: Plugin, lines: Sequence[Mapping[str, Any]]) -> list[Part]:
    """What a test of the connection said, line by line."""
    bad = sum(not line["ok"] and bool(line["required"]) for line in lines)
    note = (
        Note(look="ok", text=f"The connection to {plugin.label} works.", hint="Nothing was saved or changed by this test.")
        if not bad
        else Note(
            look="bad",
            text="One thing does not work yet." if bad == 1 else f"{bad} things do not work yet.",
            hint="Each line below says how to mend it. Nothing was saved.",
        )
    )
    told = [Line(**each) for each in lines]
    # What does not work is read first.
    return [note, Lines(title="What was tried", lines=sorted(told, key=lambda each: each.ok))]
