"""Pages of settings: the generated form, user names tried on real people, student statuses, this installation (R3, R49, R56)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from rolecall.accounts import people, statuses
from rolecall.accounts.core_settings import core_settings, username_formats
from rolecall.accounts.settings import describe
from rolecall.builtin import CoreSettings
from rolecall.store.tables import AuditEntry, StudentStatus
from rolecall.work.application import Application

RIGHTS = ("settings:view", "settings:edit")


def everything(core: Application, **changes: str) -> dict[str, str]:
    """What a browser sends back of the whole form."""
    with core.db.read() as session:
        known = describe(session, "core", CoreSettings)
    sent = {each.key: ("yes" if each.value else "") if isinstance(each.value, bool) else str(each.value) for each in known}
    sent = {name: value for name, value in sent.items() if value}
    return {**sent, "shown": ",".join(each.key for each in known), **changes}


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
    for path in ("/settings", "/settings/usernames", "/settings/statuses/new", "/settings/statuses/1"):
        assert browser.post(path, {}).status_code == 403


def test_a_formula_is_tried_on_real_people_and_saved_only_on_purpose(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    with core.db.write() as session:
        statuses.create(session, label="Registered", type="registered")
        values = {"list": "students", "code": "s1", "first_name": "Ελένη", "last_name": "Παπαδάκη", "language": "el"}
        people.create(session, values, now=datetime.now(UTC))
    saved = browser.get("/settings/usernames").text
    assert "epapadaki" in saved
    assert "The format in use" in saved

    tried = browser.get("/settings/usernames?format={last}.{first}").text

    assert "papadaki.eleni" in tried
    assert "Tried, and not saved yet" in tried
    with core.db.read() as session:
        assert username_formats(session)["student"] == "{first:1}{last:12}{n}"
    assert browser.post("/settings/usernames", {"type": "student", "format": "{last}.{first}"}).status_code == 303
    with core.db.read() as session:
        assert username_formats(session)["student"] == "{last}.{first}"


def test_a_formula_that_cannot_be_read_says_what_can_be_written(signed_in: Callable) -> None:
    browser = signed_in(*RIGHTS)

    page = browser.get("/settings/usernames?format={surname}<b>")

    assert page.status_code == 200
    assert "{surname} is not a field of the formula." in page.text
    assert "<b>" not in page.text.split("<main")[1]
    assert browser.post("/settings/usernames", {"type": "student", "format": "{surname}"}).status_code == 422
    assert browser.post("/settings/usernames", {"type": "nobody", "format": "{last}"}).status_code == 422


def test_a_status_is_added_and_edited(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    assert "There is no status yet." in browser.get("/settings/statuses").text

    browser.post("/settings/statuses/new", {"label": "On leave", "type": "other", "provider_action": "suspend"})

    with core.db.read() as session:
        status = session.query(StudentStatus).one()
    assert "On leave" in browser.get("/settings/statuses").text
    assert 'value="On leave"' in browser.get(f"/settings/statuses/{status.id}").text
    browser.post(f"/settings/statuses/{status.id}", {"label": "Away", "type": "withdrawn", "provider_action": "suspend"})
    with core.db.read() as session:
        assert (session.query(StudentStatus).one().label, session.query(StudentStatus).one().type) == ("Away", "withdrawn")
        assert session.query(AuditEntry).filter(AuditEntry.kind.like("status.%")).count() == 2


def test_a_wrong_status_is_refused_at_its_fields(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)

    answer = browser.post("/settings/statuses/new", {"label": "", "type": "nothing", "provider_action": "nothing"})

    assert answer.status_code == 422
    assert 'id="wrong-type"' in answer.text
    assert browser.get("/settings/statuses/99").status_code == 404


def test_the_installation_is_shown_without_its_secrets(signed_in: Callable, core: Application) -> None:
    page = signed_in("settings:view").get("/settings/installation").text

    assert "ROLECALL_BASE_URL" in page
    assert core.config["secret_key"] not in page
    assert core.config["encryption_keys"] not in page
