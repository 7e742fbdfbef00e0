"""Pages of settings: the institution's own in groups, a search over those of plugins and the process too, this installation (R56)."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts.core_settings import CoreSettings
from rolecall.errors import Refused
from rolecall.plugins.plugin import CORE
from rolecall.sdk.fields import FormField
from rolecall.work import all_settings, changes
from rolecall_webapp import forms, settings_form
from rolecall_webapp.frame import application, may, needs, permission_of
from rolecall_webapp.notices import say
from rolecall_webapp.paging import problems
from rolecall_webapp.parts import (
    Button,
    Buttons,
    Empty,
    Facts,
    FilterBar,
    FilterField,
    Form,
    Head,
    Link,
    Part,
    Row,
    Tab,
    Table,
    cell,
)  # fmt: skip

pages = Blueprint("settings", __name__, url_prefix="/settings")

#: Groups of settings below the headings under which an office looks for them.
_PATHS: tuple[tuple[str, Sequence[str]], ...] = (
    ("Security rights", ("Accounts & roles", "Passwords")),
    ("Institution", ("Institution", "User names", "Limits")),
)


@pages.get("")
@needs("settings:view")
def index() -> ResponseReturnValue:
    """Every setting of the institution, in groups; a search narrows them."""
    return _index(request.args.get("q", "").strip()[:100])


@pages.post("")
@needs("settings:edit")
def save() -> ResponseReturnValue:
    """Save what the form showed; settings that a search had hidden stay."""
    shown = settings_form.only(settings_form.fields_of(CoreSettings), request.form.get("shown", "").split(","))
    words = request.form.get("q", "")[:100]
    try:
        changes.set_plugin(application(), g.actor, CORE, values=settings_form.collect(request.form, shown))
    except Refused as error:
        wrong, status = problems(error)
        return _index(words, forms.echo(request.form, shown), wrong), status
    say("The settings are saved.")
    return redirect(url_for("settings.index", q=words or None), 303)


@pages.post("/reset")
@needs("settings:edit")
def reset() -> ResponseReturnValue:
    """Give one setting its default again."""
    key, words = request.form.get("key", ""), request.form.get("q", "")[:100]
    changes.set_plugin(application(), g.actor, CORE, values={key: None})
    say("The setting has its default again.")
    return redirect(url_for("settings.index", q=words or None, _anchor=f"field-{key}"), 303)


@pages.get("/installation")
@needs("settings:view")
def installation() -> ResponseReturnValue:
    """What the operator decides, with where each value comes from; secrets are never shown."""
    note = "The operator sets these in the environment or a file; a change needs a restart."
    return render_template(
        "page.html", title="This installation", kicker="Settings", note=note, tabs_=tabs("settings.installation"), parts=_of_process("")
    )


def _index(words: str, values: Mapping[str, Any] | None = None, wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    fields = settings_form.fields_of(CoreSettings)
    known = settings_form.stored(CORE, CoreSettings)
    shown = settings_form.matching(fields, known, words)
    below: list[Part] = [*_of_plugins(words), *_of_process(words)] if words else []
    sentence = _found(len(shown), below) if words else None
    rows: Part
    if not shown and below:
        rows = below.pop(0)
    elif not shown:
        rows = Empty(kind="match", text="No setting matches.", links=[Link(label="Show all", href=url_for("settings.index"))])
    elif may("settings:edit"):
        rows = Form(
            action=url_for("settings.save"),
            fields=settings_form.once(shown),
            values=values or settings_form.values_of(known),
            errors=wrong or {},
            notes=settings_form.notes_of(shown, known),
            resets=settings_form.resets_of(shown, known),
            reset=url_for("settings.reset"),
            hidden={"shown": ",".join(each.name for each in shown), "q": words},
            button="Save",
        )
    else:
        notes = settings_form.notes_of(shown, known)
        rows = Facts(
            facts=[(each.label, cell(settings_form.spoken(known[each.name].value, each), note=notes[each.name])) for each in shown]
        )
    bar = FilterBar(
        action=url_for("settings.index"), fields=[FilterField(id="q", label="Search", search=True, value=words, help="A word of a setting")]
    )
    actions = [Button(label="Who changed what", href=url_for("audit.index", kind="settings"))] if may("audit:view") else []
    return render_template(
        "list.html", title="Settings", tabs_=tabs("settings.index"), actions=actions, bar=bar, before=[] if words else [_contents(fields)],
        sentence=sentence, rows=rows, below=below,
    )  # fmt: skip


def _contents(fields: Sequence[FormField]) -> Buttons:
    """Where what is: the groups of this page below the paths that an office knows, and the pages beside it."""
    here = list(dict.fromkeys(each.group for each in fields))
    known = {group for _, groups in _PATHS for group in groups}
    beside: dict[str, list[tuple[str, str]]] = {
        "Security rights": [("Default roles", "roles.index")],
        "Institution": [("Try user names", "username_formats.index"), ("Student statuses", "statuses.index")],
        "Advanced": [("Integrations", "integrations.index"), ("This installation", "settings.installation")],
    }
    groups = []
    for heading, names in (*_PATHS, ("More", [each for each in here if each not in known]), ("Advanced", ())):
        buttons = [
            Button(label=each, href=f"#group-{each.lower().replace(' & ', '-').replace(' ', '-')}") for each in names if each in here
        ]
        for label, endpoint in beside.get(heading, ()):
            permission = permission_of(current_app.view_functions[endpoint])
            if permission is None or may(permission):
                buttons.append(Button(label=label, href=url_for(endpoint)))
        groups.append((heading, buttons))
    return Buttons(groups=groups)


def _found(own: int, others: Sequence[Part]) -> str:
    count = own + sum(len(each.rows) for each in others if isinstance(each, Table))
    return "1 setting" if count == 1 else f"{count:,} settings"


def _of_plugins(words: str) -> list[Part]:
    if not may("integrations:view"):
        return []
    plugins = [each for each in application().plugins.installed.values() if each.name != CORE]
    found = all_settings.search(all_settings.every(g.db, plugins), words)
    rows = []
    for each in found:
        setting = each.described
        shown = ("set, never shown" if setting.is_set else "not set") if setting.secret else settings_form.plainly(setting.value)
        href = settings_form.where(each.plugin, setting.key)
        rows.append(Row(cells=[cell(setting.label, href=href, note=setting.help), cell(each.owner), cell(shown), cell(setting.origin)]))
    heads = [Head(label=label) for label in ("Setting", "Integration", "Value", "From")]
    return [Table(title="Of integrations", caption="Settings of integrations", heads=heads, rows=rows)] if rows else []


def _of_process(words: str) -> list[Part]:
    rows = []
    for each in application().config.values.values():
        if not all_settings.matches(words, each.key.variable, each.key.name.replace("_", " "), each.key.help):
            continue
        shown = ("set, never shown" if each.value else "not set") if each.key.secret else each.value or "–"
        # An address of a database holds its password.
        shown = shown if "@" not in shown else "set, never shown"
        default = "" if each.key.secret or each.origin == "default" else each.key.default
        cells = [cell(each.key.variable), cell(shown, note=f"Default: {default}" if default else ""), cell(each.origin)]
        rows.append(Row(cells=[*cells, cell(each.key.help, plain=True)]))
    heads = [Head(label=label) for label in ("Variable", "Value", "From", "Meaning")]
    title = "Of this installation, set by the operator" if words else ""
    return [Table(title=title, caption="Settings of this installation", heads=heads, rows=rows)] if rows else []


def tabs(current: str) -> list[Tab]:
    """The tabs of every settings page; ``current`` is the endpoint of the one that is shown."""
    shown = (
        ("settings.index", "General"), ("username_formats.index", "User names"), ("statuses.index", "Student statuses"),
        ("settings.installation", "This installation"),
    )  # fmt: skip
    return [Tab(label=label, href=url_for(endpoint), current=endpoint == current) for endpoint, label in shown]
