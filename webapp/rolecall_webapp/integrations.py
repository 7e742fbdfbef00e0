"""Pages of plugins: what is installed and how it is, switching on and off, settings, trying the connection, the guide (R54, R56, R69)."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from rolecall.accounts.sealing import SealBroken
from rolecall.accounts.settings import is_address
from rolecall.errors import Refused, Unknown
from rolecall.plugins.plugin import CORE, Plugin
from rolecall.sdk.fields import FormField, secret_names
from rolecall.sdk.provider import CheckLine
from rolecall.work import changes, connection
from rolecall.work.documents import plugin_document, settings_schema
from rolecall_webapp import forms, markdown, settings_form
from rolecall_webapp.frame import application, may, needs, require_fresh
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import (
    Button,
    Buttons,
    Card,
    Cards,
    Facts,
    Form,
    Line,
    Lines,
    Link,
    Note,
    Part,
    Prose,
    Rich,
    State,
    Tab,
    cell,
)  # fmt: skip

pages = Blueprint("integrations", __name__, url_prefix="/integrations")

#: What a kind of thing that a plugin adds is called on its card.
_PROVIDES = {
    "provider": "keeps accounts in step",
    "roster": "imports people",
    "action": "adds actions",
    "filter": "adds filters to the accounts list",
    "column": "adds columns to the accounts list",
}
_VERBS = {
    "create": "create", "update": "change", "suspend": "suspend", "resume": "reopen", "delete": "delete", "accounts": "compare",
    "ensure_groups": "keep groups",
}  # fmt: skip
#: Where a form carries a secret that was typed for a test, sealed, so that it need not be typed again to save it.
_CARRIED = "carried."


@pages.get("")
@needs("integrations:view")
def index() -> ResponseReturnValue:
    """A card for every installed plugin, those that could not be loaded included."""
    cards = [_card(plugin) for plugin in application().plugins.installed.values() if plugin.name != CORE]
    if not cards:
        cards_or_none: Part = Note(text="No plugin is installed beside Rolecall itself.")
    else:
        cards_or_none = Cards(cards=cards)
    more = Prose(
        title="How to add another",
        paragraphs=[
            "A plugin is a Python package. The operator installs it beside Rolecall and restarts; it then appears here, not enabled.",
            "To write one of your own, begin with “rolecall plugins new”.",
        ],
        code="python -m pip install rolecall-NAME",
    )
    return render_template("page.html", title="Integrations", parts=[cards_or_none, more])


@pages.get("/<name>")
@needs("integrations:view")
def page(name: str) -> ResponseReturnValue:
    """How a plugin is, and what it adds."""
    plugin = _plugin(name)
    document = plugin_document(g.db, plugin)
    parts: list[Part] = []
    if document["fault"]:
        parts.append(Note(look="bad", text=f"{plugin.label} cannot be used.", hint=document["fault"]))
    elif document["enabled"] and document["state"] != "ok":
        parts.append(_trouble(plugin, document))
    parts.append(
        Facts(
            facts=[
                ("Identifier", cell(plugin.name)),
                ("Version", cell(plugin.version)),
                ("What it does", cell(_does(plugin), plain=True)),
                *([("Can do there", cell(_can(plugin), plain=True))] if plugin.providers else []),
            ]
        )
    )
    if may("integrations:edit"):
        parts.append(Buttons(groups=[("", _switches(plugin, document))]))
    return _draw(plugin, "page", parts)


@pages.get("/<name>/settings")
@needs("integrations:edit")
def settings(name: str) -> ResponseReturnValue:
    """The settings of a plugin, as its schema describes them."""
    plugin, schema = _with_settings(name)
    if secret_names(schema):
        require_fresh()
    known = settings_form.stored(name, schema)
    return _draw(plugin, "settings", [_form(plugin, schema, settings_form.values_of(known))])


@pages.post("/<name>/settings")
@needs("integrations:edit")
def save(name: str) -> ResponseReturnValue:
    """Save the settings; a secret that was left empty stays, unless an address changed (O-03)."""
    plugin, schema = _with_settings(name)
    if secret_names(schema):
        require_fresh(url_for("integrations.settings", name=name))
    fields = settings_form.fields_of(schema)
    values, carried = _sent(plugin, schema, fields)
    try:
        changes.set_plugin(application(), g.actor, name, values=values)
    except Refused as error:
        wrong, status = problems(error)
        shown = forms.echo(request.form, fields)
        return _draw(plugin, "settings", [_form(plugin, schema, shown, wrong, carried)]), status
    say(f"The settings of {plugin.label} are saved.")
    return redirect(url_for("integrations.page", name=name), 303)


@pages.post("/<name>/test")
@needs("integrations:edit")
def test(name: str) -> ResponseReturnValue:
    """Try the connection with what stands in the form, before it is saved (R54)."""
    plugin, schema = _with_settings(name)
    fields = settings_form.fields_of(schema)
    values, carried = _sent(plugin, schema, fields)
    g.db.rollback()  # no transaction stays open while the service takes its time
    shown, status = forms.echo(request.form, fields), 200
    wrong: dict[str, list[str]] = {}
    parts: list[Part] = []
    try:
        lines = connection.check(application(), name, values)
        parts = [*_result(plugin, lines)]
    except Refused as error:
        wrong, status = problems(error)
    return _draw(plugin, "settings", [*parts, _form(plugin, schema, shown, wrong, carried)]), status


@pages.get("/<name>/guide")
@needs("integrations:view")
def guide(name: str) -> ResponseReturnValue:
    """How to set the service up, in the plugin's own words."""
    plugin = _plugin(name)
    text = _guide(plugin)
    if not text:
        raise Unknown(f"{plugin.label} has no guide.")
    return _draw(plugin, "guide", [Rich(markup=markdown.render(text))])


