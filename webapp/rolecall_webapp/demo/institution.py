"""Sets the demo school up through the same doors that an office uses: import, opening accounts, runs, settings of an integration."""

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rolecall.accounts import passwords, periods, settings, tokens
from rolecall.accounts.actors import operator
from rolecall.accounts.sign_in import LINK
from rolecall.plugins.state import set_enabled
from rolecall.sdk.integration import integration_schema
from rolecall.store.engine import now
from rolecall.work import setup
from rolecall.work.application import Application
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import CsvSource
from rolecall.work.imports.stage import Options, stage
from rolecall.work.runs.advance import advance
from rolecall.work.runs.opening import start_opening
from rolecall.work.runs.selection import of_words
from rolecall.work.runs.start import Request, start
from rolecall.work.setup import NewInstitution
from rolecall_webapp.demo.people import invent

NAME = "Demo School"
OWNER = "demo"
#: How long the link that the demo prints may wait to be opened.
LINK_LASTS = timedelta(hours=12)
_SHOWN = operator("demo")


def set_up(app: Application, fakes: Mapping[str, Mapping[str, Any]]) -> str:
    """Make the school, connect it to its fakes and return the token of the administrator's one-time link.

    ``fakes`` holds the settings that connect to each fake, by plugin.
    """
    # Nobody knows this password: the demo is entered by its link, and its owner may then choose one.
    unknown = passwords.generate_first_password()
    owner = NewInstitution(
        institution=NAME, username=OWNER, password=unknown, first_name="Dana", last_name="Demo", email="dana.demo@school.example"
    )
    owner_id = setup.set_up(app.config, owner, _SHOWN)
    following = _add_following_period(app)
    _connect(app, fakes)
    _import(app)
    _finish(app, start_opening(app, _SHOWN))
    _give_roles_in(app, following)
    with app.db.write() as session:
        return tokens.create_link(session, LINK, owner_id, lasts=LINK_LASTS, now=now(session))


def _add_following_period(app: Application) -> str:
    with app.db.write() as session:
        current = periods.current(session)
        year = (current.starts_on.year if current else now(session).year) + 1
        name = f"{year}/{(year + 1) % 100:02}"
        return periods.create(session, code=str(year), name=name, starts_on=date(year, 9, 1), ends_on=date(year + 1, 8, 31)).code


def _connect(app: Application, fakes: Mapping[str, Mapping[str, Any]]) -> None:
    with app.db.write() as session:
        for name in app.plugins.installed:
            if name in fakes or app.plugins.installed[name].sources:
                set_enabled(session, app.plugins, name, True, now=now(session))
    with app.db.write() as session:
        view = app.plugins.view(session)
        for name, values in fakes.items():
            settings.write(session, name, integration_schema(view.plugins[name].settings), values, actor=_SHOWN, keyring=app.keyring)


def _import(app: Application) -> None:
    file = Path(app.config.data) / "people.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(invent())
    _finish(app, confirm(app, _SHOWN, stage(app, _SHOWN, CsvSource(path=file, label="people.csv"), Options())))


def _give_roles_in(app: Application, period: str) -> None:
    params = {"mode": "add", "period": period, "role": "Default teacher"}
    _finish(app, start(app, _SHOWN, Request(action="roles.assign", selection=of_words({"type": "teacher"}), params=params)))


def _finish(app: Application, run_id: int) -> None:
    advance(app, run_id)
