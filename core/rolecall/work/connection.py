"""Tries the connection of a provider, channel or login method, with settings that need not be saved yet, and lets none be saved that do
not work (R54).

Owns what of them may be used: a stored secret only at the address it was entered for (O-03).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from marshmallow import Schema
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import settings
from rolecall.accounts.sealing import SealBroken
from rolecall.errors import NotConnected, Refused, RolecallError, Unknown
from rolecall.plugins import state
from rolecall.plugins.plugin import Plugin
from rolecall.sdk.channel import Channel
from rolecall.sdk.fields import form
from rolecall.sdk.http import Http
from rolecall.sdk.integration import needs_filling_in
from rolecall.sdk.login import LoginMethod
from rolecall.sdk.provider import CheckLine, Provider
from rolecall.store.engine import now
from rolecall.store.tables import PluginState, Setting
from rolecall.work.application import Application
from rolecall.work.login_methods import callback_url
from rolecall.work.runs.forms import Form
from rolecall.work.sync import circuit

#: Somebody waits in front of the page: a call that takes longer than this has failed.
DEADLINE = 15.0
#: More lines than a provider can have permissions.
MOST = 200
#: Lines that a refusal says itself; the rest is in what it carries.
MOST_TOLD = 5

Kind = type[Provider] | type[Channel] | type[LoginMethod]

log = structlog.get_logger(__name__)


def check(app: Application, name: str, values: Mapping[str, Any] | None = None) -> tuple[CheckLine, ...]:
    """Ask a provider, channel or login method to try its connection: one line per permission. ``values`` stand in for what is saved; no
    setting is stored. Of a provider that also signs people in, signing in is tried as well where it is switched on; its accounts do not
    wait for that.

    That it worked with the settings that are saved is remembered.

    :raises Unknown: when no such plugin is installed.
    :raises Refused: when it has no connection to try, or could not be loaded.
    :raises Invalid: with the sentences of each wrong setting.
    """
    plugin = app.plugins.installed.get(name)
    if plugin is None:
        raise Unknown(f"There is no plugin called {name}.", hint="The integrations page lists what is installed.")
    if plugin.fault:
        raise Refused(f"{plugin.label} cannot be tried.", hint=plugin.fault)
    kind = _kind(plugin)
    if kind is None:
        raise Refused(f"{plugin.label} connects to nothing, so there is nothing to try.")
    if plugin.given is not None and plugin.given.fault is not None:
        return (CheckLine(label=plugin.given.origin, ok=False, detail=plugin.given.fault, fix="The operator corrects it and restarts."),)
    chosen, differs = _chosen(app, plugin, kind, values or {})
    # No transaction is open from here on: the service may take its time.
    lines = tuple(_lines(app, plugin, kind, chosen))
    if not differs and works(lines):
        app.db.attempt(lambda session: _remember(session, plugin))
    return lines


def _remember(session: Session, plugin: Plugin) -> None:
    """Remember that the connection works; a channel that was refused is used again, because whatever it was is mended."""
    state.remember_connection(session, plugin.name, now(session), is_provider=bool(plugin.providers))
    if plugin.channels:
        circuit.resume(session, plugin.name)


def prove(app: Application, plugin: Plugin, values: Mapping[str, Any]) -> None:
    """Try the connection before settings are saved that it depends on.

    :raises NotConnected: when something that is required does not work.
    :raises Invalid: with the sentences of each wrong setting.
    """
    lines = check(app, plugin.name, values)
    if not works(lines):
        wrong = [line for line in lines if line.required and not line.ok]
        told = " ".join(_sentence(line) for line in wrong[:MOST_TOLD])
        raise NotConnected(
            f"{plugin.label} does not work with these settings, so they are not saved.",
            hint=f"{told} Mend it, or save them without the test.",
            lines=documents(lines),
        )


def depends(app: Application, plugin: Plugin, values: Mapping[str, Any]) -> bool:
    """Whether these values change something that the test of a connection tries, and there is such a test.

    Scope, mapping and what happens to closed accounts are no part of a connection, and nobody is connected where no account is sent and
    nothing says where to.

    :raises Invalid: with the sentences of each wrong setting.
    """
    kind = _kind(plugin)
    if kind is None or plugin.fault or not _can_check(kind):
        return False
    chosen, differs = _chosen(app, plugin, kind, values)
    if issubclass(kind, LoginMethod):
        return differs and _is_ready(kind, chosen)
    return differs and bool(chosen.get("user_types") or not needs_filling_in(plugin.settings, chosen))


def is_unproved(session: Session, plugin: Plugin) -> bool:
    """Whether a provider or channel that could try its connection never did so with success, with the settings that are saved, and
    is to be used.

    A call that succeeded since they were saved proves as much as a test.
    """
    kind = _kind(plugin)
    if (
        kind is None
        or plugin.fault
        or plugin.given is not None
        or not _can_check(kind)
        or settings.value(session, plugin.name, "user_types", None) == []
    ):
        return False
    if issubclass(kind, LoginMethod) and not _is_ready(kind, settings.read(session, plugin.name, plugin.settings_schema or Schema)):
        return False
    row = session.get(PluginState, plugin.name)
    if row is None or row.connected_at is not None:
        return row is None
    saved_at = session.scalar(select(func.max(Setting.changed_at)).where(Setting.plugin == plugin.name))
    return row.last_success_at is None or (saved_at is not None and row.last_success_at < saved_at)


def documents(lines: Iterable[CheckLine]) -> list[dict[str, object]]:
    """The lines as programs get them."""
    return [{"label": each.label, "ok": each.ok, "detail": each.detail, "fix": each.fix, "required": each.required} for each in lines]


def works(lines: tuple[CheckLine, ...]) -> bool:
    """Whether every line that is required is right."""
    return bool(lines) and all(line.ok or not line.required for line in lines)


def _kind(plugin: Plugin) -> Kind | None:
    """The provider or channel of a plugin, or else its login method, whose connection can be tried."""
    return plugin.providers.get(plugin.name) or plugin.channels.get(plugin.name) or plugin.login_methods.get(plugin.name)


def _can_check(kind: Kind) -> bool:
    return not any(kind.check is base.check for base in (Channel, LoginMethod, Provider))


def _is_ready(kind: type[LoginMethod], values: Mapping[str, Any]) -> bool:
    try:
        return kind.is_ready(values)
    except (Exception, SystemExit):  # a plugin may raise anything; what cannot say that it is ready is not
        log.exception("login method broke", method=kind.id)
        return False


def _chosen(app: Application, plugin: Plugin, kind: Kind, values: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """The settings with these values in place of what is saved, and whether a connection with them is another one."""
    if plugin.given is not None:
        return plugin.given.values, False
    schema = plugin.settings_schema or Schema
    fields = plugin.settings().fields if plugin.settings else {}
    own = {name for name, each in fields.items() if each.metadata.get("connection", True)} | {"classes"}
    with app.db.read() as session, form(Form(session=session, view=app.plugins.view(session))):
        chosen = settings.candidate(session, plugin.name, schema, values, keyring=app.keyring)
        try:
            saved = settings.read(session, plugin.name, schema, app.keyring)
        except SealBroken:
            return chosen, True
    # A secret that is not set is read as none, and left empty as an empty text.
    return chosen, any(chosen[name] != saved[name] and (chosen[name] or saved[name]) for name in own & chosen.keys())


def _sentence(line: CheckLine) -> str:
    return " ".join(part for part in (f"{line.label}: {line.detail}" if line.detail else f"{line.label} does not work.", line.fix) if part)


def _lines(app: Application, plugin: Plugin, kind: Kind, chosen: Mapping[str, Any]) -> list[CheckLine]:
    lines = _tried(app, plugin, kind, chosen)
    method = plugin.login_methods.get(plugin.name)
    if method is not None and method is not kind and _is_ready(method, chosen):
        lines += [replace(each, label=f"Signing in: {each.label}", required=False) for each in _tried(app, plugin, method, chosen)]
    return lines or [CheckLine(label="Connection", ok=True, detail="The plugin has nothing to try.", required=False)]


def _tried(app: Application, plugin: Plugin, kind: Kind, chosen: Mapping[str, Any]) -> list[CheckLine]:
    lines: list[CheckLine] = []
    http: Http | None = None
    try:
        found: Iterable[CheckLine]
        if issubclass(kind, Channel):
            channel = app.channels.candidate(plugin, kind, chosen, deadline=DEADLINE)
            http, found = channel.network.http, channel.check()
        elif issubclass(kind, LoginMethod):
            if not _is_ready(kind, chosen):
                return [CheckLine(label="Settings", ok=False, detail="They do not hold yet what signing in needs.", fix="Fill them in.")]
            http = Http(allow=app.config.outbound_allow, deadline=DEADLINE, connect=DEADLINE)
            found = kind(chosen, http).check(callback_url(app, kind.id))
        else:
            http = Http(allow=app.config.outbound_allow, deadline=DEADLINE, rate=kind.limits.rate)
            found = kind(chosen, http).check()
        for line in found:
            lines.append(line)
            if len(lines) == MOST:
                break
    except (Exception, SystemExit) as error:  # a plugin may raise anything; here it ends as a line
        log.error("check failed", provider=kind.id, error=type(error).__name__, exc_info=not isinstance(error, RolecallError))
        if isinstance(error, RolecallError):
            lines.append(CheckLine(label="Connection", ok=False, detail=error.message, fix=error.hint))
        else:
            detail = f"The plugin failed unexpectedly ({type(error).__name__})."
            lines.append(CheckLine(label="Connection", ok=False, detail=detail, fix="The log has the details; tell the plugin's author."))
    finally:
        if http is not None:
            http.close()
    return lines