@pages.post("/<name>/enabled")
@needs("integrations:edit")
def switch(name: str) -> ResponseReturnValue:
    """Switch a plugin on or off, without a restart; its settings and links stay (R69)."""
    plugin = _plugin(name)
    on = request.form.get("enabled") == "yes"
    changes.set_plugin(application(), g.actor, name, enabled=on)
    say(f"{plugin.label} is enabled." if on else f"{plugin.label} is disabled. Its settings and links stay.")
    return redirect(url_for("integrations.page", name=name), 303)


def _plugin(name: str) -> Plugin:
    plugin = application().plugins.installed.get(name)
    if plugin is None or name == CORE:
        raise Unknown("There is no such plugin.", hint="The integrations page lists what is installed.")
    return plugin


def _with_settings(name: str) -> tuple[Plugin, type[Schema]]:
    plugin = _plugin(name)
    if plugin.fault:
        raise Refused(f"{plugin.label} cannot be set up.", hint=plugin.fault)
    schema: type[Schema] | None = settings_schema(plugin)
    if schema is None:
        raise Unknown(f"{plugin.label} has no settings.")
    return plugin, schema


def _draw(plugin: Plugin, current: str, parts: Sequence[Part]) -> str:
    tabs = [Tab(label="Status", href=url_for("integrations.page", name=plugin.name), current=current == "page")]
    if not plugin.fault and settings_schema(plugin) is not None and may("integrations:edit"):
        tabs.append(Tab(label="Settings", href=url_for("integrations.settings", name=plugin.name), current=current == "settings"))
    if _guide(plugin):
        tabs.append(Tab(label="Guide", href=url_for("integrations.guide", name=plugin.name), current=current == "guide"))
    states = _states(plugin_document(g.db, plugin))
    return render_template("page.html", title=plugin.label, kicker="Integration", states=states, tabs_=tabs, parts=parts)


def _card(plugin: Plugin) -> Card:
    document = plugin_document(g.db, plugin)
    where = url_for("integrations.page", name=plugin.name)
    text = [f"It {_does(plugin)}."] if plugin.provides else []
    reason = document["fault"] or (document["reason"] if document["enabled"] else None)
    button = Button(label="Open" if document["enabled"] or plugin.fault else "Set up", href=where)
    return Card(
        title=plugin.label, href=where, kicker=f"{plugin.name} {plugin.version}".strip(), states=_states(document),
        text=[*text, reason] if reason else text, buttons=[button],
    )  # fmt: skip


