"""A registry that imports: text or a plugin's source in, counts, rows and people out."""

import pytest
from sqlalchemy import select

from rolecall.sdk.roster import RosterSource
from rolecall.store.tables import Person
from rolecall.testing.factories import make_status
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import csv_source, plugin_source
from rolecall.work.imports.stage import Options, stage

HEADER = "list,code,first_name,last_name,email,phone,language,active,status,no_sync\n"


class Registry:
    """What the tests of imports say. ``office`` is who does it."""

    def __init__(self, office, folder):
        self.office, self._folder, self._files = office, folder, 0

    @property
    def app(self):
        return self.office.app

    def file(self, text):
        self._files += 1
        path = self._folder / f"people{self._files}.csv"
        path.write_text(text if text.startswith(("list", "code", "class")) else HEADER + text, "utf-8")
        return path

    def stage(self, text, *, people_list=None, actor=None, **options):
        source = csv_source(self.file(text), "people.csv", people_list)
        return stage(self.app, actor or self.office.actor, source, Options(**options))

    def stage_with(self, source_id, path, **options):
        with self.app.db.read() as session:
            view = self.app.plugins.view(session)
        with plugin_source(view, source_id, path) as source:
            return stage(self.app, self.office.actor, source, Options(**options))

    def confirm(self, run_id, *, actor=None, **options):
        confirm(self.app, actor or self.office.actor, run_id, **options)
        self.office.work()
        return run_id

    def bring(self, text, **options):
        """Stage, confirm and work off."""
        return self.confirm(self.stage(text, **options))

    def counts(self, run_id):
        """Of the preview, without zeros."""
        return {name: n for name, n in self.office.run(run_id)["facts"]["counts"].items() if n}

    def outcomes(self, run_id):
        return {name: n for name, n in self.office.run(run_id)["counts"].items() if n}

    def messages(self, run_id):
        return [item["message"] for item in self.office.items(run_id) if item["message"]]

    def people(self, people_list="students"):
        """Code -> person."""
        with self.app.db.read() as session:
            return {person.code: person for person in session.scalars(select(Person).where(Person.list == people_list).order_by(Person.id))}

    def contents(self):
        """Every value of every person, to see whether anything moved."""
        with self.app.db.read() as session:
            return session.execute(select(Person.__table__).order_by(Person.id)).all()

    def use_source(self, people=(), relations=(), periods=(), classes=(), memberships=(), notes=(), is_delta=False):
        """Enable a plugin with one roster source made of what it yields, or of functions."""

        def yielding(said):
            return lambda _self: iter(said() if callable(said) else said)

        members = {"people": people, "relations": relations, "periods": periods, "notes": notes}
        members |= {"classes": classes, "memberships": memberships}
        kind = type(
            "Trial",
            (RosterSource,),
            {"id": "trial", "label": "Trial", "is_delta": is_delta, **{name: yielding(said) for name, said in members.items()}},
        )
        self.office.use("trial", register_roster_sources=lambda: [kind])


@pytest.fixture
def registry(office, tmp_path):
    registry = Registry(office, tmp_path)
    office.make(make_status, "Registered")
    office.make(make_status, "Withdrawn", type="withdrawn", provider_action="suspend")
    return registry
