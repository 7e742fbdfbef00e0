"""What every plugin must do. Inherit, name the plugin, run pytest."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from marshmallow import Schema, ValidationError, fields

from rolecall.plugins.plugin import Plugin
from rolecall.plugins.registry import Registry
from rolecall.sdk.action import Grade
from rolecall.sdk.fields import describe, form
from rolecall.testing.fixtures import database_for, open_school
from rolecall.testing.school import School
from rolecall.work.runs.forms import Form

#: Names of settings whose values must not be shown.
_SECRET = re.compile(r"passw|secret|token|api_?key|credential|private", re.IGNORECASE)


class PluginContract:
    """The questions to every plugin::

    class TestLockers(PluginContract):
        plugin = "lockers"
    """

    #: The name of the plugin's entry point.
    plugin: ClassVar[str]

    @pytest.fixture
    def installed(self) -> Plugin:
        """The plugin as this process sees it."""
        registry = Registry()
        assert self.plugin in registry.installed, f"no plugin called {self.plugin} is installed: is its entry point there?"
        return registry.installed[self.plugin]

    @pytest.fixture
    def school(self, request: pytest.FixtureRequest, tmp_path: Path, installed: Plugin) -> Iterator[School]:
        """A school with the plugin enabled."""
        with open_school(database_for(request, tmp_path), tmp_path) as school:
            assert installed.fault is None, installed.fault
            school.enable(self.plugin)
            yield school

    def test_it_loads_and_fits_the_hooks(self, installed: Plugin) -> None:
        assert installed.fault is None, installed.fault
        assert installed.version, "give the distribution a version"

    def test_what_it_registers_has_words_for_people(self, installed: Plugin) -> None:
        things: list[Any] = [*installed.actions.values(), *installed.providers.values(), *installed.sources.values()]
        things += installed.login_methods.values()
        things += [*installed.filters.values(), *installed.columns.values(), *installed.endpoints.values()]
        for thing in things:
            assert thing.label.strip(), f"{thing.id} needs a label"
            assert thing.label[0].isupper(), f"the label of {thing.id} begins with a small letter"

    def test_actions_that_ask_for_consent_say_what_to(self, installed: Plugin) -> None:
        for action in installed.actions.values():
            assert action.grade is Grade.PLAIN or (action.confirm and action.confirm.strip()), f"{action.id} asks for consent to nothing"

    def test_forms_can_be_made_of_every_schema(self, installed: Plugin, school: School) -> None:
        with school.app.db.read() as session:
            context = Form(session=session, view=school.app.plugins.view(session))
            for schema in self._schemas(installed):
                with form(context):
                    for each in describe(schema, context):
                        assert each.label.strip(), f"{each.name} of {schema.__name__} needs a label"

    def test_settings_that_hold_secrets_are_marked(self, installed: Plugin) -> None:
        for name, each in self._settings(installed).items():
            if isinstance(each, fields.String) and _SECRET.search(name):
                assert each.metadata.get("secret"), f"the setting {name} looks like a secret; mark it: metadata={{'secret': True}}"

    def test_settings_have_defaults_that_they_take_themselves(self, installed: Plugin) -> None:
        if installed.settings is None:
            return
        try:
            installed.settings().load({})
        except ValidationError as error:
            required = {name for name, each in self._settings(installed).items() if each.required}
            assert set(error.messages) <= required, error.messages

    def test_it_can_be_enabled_and_disabled_at_any_time(self, installed: Plugin, school: School) -> None:
        anna = school.student("Anna")
        school.disable(self.plugin)
        school.change(anna, person={"last_name": "Other"})
        school.enable(self.plugin)

        with school.app.db.read() as session:
            view = school.app.plugins.view(session)
        assert set(installed.actions) <= set(view.actions)

    def test_columns_answer_for_a_whole_page(self, installed: Plugin, school: School) -> None:
        ids = school.students(3)
        with school.app.db.read() as session:
            for column in installed.columns.values():
                values = column.values(session, ids)
                assert set(values) <= set(ids), f"the column {column.id} answers for accounts it was not asked about"
                assert all(isinstance(text, str) for text in values.values()), f"the column {column.id} must answer with text"
                assert column.values(session, []) == {}, f"the column {column.id} must take an empty page"

    def _settings(self, installed: Plugin) -> dict[str, fields.Field[Any]]:
        return dict(installed.settings().fields) if installed.settings else {}

    def _schemas(self, installed: Plugin) -> Iterator[type[Schema]]:
        yield from (action.params for action in installed.actions.values())
        if installed.settings_schema is not None:
            yield installed.settings_schema