def _states(document: Mapping[str, Any]) -> list[State]:
    if document["fault"]:
        return [State(word="Cannot be used", look="bad")]
    if not application().plugins.may_enable(document["id"]):
        return [State(word="Not allowed on this machine", look="off")]
    if not document["enabled"]:
        return [State(word="Not enabled", look="off")]
    if "provider" in document["provides"] and document["state"] != "ok":
        return [
            {"open": State(word="Not reachable", look="bad"), "paused": State(word="Paused", look="wait")}.get(
                document["state"], State(word="Held", look="wait")
            )
        ]
    if document["id"] in g.view.providers and _missing(document["id"]):
        return [State(word="Enabled", look="ok"), State(word="Needs settings", look="wait")]
    return [State(word="Enabled", look="ok")]


def _missing(name: str) -> list[str]:
    """Labels of required settings that are not set."""
    schema = settings_schema(application().plugins.installed[name])
    known = settings_form.stored(name, schema)
    return [each.label for each in settings_form.fields_of(schema) if each.required and not known[each.name].is_set]


def _trouble(plugin: Plugin, document: Mapping[str, Any]) -> Note:
    links = [Link(label="See what waits", href=url_for("sync.provider", name=plugin.name))]
    return Note(
        look="wait", text=document["reason"] or f"{plugin.label} is {document['state']}.", hint="Changes wait; none is lost.", links=links
    )


def _does(plugin: Plugin) -> str:
    return ", ".join(_PROVIDES.get(each, each) for each in plugin.provides) or "adds nothing"


def _can(plugin: Plugin) -> str:
    return ", ".join(label for verb, label in _VERBS.items() if plugin.providers[plugin.name].can(verb))


def _guide(plugin: Plugin) -> str:
    return "".join(kind.guide for kind in plugin.providers.values())


def _switches(plugin: Plugin, document: Mapping[str, Any]) -> list[Button]:
    where = url_for("integrations.switch", name=plugin.name)
    buttons = []
    if document["enabled"]:
        buttons.append(Button(label="Disable", href=where, post=True, values={"enabled": "no"}, help="Its settings and links stay"))
        if plugin.providers:
            buttons.append(Button(label="Sync and what waits", href=url_for("sync.provider", name=plugin.name)))
    else:
        why_not = plugin.fault
        if why_not is None and not application().plugins.may_enable(plugin.name):
            why_not = "The operator does not allow it: ROLECALL_PLUGINS_ALLOW does not name it."
        missing = _missing(plugin.name) if why_not is None and plugin.providers else []
        if missing:
            why_not = f"Fill in first, in its settings: {', '.join(missing)}."
        buttons.append(Button(label="Enable", href=where, post=True, values={"enabled": "yes"}, why_not=why_not, look="main"))
    return buttons


def _form(
    plugin: Plugin, schema: type[Schema], values: Mapping[str, Any], wrong: Mapping[str, Sequence[str]] | None = None,
    carried: Mapping[str, str] | None = None,
) -> Form:  # fmt: skip
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
        hidden={f"{_CARRIED}{name}": sealed for name, sealed in (carried or {}).items()},
        button="Save",
        also=("Test connection", url_for("integrations.test", name=plugin.name)) if plugin.providers else None,
        cancel=url_for("integrations.page", name=plugin.name),
    )


def _sent(plugin: Plugin, schema: type[Schema], fields: Sequence[FormField]) -> tuple[dict[str, Any], dict[str, str]]:
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


def _result(plugin: Plugin, lines: tuple[CheckLine, ...]) -> list[Part]:
    bad = sum(not line.ok and line.required for line in lines)
    note = (
        Note(look="ok", text=f"The connection to {plugin.label} works.", hint="Nothing was saved or changed by this test.")
        if connection.works(lines)
        else Note(
            look="bad",
            text="One thing does not work yet." if bad == 1 else f"{bad} things do not work yet.",
            hint="Each line below says how to mend it. Nothing was saved.",
        )
    )
    told = [Line(label=each.label, ok=each.ok, detail=each.detail, fix=each.fix, required=each.required) for each in lines]
    # What does not work is read first.
    return [note, Lines(title="What was tried", lines=sorted(told, key=lambda each: each.ok))]
