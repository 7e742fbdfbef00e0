"""The page of a mapping: what is typed, what it comes to for somebody, and that nothing is saved before it was seen (R54)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from marshmallow import Schema, fields

from rolecall.config import load
from rolecall.sdk.mapping import MappedAttribute, Mode
from rolecall.testing.providers import MemoryProvider, memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work import mappings
from rolecall.work.application import Application

MAPPING = (
    MappedAttribute(name="name", label="Full name", template="{first_name} {last_name}", required=True),
    MappedAttribute(name="title", label="Job title", template="", mode=Mode.IGNORE, help="Shown on the card."),
)


class SiteSettings(Schema):
    url = fields.Url(required=True, metadata={"label": "Address"})


def attributes(self: Any, account: Any) -> dict[str, Any]:
    if account.username in self.service.unmappable:
        raise KeyError(account.username)
    return {"username": account.username, **self.mapped(account)}


@pytest.fixture
def provider() -> type[MemoryProvider]:
    return memory_provider("site", label="Site", mapping=MAPPING, attributes=attributes, settings_schema=SiteSettings)


@pytest.fixture
def core(database_url: str, tmp_path: Path, provider: type[MemoryProvider]) -> Iterator[Application]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    plugins = {"site": plugin_of(provider, SiteSettings), "plain": plugin_of(memory_provider("plain"))}
    with Application(config, plugins=plugins) as application:
        yield application


@pytest.fixture
def school(core: Application, provider: type[MemoryProvider]) -> School:
    school = School(core)
    school.configure(provider, {"url": "https://site.example", "user_types": ["student"]})
    return school


def form(**more: str) -> dict[str, object]:
    return {
        "name.template": "{first_name} {last_name}", "name.mode": "own", "title.template": "", "title.mode": "ignore", "who": "",
        **{name.replace("__", "."): value for name, value in more.items()},
    }  # fmt: skip


def saved(core: Application) -> dict[str, Any]:
    with core.db.read() as session:
        return mappings.stored(session, core.plugins.installed["site"])


def test_each_attribute_has_its_template_and_mode_and_says_what_is_the_plugins_own(signed_in: Callable, school: School) -> None:
    page = signed_in("integrations:view", "integrations:edit", "accounts:view").get("/integrations/site/mapping").text

    assert 'value="{first_name} {last_name}"' in page
    assert "Shown on the card." in page
    assert "The plugin&#39;s own is “{first_name} {last_name}”, decided by: Rolecall, always." in page
    assert page.count("Nobody here: left alone</option>") == 1  # what is required cannot be left alone
    assert "{last_name:upper}" in page
    assert 'hx-post="/integrations/site/mapping/preview"' in page


def test_it_is_tried_on_somebody_without_saving_or_calling(
    signed_in: Callable, school: School, core: Application, provider: type[MemoryProvider]
) -> None:
    browser = signed_in("integrations:view", "integrations:edit", "accounts:view")
    anna = school.student("Anna", linked_to=provider, last_name="Kowalska", username="anna.k")
    school.student("Anna", last_name="Nowak", username="anna.n")
    provider.service.journal.clear()

    page = browser.post("/integrations/site/mapping/preview", form(name__template="{last_name:upper}", who="anna.k")).text
    several = browser.get("/integrations/site/mapping?who=anna").text
    nobody = browser.get("/integrations/site/mapping?who=zzz").text

    assert "KOWALSKA" in page
    assert "A sync would change: name: Anna Kowalska → KOWALSKA." in page
    assert "Others are found by that too" in several
    assert "anna.n (Anna Nowak)" in several
    assert "Nobody is found by that." in nobody
    assert "Nothing would be sent for this account." in browser.get("/integrations/site/mapping?who=anna.k").text
    assert (saved(core), provider.service.journal, school.pending(anna)) == ({}, [], [])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name__template": "{nonsense}"}, "There is no placeholder {nonsense}."),
        ({"name__template": "{first_name"}, "A brace is not closed."),
        ({"name__template": "{first_name:loud}"}, "after the colon stands lower or upper"),
        ({"name__template": ""}, "Full name needs a template"),
        ({"name__mode": "ignore"}, "Full name cannot be left alone"),
        ({"title__mode": "sometimes"}, "Job title has the mode"),
        ({"title__template": "x" * 600}, "at most 500 characters"),
    ],
)
def test_mistakes_are_said_in_sentences_at_their_field_and_nothing_is_saved(
    signed_in: Callable, school: School, core: Application, change: dict[str, str], sentence: str
) -> None:
    browser = signed_in("integrations:view", "integrations:edit", "accounts:view")

    answers = [browser.post(f"/integrations/site/mapping{part}", form(**change)) for part in ("", "/preview")]

    for answer in answers:
        assert answer.status_code == 422
        assert sentence in answer.text.replace("&#39;", "'")
    assert f'id="wrong-{next(iter(change)).partition("__")[0]}.template"' in answers[0].text
    assert saved(core) == {}


def test_a_save_says_first_how_many_accounts_it_changes(
    signed_in: Callable, school: School, core: Application, provider: type[MemoryProvider]
) -> None:
    browser = signed_in("integrations:view", "integrations:edit")
    anna, ben = (school.student(name, linked_to=provider, last_name="K") for name in ("Anna", "Ben"))

    asked = browser.post("/integrations/site/mapping", form(name__template="{last_name}, {first_name}", title__mode="once"))
    before = saved(core)
    carried = asked.text.split('name="chosen" value="')[1].split('"')[0].replace("&#34;", '"')
    done = browser.post("/integrations/site/mapping", {"chosen": carried, "agreed": "yes"})
    school.work()

    assert "2 accounts at site would be changed" in asked.text
    assert "name: Anna K → K, Anna</bdi>" in asked.text
    assert before == {}
    assert done.status_code == 303
    assert saved(core) == {"name": {"template": "{last_name}, {first_name}"}, "title": {"mode": "once"}}
    assert [provider.service.of(school.key(each)).attributes["name"] for each in (anna, ben)] == ["K, Anna", "K, Ben"]  # type: ignore[union-attr]


def test_an_attribute_gets_the_plugins_own_again(signed_in: Callable, school: School, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")
    browser.post("/integrations/site/mapping", form(name__template="{code}", title__template="Pupil", title__mode="own"))

    answer = browser.post("/integrations/site/mapping/reset", {"key": "title.template"})

    assert answer.status_code == 303
    assert saved(core) == {"name": {"template": "{code}"}}


def test_a_carried_form_that_was_tampered_with_is_refused(signed_in: Callable, school: School, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")

    for chosen in ("{", "[]", '{"other": {}}', '{"name": {"template": "{x}"}}', '"text"'):
        assert browser.post("/integrations/site/mapping", {"chosen": chosen, "agreed": "yes"}).status_code == 422

    assert saved(core) == {}


def test_without_the_settings_of_the_connection_it_says_what_is_missing(signed_in: Callable, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit", "accounts:view")

    answer = browser.post("/integrations/site/mapping", form(name__template="{code}"))

    assert answer.status_code == 422
    assert "Fill in the settings of site first." in answer.text


def test_people_are_shown_only_to_whoever_may_see_accounts(signed_in: Callable, school: School) -> None:
    school.student("Anna", username="anna.k")

    page = signed_in("integrations:view", "integrations:edit").get("/integrations/site/mapping?who=anna").text

    assert "A preview is shown to whoever may see accounts." in page
    assert "anna.k" not in page


def test_an_account_that_the_plugin_cannot_map_says_so(signed_in: Callable, school: School, provider: type[MemoryProvider]) -> None:
    school.student("Anna", username="anna.k")
    provider.service.unmappable.add("anna.k")

    page = signed_in("integrations:view", "integrations:edit", "accounts:view").get("/integrations/site/mapping?who=anna.k").text

    assert "No plan can be made for this account." in page
    assert "KeyError" in page


def test_a_plugin_without_anything_to_map_has_no_such_page(signed_in: Callable, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")

    assert browser.get("/integrations/plain/mapping").status_code == 404
    assert "/mapping" not in browser.get("/integrations/plain").text
    assert signed_in("integrations:view").get("/integrations/site/mapping").status_code == 403
