"""The page on which an institution says what a provider's attributes are filled with, and tries it on somebody before it is saved (R54).

Owns how a mapping is typed. What it comes to is `work.mappings`' to say, what is shown of it `mapping_parts`'; knows no attribute by name.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.errors import Invalid, Refused, Unknown
from rolecall.plugins.plugin import Plugin
from rolecall.sdk.fields import FormField
from rolecall.sdk.mapping import LONGEST, PLACEHOLDERS, TRANSFORMS, Mode
from rolecall.work import changes, mappings
from rolecall.work.mappings import Changing
from rolecall_webapp import mapping_parts
from rolecall_webapp.frame import application, needs
from rolecall_webapp.integrations import draw, plugin_of
from rolecall_webapp.mapping_parts import MODES
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import Form, Prose

pages = Blueprint("mapping", __name__, url_prefix="/integrations")

_WHO = "who"


@pages.get("/<name>/mapping")
@needs("integrations:edit")
def page(name: str) -> ResponseReturnValue:
    """What is mapped now, and what it comes to for whoever is searched for."""
    plugin = _with_mapping(name)
    return _page(plugin, mappings.stored(g.db, plugin), request.args.get(_WHO, ""))


@pages.post("/<name>/mapping/preview")
@needs("integrations:edit")
def preview(name: str) -> ResponseReturnValue:
    """The same with what stands in the form; nothing is saved."""
    plugin = _with_mapping(name)
    typed, who = _typed(plugin), request.form.get(_WHO, "")
    try:
        mappings.chosen(plugin, {}, typed)
    except Invalid as error:
        return _page(plugin, typed, who, _wrong(error)), 200 if "HX-Request" in request.headers else 422
    return _page(plugin, typed, who)


@pages.post("/<name>/mapping")
@needs("integrations:edit")
def save(name: str) -> ResponseReturnValue:
    """Save the mapping, once whoever saves it has seen how many accounts it changes."""
    plugin = _with_mapping(name)
    typed = _carried() if "chosen" in request.form else _typed(plugin)
    try:
        chosen = mappings.chosen(plugin, {}, typed)
    except Invalid as error:
        return _page(plugin, typed if isinstance(typed, dict) else {}, request.form.get(_WHO, ""), _wrong(error)), 422
    return _save(plugin, chosen, agreed=request.form.get("agreed") == "yes")


@pages.post("/<name>/mapping/reset")
@needs("integrations:edit")
def reset(name: str) -> ResponseReturnValue:
    """Give one attribute the plugin's own template and mode again, once it was seen what that changes."""
    plugin = _with_mapping(name)
    key = request.form.get("key", "").rpartition(".")[0]
    chosen = {each: own for each, own in mappings.stored(g.db, plugin).items() if each != key}
    return _save(plugin, chosen, agreed=False)


def _save(plugin: Plugin, chosen: Mapping[str, Any], *, agreed: bool) -> ResponseReturnValue:
    if not agreed:
        try:
            found = mappings.changing(application(), g.actor, plugin, chosen)
        except Refused:
            found = Changing()  # what stands in its way is said where it is saved
        if found.total:
            return draw(plugin, "mapping", mapping_parts.question(plugin, chosen, found))
    try:
        changes.set_plugin(application(), g.actor, plugin.name, values=mappings.whole(plugin, chosen))
    except Refused as error:
        wrong, status = problems(error)
        told = [sentence for sentences in wrong.values() for sentence in sentences]
        return _page(plugin, chosen, "", {"": [f"Fill in the settings of {plugin.label} first. {told[0]}"]}), status
    say(f"The mapping of {plugin.label} is saved.")
    return redirect(url_for("mapping.page", name=plugin.name), 303)


def _with_mapping(name: str) -> Plugin:
    plugin = plugin_of(name)
    if not mappings.attributes_of(plugin):
        raise Unknown(f"{plugin.label} has nothing to map.", hint=plugin.fault or "")
    return plugin


def _typed(plugin: Plugin) -> dict[str, Any]:
    """What stands in the form, by attribute; a long text is cut where it is refused anyway."""
    return {
        each.name: {
            "template": request.form.get(f"{each.name}.template", each.template).strip()[: LONGEST + 1],
            "mode": request.form.get(f"{each.name}.mode", str(each.mode)),
        }
        for each in mappings.attributes_of(plugin)
    }


def _carried() -> Any:
    """What a question carried to its answer.

    :raises Invalid: when it is none of ours.
    """
    try:
        return json.loads(request.form["chosen"][:100_000])
    except ValueError:
        raise Invalid("This form cannot be read.", hint="Open the page again and make your change once more.") from None


def _wrong(error: Invalid) -> dict[str, Sequence[str]]:
    """The sentences at the fields of the form."""
    return {f"{name.removeprefix('mapping.')}.template" if name else "": sentences for name, sentences in error.fields.items()}


def _page(plugin: Plugin, chosen: Mapping[str, Any], who: str, wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    tried = mapping_parts.tried(plugin, chosen, who, wrong or {})
    return draw(plugin, "mapping", [_help()], "mapping.html", form=_form(plugin, chosen, who, wrong or {}), tried=tried)


def _help() -> Prose:
    words = ", ".join(f"{{{name}}} {meaning}" for name, (meaning, _) in PLACEHOLDERS.items())
    return Prose(
        paragraphs=[
            f"Write text with placeholders in braces. A colon with {' or '.join(TRANSFORMS)} writes small or large: {{last_name:upper}}.",
            f"Placeholders: {words}.",
        ]
    )


def _form(plugin: Plugin, chosen: Mapping[str, Any], who: str, wrong: Mapping[str, Sequence[str]]) -> Form:
    fields: list[FormField] = []
    values: dict[str, Any] = {_WHO: who}
    notes: dict[str, str] = {}
    for mapped in mappings.attributes_of(plugin):
        name, label = mapped.name, mapped.label
        modes = tuple((key, text) for key, text in MODES.items() if not (mapped.required and key == Mode.IGNORE))
        fields += [
            FormField(name=f"{name}.template", label=f"Template of {label}", kind="text", help=mapped.help, group=label),
            FormField(name=f"{name}.mode", label=f"Who decides {label}", kind="choice", options=modes, required=True, group=label),
        ]
        own = chosen.get(name) or {}
        # Shown again as it was typed, however wrong it was.
        values |= {f"{name}.template": own.get("template", mapped.template), f"{name}.mode": str(own.get("mode", mapped.mode))}
        notes[f"{name}.template"] = (
            f"The plugin's own is {f'“{mapped.template}”' if mapped.template else 'empty'}, decided by: {MODES[mapped.mode]}."
        )
    whom = FormField(name=_WHO, label="Try it on", kind="text", help="A name, user name, e-mail or code.", group="Preview")
    return Form(
        action=url_for("mapping.save", name=plugin.name),
        fields=[whom, *fields],
        values=values,
        errors=wrong,
        notes=notes,
        resets=[f"{name}.template" for name in mappings.stored(g.db, plugin)],
        reset=url_for("mapping.reset", name=plugin.name),
        button="Save",
        also=[("Preview", url_for("mapping.preview", name=plugin.name))],
        cancel=url_for("integrations.page", name=plugin.name),
        live=url_for("mapping.preview", name=plugin.name),
    )
