"""Sets the demo school up through the same doors that an office uses: import, opening accounts, runs, settings of an integration."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from rolecall.accounts import passwords, periods, roles, settings, tokens
from rolecall.accounts.actors import operator
from rolecall.accounts.sign_in import LINK
from rolecall.plugins.state import set_enabled
from rolecall.sdk.words import USER_TYPES
from rolecall.store.engine import now
from rolecall.store.tables import Account, Person
from rolecall.work import setup
from rolecall.work.application import Application
from rolecall.work.documents import settings_schema
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import csv_source
from rolecall.work.imports.stage import Options, stage
from rolecall.work.runs.advance import advance
from rolecall.work.runs.opening import start_opening
from rolecall.work.runs.selection import of_words
from rolecall.work.runs.start import Request, start
from rolecall.work.setup import NewInstitution
from rolecall_webapp.demo.classes import invent_classes, invent_relations
from rolecall_webapp.demo.people import invent

NAME = "Demo School"
OWNER = "demo"
#: Of whom a service that signs people in knows somebody.
SHOWN_TYPES = ("student", "teacher", "guardian")
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
    _import(app, "people.csv", invent())
    _import(app, "classes.csv", invent_classes())
    _import(app, "guardians.csv", invent_relations())
    _finish(app, start_opening(app, _SHOWN))
    _give_roles_in(app, following)
    with app.db.write() as session:
        return tokens.create_link(session, LINK, owner_id, lasts=LINK_LASTS, now=now(session))


def some_people(app: Application) -> list[dict[str, str]]:
    """One open account of some user types, for services whose people are the school's own; a note says who each is."""
    found = []
    with app.db.read() as session:
        for user_type in SHOWN_TYPES:
            row = session.execute(
                select(Person.code, Person.first_name, Person.last_name, Person.email)
                .join(Account, Account.person_id == Person.id)
                .where(Account.type == user_type, Account.active, Person.email.is_not(None))
                .order_by(Person.id)
                .limit(1)
            ).one_or_none()
            if row is not None:
                found.append({**row._asdict(), "note": USER_TYPES[user_type]})
    return found


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
            schema = settings_schema(view.plugins[name])
            provider = view.plugins[name].providers.get(name)
            kept: dict[str, Any] = {"classes": True} if provider is not None and provider.has_classes() else {}
            if any(each.can_speak_for() for each in view.plugins[name].login_methods.values()):
                kept["new_account_roles"] = [str(roles.default_roles(session)["student"])]
            settings.write(session, name, schema, {**values, **kept}, actor=_SHOWN, keyring=app.keyring)


def _import(app: Application, name: str, rows: Iterable[Sequence[str]]) -> None:
    file = Path(app.config.data) / name
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    _finish(app, confirm(app, _SHOWN, stage(app, _SHOWN, csv_source(file, name), Options())))


def _give_roles_in(app: Application, period: str) -> None:
    params = {"mode": "add", "period": period, "role": "Default teacher"}
    _finish(app, start(app, _SHOWN, Request(action="roles.assign", selection=of_words({"type": "teacher"}), params=params)))


def _finish(app: Application, run_id: int) -> None:
    advance(app, run_id)
