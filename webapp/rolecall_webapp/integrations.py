"""Pages of plugins: what is installed and how it is, switching on and off, settings, trying the connection, the guide (R54, R56, R69)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from rolecall.accounts.settings import label_of
from rolecall.errors import NotConnected, PluginFault, Refused, Unknown
from rolecall.plugins.plugin import CORE, Plugin
from rolecall.sdk.fields import secret_names
from rolecall.sdk.integration import needs_filling_in
from rolecall.work import changes, connection, external_sign_in, login_methods, mappings
from rolecall.work.delivery import asking, usage
from rolecall.work.documents import plugin_document, settings_schema
from rolecall_webapp import endpoints, forms, integration_form, markdown, settings_form
from rolecall_webapp.errors import status_of
from rolecall_webapp.frame import application, may, needs, require_fresh
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import (
    Button,
    Buttons,
    Card,
    Cards,
    Cell,
    Facts,
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
    "login": "signs people in",
    "channel": "sends messages",
    "template": "adds kinds of messages",
    "roster": "imports people",
    "action": "adds actions",
    "filter": "adds filters to the accounts list",
    "column": "adds columns to the accounts list",
}
_VERBS = {
    "create": "create", "update": "change", "suspend": "suspend", "resume": "reopen", "delete": "delete", "accounts": "compare",
    "ensure_groups": "keep groups",
}  # fmt: skip


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
    plugin = plugin_of(name)
    document = plugin_document(g.db, plugin)
    parts: list[Part] = []
    if document["fault"]:
        parts.append(Note(look="bad", text=f"{plugin.label} cannot be used.", hint=document["fault"]))
    elif document["enabled"] and document["state"] != "ok":
        parts.append(_trouble(plugin, document))
    if plugin.given is not None:
        hint = f"It is enabled and configured by {plugin.given.origin}, whatever is saved here. Without that setting, what is saved counts."
        parts.append(Note(text=f"The operator set {plugin.label} up.", hint=hint))
    if not document["fault"] and document["settings"].get("report_only"):
        hint = "Changes wait, and plans show what would be sent. Switch “Report only” off in the settings to go on."
        parts.append(Note(look="wait", text=f"Nothing is sent to {plugin.label}.", hint=hint))
    if not document["fault"] and connection.is_unproved(g.db, plugin) and not _missing(name):
        parts.append(_unproved(plugin))
    parts.append(
        Facts(
            facts=[
                ("Identifier", cell(plugin.name)),
                ("Version", cell(plugin.version)),
                ("What it does", cell(_does(plugin), plain=True)),
                *([("Can do there", cell(_can(plugin), plain=True))] if plugin.providers else []),
                *_usage(plugin),
                *_addresses(plugin),
                *_ways_back(plugin),
            ]
        )
    )
    if may("integrations:edit"):
        parts.append(Buttons(groups=[("", _switches(plugin, document))]))
    return draw(plugin, "page", parts)


@pages.get("/<name>/settings")
@needs("integrations:edit")
def settings(name: str) -> ResponseReturnValue:
    """The settings of a plugin, as its schema describes them."""
    plugin, schema = _with_settings(name)
    if secret_names(schema):
        require_fresh()
    known = settings_form.stored(name, schema)
    return draw(plugin, "settings", [integration_form.form(plugin, schema, settings_form.values_of(known))])


@pages.post("/<name>/settings")
@needs("integrations:edit")
def save(name: str) -> ResponseReturnValue:
    """Save the settings; a secret that was left empty stays, unless an address changed (O-03)."""
    plugin, schema = _with_settings(name)
    if secret_names(schema):
        require_fresh(url_for("integrations.settings", name=name))
    fields = settings_form.fields_of(schema)
    values, carried = integration_form.sent(plugin, schema, fields)
    shown = forms.echo(request.form, fields)
    g.db.rollback()  # no transaction stays open while the service takes its time
    try:
        changes.set_plugin(application(), g.actor, name, values=values, untested=request.args.get("untested") == "yes")
    except NotConnected as error:
        parts: list[Part] = [
            *integration_form.result(plugin, error.lines),
            integration_form.form(plugin, schema, shown, None, carried, anyway=True),
        ]
        return draw(plugin, "settings", parts), status_of(error)
    except Refused as error:
        wrong, status = problems(error)
        return draw(plugin, "settings", [integration_form.form(plugin, schema, shown, wrong, carried)]), status
    say(f"The settings of {plugin.label} are saved.")
    return redirect(url_for("integrations.page", name=name), 303)


@pages.post("/<name>/reset")
@needs("integrations:edit")
def reset(name: str) -> ResponseReturnValue:
    """Give one setting of a plugin its default again."""
    _, schema = _with_settings(name)
    if secret_names(schema):
        require_fresh(url_for("integrations.settings", name=name))
    key = request.form.get("key", "")
    changes.set_plugin(application(), g.actor, name, values={key: None})
    say("The setting has its default again.")
    return redirect(url_for("integrations.settings", name=name, _anchor=f"field-{key}"), 303)


@pages.post("/<name>/test")
@needs("integrations:edit")
def test(name: str) -> ResponseReturnValue:
    """Try the connection with what stands in the form, before it is saved (R54)."""
    plugin, schema = _with_settings(name)
    fields = settings_form.fields_of(schema)
    values, carried = integration_form.sent(plugin, schema, fields)
    g.db.rollback()  # no transaction stays open while the service takes its time
    shown, status = forms.echo(request.form, fields), 200
    wrong: dict[str, list[str]] = {}
    parts: list[Part] = []
    try:
        parts = [*integration_form.result(plugin, connection.documents(connection.check(application(), name, values)))]
    except Refused as error:
        wrong, status = problems(error)
    return draw(plugin, "settings", [*parts, integration_form.form(plugin, schema, shown, wrong, carried)]), status


@pages.get("/<name>/guide")
@needs("integrations:view")
def guide(name: str) -> ResponseReturnValue:
    """How to set the service up, in the plugin's own words."""
    plugin = plugin_of(name)
    text = _guide(plugin)
    if not text:
        raise Unknown(f"{plugin.label} has no guide.")
    return draw(plugin, "guide", [Rich(markup=markdown.render(text))])


