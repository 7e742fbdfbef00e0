"""Pages of settings: the generated form, its search, what governs an action, this installation (R47, R50a, R56)."""

import re
from collections.abc import Callable

import pytest

from rolecall.accounts.actors import operator
from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.settings import describe
from rolecall.builtin import CoreSettings
from rolecall.store.tables import AuditEntry
from rolecall.testing.school import School
from rolecall.work import changes
from rolecall.work.application import Application
from rolecall.work.documents import settings_schema

RIGHTS = ("settings:view", "settings:edit")


def everything(core: Application, **different: str) -> dict[str, str]:
    """What a browser sends back of the whole form."""
    with core.db.read() as session:
        known = describe(session, "core", CoreSettings)
    sent = {each.key: as_sent(each.value) for each in known}
    sent = {name: value for name, value in sent.items() if value}
    return {**sent, "shown": ",".join(each.key for each in known), **different}


def as_sent(value: object) -> str:
    """A value as the browser sends it."""
    if isinstance(value, bool):
        return "yes" if value else ""
    return "\r\n".join(value) if isinstance(value, list) else str(value)


def now(core: Application) -> dict[str, object]:
    with core.db.read() as session:
        return core_settings(session)


def test_every_setting_is_on_the_page_with_its_default(signed_in: Callable) -> None:
    page = signed_in(*RIGHTS).get("/settings").text

    for name in CoreSettings().fields:
        assert f'name="{name}"' in page
    assert "This is the default." in page


