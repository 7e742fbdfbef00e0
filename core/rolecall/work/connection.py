"""Tries a provider's connection, with settings that need not be saved yet (R54).

Owns what of them may be used: a stored secret only at the address it was entered for (O-03). Nothing is written.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from rolecall.accounts import settings
from rolecall.errors import Refused, RolecallError, Unknown
from rolecall.sdk.http import Http
from rolecall.sdk.integration import integration_schema
from rolecall.sdk.provider import CheckLine, Provider
from rolecall.work.application import Application

#: Somebody waits in front of the page: a call that takes longer than this has failed.
DEADLINE = 15.0
#: More lines than a provider can have permissions.
MOST = 200

log = structlog.get_logger(__name__)


def check(app: Application, name: str, values: Mapping[str, Any] | None = None) -> tuple[CheckLine, ...]:
    """Ask a provider to try its connection: one line per permission. ``values`` stand in for what is saved; nothing is stored.

    :raises Unknown: when no such plugin is installed.
    :raises Refused: when it has no connection to try, or could not be loaded.
    :raises Invalid: with the sentences of each wrong setting.
    """
    plugin = app.plugins.installed.get(name)
    if plugin is None:
        raise Unknown(f"There is no plugin called {name}.", hint="The integrations page lists what is installed.")
    if plugin.fault:
        raise Refused(f"{plugin.label} cannot be tried.", hint=plugin.fault)
    kind = plugin.providers.get(name)
    if kind is None:
        raise Refused(f"{plugin.label} connects to nothing, so there is nothing to try.")
    schema = integration_schema(plugin.settings)
    with app.db.read() as session:
        chosen = settings.candidate(session, name, schema, values or {}, keyring=app.keyring)
    # No transaction is open from here on: the service may take its time.
    return tuple(_lines(app, kind, chosen))


def works(lines: tuple[CheckLine, ...]) -> bool:
    """Whether every line that is required is right."""
    return bool(lines) and all(line.ok or not line.required for line in lines)


def _lines(app: Application, kind: type[Provider], chosen: Mapping[str, Any]) -> list[CheckLine]:
    http = Http(allow=app.config.outbound_allow, deadline=DEADLINE, rate=kind.limits.rate)
    lines: list[CheckLine] = []
    try:
        for line in kind(chosen, http).check():
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
        http.close()
    return lines or [CheckLine(label="Connection", ok=True, detail="The plugin has nothing to try.", required=False)]