@pages.post("/<name>/enabled")
@needs("integrations:edit")
def switch(name: str) -> ResponseReturnValue:
    """Switch a plugin on or off, without a restart; its settings and links stay (R69)."""
    plugin = plugin_of(name)
    on = request.form.get("enabled") == "yes"
    unproved = on and connection.is_unproved(g.db, plugin)
    changes.set_plugin(application(), g.actor, name, enabled=on)
    if unproved:
        say(f"{plugin.label} is enabled, but its connection never worked with these settings. Test it on the page of its settings.", "wait")
    else:
        say(f"{plugin.label} is enabled." if on else f"{plugin.label} is disabled. Its settings and links stay.")
    return redirect(url_for("integrations.page", name=name), 303)


def plugin_of(name: str) -> Plugin:
    """Return an installed plugin.

    :raises Unknown: when there is none of this name, and for core, whose settings have a page of their own.
    """
    plugin = application().plugins.installed.get(name)
    if plugin is None or name == CORE:
        raise Unknown("There is no such plugin.", hint="The integrations page lists what is installed.")
    return plugin


def _with_settings(name: str) -> tuple[Plugin, type[Schema]]:
    plugin = plugin_of(name)
    if plugin.fault:
        raise Refused(f"{plugin.label} cannot be set up.", hint=plugin.fault)
    schema: type[Schema] | None = settings_schema(plugin)
    if schema is None:
        raise Unknown(f"{plugin.label} has no settings.")
    return plugin, schema


def draw(plugin: Plugin, current: str, parts: Sequence[Part], template: str = "page.html", **more: Any) -> str:
    """Draw a page about one plugin, with the tabs of the others."""
    tabs = [Tab(label="Status", href=url_for("integrations.page", name=plugin.name), current=current == "page")]
    if not plugin.fault and settings_schema(plugin) is not None and may("integrations:edit"):
        tabs.append(Tab(label="Settings", href=url_for("integrations.settings", name=plugin.name), current=current == "settings"))
    if mappings.attributes_of(plugin) and may("integrations:edit"):
        tabs.append(Tab(label="Mapping", href=url_for("mapping.page", name=plugin.name), current=current == "mapping"))
    if _guide(plugin):
        tabs.append(Tab(label="Guide", href=url_for("integrations.guide", name=plugin.name), current=current == "guide"))
    states = _states(plugin_document(g.db, plugin))
    return render_template(template, title=plugin.label, kicker="Integration", states=states, tabs_=tabs, parts=parts, **more)


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
    if {"provider", "channel"} & set(document["provides"]) and document["state"] != "ok":
        return [
            {"open": State(word="Not reachable", look="bad"), "paused": State(word="Paused", look="wait")}.get(
                document["state"], State(word="Held", look="wait")
            )
        ]
    if (document["id"] in g.view.providers or document["id"] in g.view.channels) and _missing(document["id"]):
        return [State(word="Enabled", look="ok"), State(word="Needs settings", look="wait")]
    if document["settings"].get("report_only"):
        return [State(word="Enabled", look="ok"), State(word="Report only", look="wait")]
    return [State(word="Enabled", look="ok")]


def _missing(name: str) -> list[str]:
    """Labels of the settings that are not set and without which no account can be sent; none where nobody's is to be."""
    schema = settings_schema(application().plugins.installed[name])
    if application().plugins.installed[name].given is not None or schema is None:
        return []
    known = settings_form.stored(name, schema)
    if "user_types" in known and known["user_types"].value == []:
        return []
    return needs_filling_in(schema, {key: each.is_set or None for key, each in known.items()})


