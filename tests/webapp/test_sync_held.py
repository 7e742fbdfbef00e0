"""The page about what the safety limits hold, and the same over the API: looked at, approved, discarded (R62)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from rolecall.accounts import tokens
from rolecall.config import load
from rolecall.store.engine import now
from rolecall.store.tables import AuditEntry
from rolecall.testing.providers import memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work.application import Application

RIGHTS = ("integrations:view", "integrations:edit", "accounts:view")


@pytest.fixture
def service():
    return memory_provider("service")


@pytest.fixture
def core(database_url: str, tmp_path: Path, service) -> Iterator[Application]:
    """A process with a provider that lives in memory."""
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"service": plugin_of(service)}) as application:
        yield application


@pytest.fixture
def school(core: Application, application: object, service) -> School:
    """Twenty-five students, of whom six are deactivated: more than one is held."""
    school = School(core)
    school.enable("service", user_types=["student"])
    ids = school.students(25)
    school.sync(*ids)
    school.work()
    school.act("account.deactivate", *ids[:6])
    school.work()
    return school


@pytest.fixture
def api(core: Application, application, signed_in: Callable) -> Callable:
    """A function that asks the API as the Global Owner."""
    owner = signed_in(owner=True)
    with core.db.write() as session:
        token, _row = tokens.create(session, owner.account_id, name="test", now=now(session))

    def ask(method: str, path: str, body: object = None):
        headers = {"Authorization": f"Bearer {token}"}
        return application.test_client().open(f"/api/v1{path}", method=method, json=body, headers=headers)

    return ask


def form_of(browser, **values: str) -> dict[str, str]:
    """What the page's form would send."""
    page = browser.get("/sync/service/held").text
    hidden = {name: page.split(f'name="{name}" value="')[1].split('"')[0] for name in ("expected", "shown_at")}
    return {**hidden, "agreed": "1", **values}


def test_every_page_of_the_provider_leads_to_what_is_held(signed_in: Callable, school: School) -> None:
    browser = signed_in(*RIGHTS)

    rows, page = browser.get("/sync").text, browser.get("/sync/service").text
    held = browser.get("/sync/service/held").text

    assert "Look at what is held" in rows
    assert ">Held<" in rows
    assert "6 suspensions (Students) are held" in page
    assert "/sync/service/held" in page
    assert "held, to be suspended" in page
    assert held.count("Above the limit") == 6
    assert "account.deactivate" in held
    assert "all 6 accounts" in held


def test_who_may_only_look_is_offered_nothing(signed_in: Callable, school: School) -> None:
    page = signed_in("integrations:view").get("/sync/service/held").text

    assert "Above the limit" in page
    assert "What is to be done" not in page


def test_what_is_approved_is_closed_there(signed_in: Callable, school: School, service) -> None:
    browser = signed_in(*RIGHTS)

    answer = browser.post("/sync/service/held", form_of(browser, choice="approve"))
    school.work()

    assert answer.status_code == 303
    assert "6 accounts are closed at Service now." in browser.get("/sync/service").text
    assert len(service.service.calls("suspend")) == 6
    assert "Nothing is held." in browser.get("/sync/service/held").text


@pytest.mark.parametrize(("choice", "told"), [("discard", "6 accounts stay at Service as they are."), ("suspend", "6 accounts are closed")])
def test_other_choices_say_what_became_of_them(signed_in: Callable, school: School, choice: str, told: str) -> None:
    browser = signed_in(*RIGHTS)

    browser.post("/sync/service/held", form_of(browser, choice=choice))

    assert told in browser.get("/sync/service").text


@pytest.mark.parametrize(
    ("values", "status", "told"),
    [
        ({"choice": "approve", "expected": "5"}, 409, "5 accounts were held when you saw it"),
        ({"choice": "approve", "shown_at": "2026-01-01T00:00:00+00:00"}, 409, "of these 0 are now"),
        ({"choice": "approve", "expected": "many"}, 409, "0 accounts were held"),
        ({"choice": "approve", "shown_at": "yesterday"}, 409, "0 accounts were held"),
        ({"choice": "approve", "shown_at": "2026-01-01T00:00:00"}, 409, "0 accounts were held"),
        ({"choice": "else"}, 422, "Choose what is to be done."),
        ({"choice": "approve", "agreed": None}, 409, "Tick the box first."),
    ],
)
def test_a_decision_about_something_else_than_was_shown_is_refused(
    signed_in: Callable, school: School, service, values: dict[str, str], status: int, told: str
) -> None:
    browser = signed_in(*RIGHTS)
    form = {name: value for name, value in form_of(browser, **values).items() if value is not None}

    answer = browser.post("/sync/service/held", form)
    school.work()

    assert (answer.status_code, told in answer.text) == (status, True)
    assert service.service.calls("suspend") == []


