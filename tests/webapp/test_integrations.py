"""Pages of plugins: cards, switching, settings with secrets, trying the connection, the guide (R54, R56, R69, O-03, O-06)."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from cryptography.fernet import Fernet
from marshmallow import Schema, fields

from rolecall import hookimpl
from rolecall.accounts import settings
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.sdk.integration import integration_schema
from rolecall.sdk.provider import CheckLine, Provider
from rolecall.store.tables import AuditEntry, WebSession
from rolecall.work.application import Application
from rolecall.work.changes import pause_provider, set_plugin

SECRET = "good-canary-4711"
SAVED = {"url": "https://old.example", "token": SECRET}


class ServiceSettings(Schema):
    url = fields.Url(required=True, require_tld=False, metadata={"label": "Address"})
    token = fields.String(required=True, metadata={"label": "Token", "secret": True})
    pupils = fields.Boolean(load_default=True, metadata={"label": "With pupils"})
    limit = fields.Integer(load_default=5, metadata={"label": "Limit"})


class Service(Provider):
    id = "service"
    label = "Service"
    guide = "# Connect\n\nGo to **Settings** and <script>alert(1)</script>."
    settings_schema = ServiceSettings
    seen: ClassVar[list[tuple[object, object]]] = []

    def check(self) -> Iterable[CheckLine]:
        self.seen.append((self.settings["url"], self.settings["token"]))
        yield CheckLine(label="Reach the site", ok=True)
        yield CheckLine(label="Create users", ok="good" in self.settings["token"], detail="403", fix="Grant the <right>.")

    def attributes(self, account):
        return {}

    def find(self, account):
        return None

    def create(self, account, wanted, password):
        raise NotImplementedError


@pytest.fixture
def core(database_url: str, tmp_path: Path) -> Iterator[Application]:
    """A process with one good plugin and one that cannot be loaded."""
    good, bad = ModuleType("service"), ModuleType("broken")
    good.LABEL = "Service"
    good.register_providers = hookimpl(lambda: [Service], specname="register_providers")
    good.plugin_settings = hookimpl(lambda: ServiceSettings, specname="plugin_settings")
    bad.register_actions = hookimpl(lambda: 1 / 0, specname="register_actions")
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    Service.seen.clear()
    with Application(config, plugins={"service": good, "broken": bad}) as application:
        yield application


@pytest.fixture
def saved(core: Application) -> None:
    set_plugin(core, operator("tester"), "service", values=SAVED, untested=True)


def stored(core: Application) -> dict[str, object]:
    with core.db.read() as session:
        return settings.read(session, "service", integration_schema(ServiceSettings), core.keyring)


def form(**more: str) -> dict[str, object]:
    return {"url": "https://old.example", "token": "", "pupils": "yes", "limit": "5", "user_types": ["student"],
            "on_deactivation": "suspend", "on_deletion": "suspend", **more}  # fmt: skip


def test_a_plugin_that_also_takes_people_in_is_enabled_without_sending_anybody(signed_in: Callable, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")
    before = browser.get("/integrations/scim").text

    set_plugin(core, operator("tester"), "scim", values={"user_types": [], "inbound": True})
    browser.post("/integrations/scim/enabled", {"enabled": "yes"})

    assert "Address of the service. Or choose nobody under “For whom”" in before
    assert "takes people in by SCIM" in browser.get("/integrations").text
    page = browser.get("/integrations/scim").text
    assert "/scim/v2" in page
    assert "Open, for API tokens of accounts that may people:create, people:edit, people:view." in page
    assert "Needs settings" not in page


def test_every_installed_plugin_has_a_card_with_its_fault(signed_in: Callable) -> None:
    page = signed_in("integrations:view").get("/integrations").text

    assert "Service" in page
    assert "Not enabled" in page
    assert "Cannot be used" in page
    assert "ZeroDivisionError" in page
    assert "How to add another" in page


def test_a_plugin_is_enabled_only_once_its_settings_are_there(signed_in: Callable, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")
    assert "Fill in first, in its settings: Address, Token." in browser.get("/integrations/service").text

    set_plugin(core, operator("tester"), "service", values=SAVED)
    assert browser.post("/integrations/service/enabled", {"enabled": "yes"}).status_code == 303
    assert "Enabled" in browser.get("/integrations/service").text
    assert "Service" in browser.get("/sync").text

    assert browser.post("/integrations/service/enabled", {"enabled": "no"}).status_code == 303
    assert "Not enabled" in browser.get("/integrations").text
    assert stored(core)["token"] == SECRET
    with core.db.read() as session:
        assert [entry.kind for entry in session.query(AuditEntry).filter(AuditEntry.kind.like("plugin.%"))] == [
            "plugin.enable",
            "plugin.disable",
        ]


def test_a_plugin_that_cannot_be_loaded_says_why_and_cannot_be_enabled(signed_in: Callable) -> None:
    browser = signed_in("integrations:view", "integrations:edit")

    assert "ZeroDivisionError" in browser.get("/integrations/broken").text
    assert browser.post("/integrations/broken/enabled", {"enabled": "yes"}).status_code == 409
    assert browser.get("/integrations/broken/settings").status_code == 409


def test_settings_are_saved_with_the_common_ones(signed_in: Callable, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")
    page = browser.get("/integrations/service/settings").text
    assert 'name="on_deletion"' in page
    assert 'type="password"' in page

    answer = browser.post("/integrations/service/settings", form(token=SECRET, pupils="no", limit="7"))

    assert answer.status_code == 303
    found = stored(core)
    assert (found["token"], found["pupils"], found["limit"], found["user_types"]) == (SECRET, False, 7, ["student"])


def test_a_secret_is_never_shown_again(signed_in: Callable, core: Application, saved: None) -> None:
    browser = signed_in("integrations:view", "integrations:edit", "audit:view")

    pages = [
        browser.get(path).text
        for path in ("/integrations", "/integrations/service", "/integrations/service/settings", "/audit", "/audit/1")
    ]
    pages.append(browser.post("/integrations/service/settings", form(token=SECRET, limit="many")).text)
    pages.append(browser.post("/integrations/service/test", form(token=SECRET)).text)

    assert all(SECRET not in page for page in pages)
    assert "It is set just now by" in pages[2]


def test_a_secret_that_is_left_empty_stays(signed_in: Callable, core: Application, saved: None) -> None:
    browser = signed_in("integrations:view", "integrations:edit")

    assert browser.post("/integrations/service/settings", form(limit="9")).status_code == 303

    assert (stored(core)["token"], stored(core)["limit"]) == (SECRET, 9)


def test_mistakes_are_said_at_their_fields_and_nothing_is_saved(signed_in: Callable, core: Application, saved: None) -> None:
    browser = signed_in("integrations:view", "integrations:edit")

    answer = browser.post("/integrations/service/settings", form(url="nonsense", limit="many"))

    assert answer.status_code == 422
    assert 'id="wrong-url"' in answer.text
    assert 'id="wrong-limit"' in answer.text
    assert 'value="nonsense"' in answer.text
    assert stored(core)["url"] == "https://old.example"


def test_the_connection_is_tried_with_the_values_of_the_form_before_they_are_saved(signed_in: Callable, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")

    answer = browser.post("/integrations/service/test", form(url="https://new.example", token="typed"))

    assert answer.status_code == 200
    assert Service.seen == [("https://new.example", "typed")]
    assert "One thing does not work yet." in answer.text
    assert "Grant the &lt;right&gt;." in answer.text
    assert stored(core)["url"] is None
    assert 'value="https://new.example"' in answer.text


def test_what_was_typed_for_a_test_need_not_be_typed_again_to_save(signed_in: Callable, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")
    page = browser.post("/integrations/service/test", form(token="good")).text
    assert "The connection to Service works." in page
    carried = page.split('name="carried.token" value="')[1].split('"')[0]

    assert browser.post("/integrations/service/settings", form(**{"carried.token": carried})).status_code == 303

    assert stored(core)["token"] == "good"


def test_settings_that_do_not_work_are_saved_only_by_whoever_wants_them_all_the_same(signed_in: Callable, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")

    refused = browser.post("/integrations/service/settings", form(token="bad"))
    before = stored(core)["url"]
    carried = refused.text.split('name="carried.token" value="')[1].split('"')[0]
    anyway = browser.post("/integrations/service/settings?untested=yes", form(**{"carried.token": carried}))

    assert refused.status_code == 409
    assert "Grant the &lt;right&gt;." in refused.text
    assert 'formaction="/integrations/service/settings?untested=yes"' in refused.text
    assert before is None
    assert anyway.status_code == 303
    assert stored(core)["token"] == "bad"
    assert "never worked with the settings that are saved" in browser.get("/integrations/service").text
    enabled = browser.post("/integrations/service/enabled", {"enabled": "yes"}, follow_redirects=True).text
    assert "its connection never worked with these settings" in enabled


def test_a_test_that_works_with_what_is_saved_is_remembered(signed_in: Callable, saved: None) -> None:
    browser = signed_in("integrations:view", "integrations:edit")
    before = browser.get("/integrations/service").text

    browser.post("/integrations/service/test", form(token="good but other"))
    other = browser.get("/integrations/service").text
    browser.post("/integrations/service/test", form())

    assert "never worked" in before
    assert "never worked" in other
    assert "never worked" not in browser.get("/integrations/service").text
    assert "its connection" not in browser.post("/integrations/service/enabled", {"enabled": "yes"}, follow_redirects=True).text


def test_scope_and_closing_are_saved_without_a_test(signed_in: Callable, core: Application) -> None:
    set_plugin(core, operator("tester"), "service", values={**SAVED, "token": "bad"}, untested=True)
    browser = signed_in("integrations:view", "integrations:edit")

    answer = browser.post("/integrations/service/settings", form(user_types="teacher", report_only="yes", delete_after="7"))

    assert answer.status_code == 303
    assert Service.seen == []
    assert (stored(core)["user_types"], stored(core)["delete_after"]) == (["teacher"], 7)
    page = browser.get("/integrations/service").text
    assert "Nothing is sent to Service." in page


def test_a_carried_secret_opens_neither_at_another_address_nor_for_somebody_else(signed_in: Callable, core: Application) -> None:
    page = signed_in("integrations:view", "integrations:edit").post("/integrations/service/test", form(token="good")).text
    carried = page.split('name="carried.token" value="')[1].split('"')[0]
    Service.seen.clear()
    colleague = signed_in("integrations:view", "integrations:edit")

    for values in (form(**{"carried.token": carried, "url": "https://evil.example"}), form(**{"carried.token": carried})):
        assert colleague.post("/integrations/service/test", values).status_code == 422

    assert Service.seen == []


def test_a_stored_secret_is_never_sent_to_a_changed_address(signed_in: Callable, core: Application, saved: None) -> None:
    browser = signed_in("integrations:view", "integrations:edit")

    tested = browser.post("/integrations/service/test", form(url="https://evil.example"))
    kept = browser.post("/integrations/service/settings", form(url="https://evil.example"))

    for answer in (tested, kept):
        assert answer.status_code == 422
        assert "Enter it again" in answer.text
    assert Service.seen == []
    assert stored(core)["url"] == "https://old.example"


def test_a_test_with_what_is_saved_uses_the_stored_secret(signed_in: Callable, saved: None) -> None:
    signed_in("integrations:edit", "integrations:view").post("/integrations/service/test", form())

    assert Service.seen == [("https://old.example", SECRET)]


def test_settings_with_secrets_ask_for_the_password_when_it_was_given_long_ago(signed_in: Callable, core: Application, saved: None) -> None:
    browser = signed_in("integrations:view", "integrations:edit")
    with core.db.write() as session:
        for each in session.query(WebSession):
            each.authenticated_at = each.authenticated_at.replace(year=each.authenticated_at.year - 1)

    assert browser.get("/integrations/service/settings").location.startswith("/again?next=")
    assert browser.post("/integrations/service/settings", form(token="other")).location.startswith("/again?next=")
    assert stored(core)["token"] == SECRET


def test_the_guide_is_shown_without_markup_of_its_own(signed_in: Callable) -> None:
    page = signed_in("integrations:view").get("/integrations/service/guide").text

    assert "<strong>Settings</strong>" in page
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


def test_a_paused_provider_says_who_paused_it(signed_in: Callable, core: Application, saved: None) -> None:
    set_plugin(core, operator("tester"), "service", enabled=True)
    pause_provider(core, operator("tester"), "service")

    page = signed_in("integrations:view").get("/integrations/service").text

    assert "Paused by tester" in page


@pytest.mark.parametrize("path", ["settings", "test", "enabled"])
def test_changing_a_plugin_needs_its_right(signed_in: Callable, saved: None, path: str) -> None:
    assert signed_in("integrations:view").post(f"/integrations/service/{path}", form()).status_code == 403


@pytest.mark.parametrize(
    "path", ["/integrations/nothing", "/integrations/core", "/integrations/nothing/guide", "/integrations/nothing/settings"]
)
def test_a_plugin_that_does_not_exist_is_not_found(signed_in: Callable, path: str) -> None:
    assert signed_in("integrations:view", "integrations:edit").get(path).status_code == 404