def test_settings_are_saved_with_who_changed_them(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    before = now(core)

    answer = browser.post("/settings", everything(core, institution_name="Šķola №1", import_shrink_percent="25"))

    assert answer.status_code == 303
    assert now(core) == {**before, "institution_name": "Šķola №1", "import_shrink_percent": 25}
    page = browser.get("/settings").text
    assert "Changed just now by Ada Office. The default is 10." in page
    assert "Šķola №1</bdi></a>" in page
    with core.db.read() as session:
        assert session.query(AuditEntry).filter_by(kind="settings").count() == 1


def test_a_box_that_is_not_ticked_means_no(signed_in: Callable, core: Application) -> None:
    sent = everything(core)
    del sent["must_change_first_password"]

    signed_in(*RIGHTS).post("/settings", sent)

    assert now(core)["must_change_first_password"] is False


def test_a_search_narrows_the_form_and_saving_it_leaves_the_rest(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    page = browser.get("/settings?q=brake").text
    assert 'name="import_shrink_percent"' in page
    assert 'name="must_change_first_password"' not in page

    browser.post("/settings", {"shown": "import_shrink_percent", "import_shrink_percent": "30", "q": "brake"})

    assert now(core)["import_shrink_percent"] == 30
    assert now(core)["must_change_first_password"] is True
    assert "No setting matches." in browser.get("/settings?q=nothing-of-the-kind").text


def test_a_number_that_is_emptied_is_the_default_again(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    browser.post("/settings", everything(core, import_shrink_percent="30"))

    browser.post("/settings", everything(core, import_shrink_percent=""))

    assert now(core)["import_shrink_percent"] == 10


@pytest.mark.parametrize(
    ("name", "value"),
    [("time_zone", "Atlantis"), ("import_shrink_percent", "many"), ("username_format_student", "{surname}"), ("phone_region", "xx")],
)
def test_mistakes_are_said_at_their_fields_and_nothing_is_saved(signed_in: Callable, core: Application, name: str, value: str) -> None:
    before = now(core)

    answer = signed_in(*RIGHTS).post("/settings", everything(core, institution_name="New", **{name: value}))

    assert answer.status_code == 422
    assert f'id="wrong-{name}"' in answer.text
    assert 'value="New"' in answer.text
    assert now(core) == before


def test_who_may_only_look_gets_no_form(signed_in: Callable, core: Application) -> None:
    browser = signed_in("settings:view")

    page = browser.get("/settings").text

    assert "Time zone" in page
    assert 'name="time_zone"' not in page
    for path in ("/settings", "/settings/usernames"):
        assert browser.post(path, {}).status_code == 403


def test_the_installation_is_shown_without_its_secrets(signed_in: Callable, core: Application) -> None:
    page = signed_in("settings:view").get("/settings/installation").text

    assert "ROLECALL_BASE_URL" in page
    assert core.config["secret_key"] not in page
    assert core.config["encryption_keys"] not in page


def test_what_is_set_goes_back_to_its_default_with_one_button(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    browser.post("/settings", everything(core, import_shrink_percent="30"))
    page = browser.get("/settings").text
    assert page.count('form="reset"') == 1
    assert 'aria-label="Reset to default: Brake of complete imports"' in page

    answer = browser.post("/settings/reset", {"key": "import_shrink_percent", "q": ""})

    assert answer.status_code == 303
    assert answer.location == "/settings#field-import_shrink_percent"
    assert now(core)["import_shrink_percent"] == 10
    assert 'form="reset"' not in browser.get("/settings").text
    assert browser.post("/settings/reset", {"key": "colour"}).status_code == 422
    assert signed_in("settings:view").post("/settings/reset", {"key": "time_zone"}).status_code == 403


def test_saving_what_the_page_showed_changes_nothing(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)

    browser.post("/settings", everything(core))

    assert "Changed" not in browser.get("/settings").text
    with core.db.read() as session:
        assert session.query(AuditEntry).filter_by(kind="settings").count() == 0


def test_addresses_are_written_one_on_each_line(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)

    browser.post("/settings", everything(core, sender_addresses="office@school.example\r\n\r\nhead@school.example\r\n"))
    wrong = browser.post("/settings", everything(core, sender_addresses="office@school.example\r\noffice"))

    assert now(core)["sender_addresses"] == ["office@school.example", "head@school.example"]
    assert ">office@school.example\nhead@school.example</textarea>" in browser.get("/settings").text
    assert wrong.status_code == 422
    assert 'id="wrong-sender_addresses"' in wrong.text


def test_what_is_dangerous_says_its_risk_beside_it(signed_in: Callable) -> None:
    page = signed_in(*RIGHTS).get("/settings").text

    assert 'id="risk-phone_first_password"' in page
    assert "Classmates know phone numbers" in page
    assert 'aria-describedby="help-phone_first_password risk-phone_first_password"' in page


def test_the_contents_lead_to_groups_and_pages_that_exist(signed_in: Callable) -> None:
    browser = signed_in(*RIGHTS, "integrations:view", "roles:view")
    page = browser.get("/settings").text
    contents = page.split('<section class="buttons">')[1].split("</section>")[0]

    addresses = re.findall(r'href="([^"]+)"', contents)

    assert "Security rights" in contents
    assert {"/integrations", "/settings/statuses", "/settings/usernames", "/roles"} <= set(addresses)
    for each in addresses:
        assert f'id="{each[1:]}"' in page if each.startswith("#") else browser.get(each).status_code == 200
    groups = {each.metadata["group"] for each in CoreSettings().fields.values()}
    assert len([each for each in addresses if each.startswith("#")]) == len(groups)


def test_a_search_finds_settings_of_integrations_and_of_the_process(signed_in: Callable) -> None:
    page = signed_in(*RIGHTS, "integrations:view", "integrations:edit").get("/settings?q=base").text

    assert 'href="/integrations/moodle/settings#field-base_url"' in page
    assert "ROLECALL_BASE_URL" in page
    alone = signed_in(*RIGHTS).get("/settings?q=base").text
    assert "/integrations/moodle" not in alone


@pytest.mark.parametrize("words", ["ROLECALL_TRUSTED", "trusted proxies"])
def test_a_search_that_finds_only_the_process_shows_that(signed_in: Callable, words: str) -> None:
    page = signed_in(*RIGHTS).get("/settings", query_string={"q": words}).text

    assert "ROLECALL_TRUSTED_PROXIES" in page
    assert "1 setting" in page
    assert "No setting matches." not in page


def test_an_action_names_the_settings_that_govern_it(signed_in: Callable, school: School) -> None:
    anna = school.student("Anna")

    page = signed_in("act:account.delete", "settings:view").get(f"/act/account.delete?ids={anna}").text
    alone = signed_in("act:account.delete").get(f"/act/account.delete?ids={anna}").text
    many = signed_in("act:account.username", "settings:view").get(f"/act/account.username?ids={anna}").text

    assert '<a href="/settings?q=retention_days_deleted">Keep deleted accounts</a>' in page
    assert "Governed by: Keep deleted accounts" in alone
    assert '<a href="/settings?q=User+names">User names</a>' in many


def test_a_setting_of_an_integration_goes_back_to_its_default(signed_in: Callable, core: Application) -> None:
    browser = signed_in("integrations:view", "integrations:edit")
    given = {"base_url": "https://moodle.example.org", "token": "0" * 32, "on_deletion": "delete"}
    changes.set_plugin(core, operator("x"), "moodle", values=given, untested=True)
    assert 'aria-label="Reset to default: When an account is deleted"' in browser.get("/integrations/moodle/settings").text

    answer = browser.post("/integrations/moodle/reset", {"key": "on_deletion"})

    assert answer.status_code == 303
    with core.db.read() as session:
        known = {each.key: each for each in describe(session, "moodle", settings_schema(core.plugins.installed["moodle"]))}
    assert (known["on_deletion"].origin, known["token"].is_set) == ("default", True)