def test_what_nobody_holds_any_more_is_said(signed_in: Callable, school: School) -> None:
    browser = signed_in(*RIGHTS)
    form = form_of(browser, choice="approve")
    browser.post("/sync/service/held", form)

    again = browser.post("/sync/service/held", form)

    assert again.status_code == 409
    assert "of these 0 are now" in again.text


def test_the_api_tells_what_is_held_page_by_page(api: Callable, school: School) -> None:
    plugin = api("GET", "/plugins/service").json
    first = api("GET", "/plugins/service/held?limit=4").json
    rest = api("GET", f"/plugins/service/held?limit=4&cursor={first['next']}").json

    assert (plugin["state"], plugin["reason"].startswith("6 suspensions")) == ("held", True)
    assert (first["total"], len(first["items"]), len(rest["items"]), rest["next"]) == (6, 4, 2, None)
    assert {(each["verb"], each["type"], each["guarded"]) for each in first["items"]} == {("suspend", "student", False)}
    assert first["items"][0]["run"] is not None
    assert first["items"][0]["account"]["username"]


def test_the_api_approves_exactly_what_was_shown(api: Callable, core: Application, school: School, service) -> None:
    shown = api("GET", "/plugins/service/held").json

    without = api("POST", "/plugins/service/approve", {})
    other = api("POST", "/plugins/service/approve", {"expected": 7})
    done = api("POST", "/plugins/service/approve", {"expected": 6, "shown_at": shown["shown_at"], "without_deletions": True})
    school.work()

    assert (without.status_code, other.status_code, other.json["code"], other.json["count"]) == (422, 409, "count-changed", 6)
    assert (done.status_code, done.json["state"]) == (200, "ok")
    assert len(service.service.calls("suspend")) == 6
    with core.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == "sync.approve")).one()
    assert entry.actor.startswith("account:")


def test_the_api_discards(api: Callable, school: School, service) -> None:
    done = api("POST", "/plugins/service/discard", {"expected": 6})
    again = api("POST", "/plugins/service/discard", {"expected": 0})
    school.work()

    assert (done.status_code, again.status_code, again.json["code"]) == (200, 409, "refused")
    assert service.service.calls("suspend") == []
    assert api("GET", "/pending").json["total"] == 0


def test_every_page_says_that_something_is_held_to_whoever_may_look(signed_in: Callable, school: School) -> None:
    line = "and somebody has to look at them first."
    browser = signed_in(*RIGHTS)

    held = browser.get("/accounts").text
    others = signed_in("accounts:view").get("/accounts").text
    browser.post("/sync/service/held", form_of(browser, choice="discard"))
    decided = browser.get("/accounts").text

    assert line in held
    assert 'href="/sync/service/held"' in held
    assert line not in others
    assert line not in decided


def test_a_protected_account_is_approved_on_a_page_of_its_own(signed_in: Callable, school: School, api: Callable, service) -> None:
    held = [each["account"]["id"] for each in api("GET", "/plugins/service/held").json["items"]]
    school.act("account.protect", held[0])
    school.work()
    browser = signed_in(*RIGHTS)
    everybody = browser.get("/sync/service/held").text

    browser.post("/sync/service/held", form_of(browser, choice="approve"))
    school.work()
    among_all = len(service.service.calls("suspend"))
    nobody = browser.post("/sync/service/held", form_of(browser, choice="approve"))
    alone = browser.get(f"/sync/service/held?account={held[0]}").text
    done = browser.post("/sync/service/held", form_of(browser, choice="approve", account=str(held[0])))
    school.work()

    assert f"/sync/service/held?account={held[0]}" in everybody
    assert "1 of them is approved only one by one." in everybody
    assert "Protected" in browser.get(f"/accounts/{held[0]}").text
    assert (nobody.status_code, "are approved one by one" in nobody.text) == (409, True)
    assert "With this account" in alone
    assert (among_all, done.status_code, len(service.service.calls("suspend"))) == (5, 303, 6)


def test_the_api_approves_a_protected_account_only_by_its_id(school: School, api: Callable, service) -> None:
    held = [each["account"]["id"] for each in api("GET", "/plugins/service/held").json["items"]]
    school.act("account.protect", *held)
    school.work()

    among_all = api("POST", "/plugins/service/approve", {"expected": 6})
    by_id = api("POST", "/plugins/service/approve", {"expected": 2, "accounts": held[:2]})
    api("POST", "/plugins/service/discard", {"expected": 1, "accounts": held[2:3]})
    school.work()

    left = api("GET", "/plugins/service/held").json
    assert (among_all.status_code, by_id.status_code) == (409, 200)
    assert (len(service.service.calls("suspend")), left["total"]) == (2, 3)
    assert {each["guarded"] for each in left["items"]} == {True}
    assert api("GET", "/accounts?protected=yes").json["total"] == 6
    assert api("GET", f"/accounts/{held[0]}").json["protected"] is True