def _trouble(plugin: Plugin, document: Mapping[str, Any]) -> Note:
    links = [Link(label="See what waits", href=url_for("sync.provider", name=plugin.name))] if plugin.providers else []
    return Note(
        look="wait", text=document["reason"] or f"{plugin.label} is {document['state']}.", hint="Changes wait; none is lost.", links=links
    )


def _unproved(plugin: Plugin) -> Note:
    where = [Link(label="Test it", href=url_for("integrations.settings", name=plugin.name))] if may("integrations:edit") else []
    return Note(look="wait", text=f"The connection to {plugin.label} never worked with the settings that are saved.", links=where)


def _does(plugin: Plugin) -> str:
    words = [_PROVIDES.get(each, each) for each in plugin.provides if each != "endpoint"]
    words += [f"{each.label[:1].lower()}{each.label[1:]}" for each in plugin.endpoints.values()]
    return ", ".join(words) or "adds nothing"


def _usage(plugin: Plugin) -> list[tuple[str, Cell]]:
    """What the messages of a channel came to, where they cost money (T-13)."""
    found = usage.usage(g.db, g.view, plugin.name)
    if found is None:
        return []
    sums = [
        (
            label,
            cell(
                f"{each.messages:,} in {each.parts:,} parts" + (f", {asking.money(each.cost, found.currency)} in all" if each.cost else ""),
                plain=True,
            ),
        )
        for label, each in (("Sent in 24 hours", found.day), ("Sent in 30 days", found.month))
    ]
    return [("Counts for today's limit", cell(f"{found.counted:,} of {found.limit:,} messages", plain=True)), *sums]


def _addresses(plugin: Plugin) -> list[tuple[str, Cell]]:
    """Where other systems call the plugin, and what they need; or what opens the address."""
    rows = []
    for endpoint in plugin.endpoints.values():
        rows.append((endpoint.label, cell(endpoints.address(endpoint), whole=True)))
        if endpoints.is_open(plugin, endpoint) and endpoint.signed is not None:
            text = "Open, for what the service signs. It needs no token."
        elif endpoints.is_open(plugin, endpoint):
            needed = sorted({each for route in endpoint.routes for each in route.permissions})
            text = f"Open, for API tokens of accounts that may {', '.join(needed)}."
        elif endpoint.setting is not None and plugin.settings_schema is not None:
            label = label_of(endpoint.setting, plugin.settings_schema().fields[endpoint.setting])
            text = f"Closed. Enable the plugin, and “{label}” in its settings."
        else:
            text = "Closed. Enable the plugin."
        rows.append(("That address is", cell(text, plain=True)))
    return rows


def _ways_back(plugin: Plugin) -> list[tuple[str, Cell]]:
    """What the administrator of a service that signs people in enters there."""
    rows = []
    for each in plugin.login_methods:
        rows.append(("Sends people back to", cell(login_methods.callback_url(application(), each), whole=True)))
        with suppress(Unknown, PluginFault):
            external_sign_in.public_document(application(), each)
            where = f"{application().config.base_url}{url_for('external_login.metadata', method=each)}"
            rows.append(("Reads about Rolecall at", cell(where, whole=True)))
    return rows


def _can(plugin: Plugin) -> str:
    return ", ".join(label for verb, label in _VERBS.items() if plugin.providers[plugin.name].can(verb))


def _guide(plugin: Plugin) -> str:
    guides = [each.guide for each in plugin.providers.values()]
    guides += [each.guide for each in plugin.login_methods.values()]
    guides += [each.guide for each in plugin.channels.values()]
    return "".join(guides)


def _switches(plugin: Plugin, document: Mapping[str, Any]) -> list[Button]:
    where = url_for("integrations.switch", name=plugin.name)
    buttons = []
    if document["enabled"]:
        given = f"The operator enabled it by {plugin.given.origin}." if plugin.given is not None else None
        buttons.append(
            Button(label="Disable", href=where, post=True, values={"enabled": "no"}, help="Its settings and links stay", why_not=given)
        )
        if plugin.providers:
            buttons.append(Button(label="Sync and what waits", href=url_for("sync.provider", name=plugin.name)))
    else:
        why_not = plugin.fault
        if why_not is None and not application().plugins.may_enable(plugin.name):
            why_not = "The operator does not allow it: ROLECALL_PLUGINS_ALLOW does not name it."
        missing = _missing(plugin.name) if why_not is None and (plugin.providers or plugin.channels) else []
        if missing:
            why_not = f"Fill in first, in its settings: {', '.join(missing)}."
            if plugin.endpoints:
                why_not += " Or choose nobody under “For whom”, if no account is to be sent anywhere."
        buttons.append(Button(label="Enable", href=where, post=True, values={"enabled": "yes"}, why_not=why_not, look="main"))
    return buttons
