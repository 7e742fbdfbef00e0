"""Pages of the sync: figures, what to do next, reasons, retry, pause, the plan (R61, R63)."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from rolecall import hookimpl
from rolecall.accounts import people
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.sdk.provider import Provider
from rolecall.store.tables import AuditEntry, Link, PluginState
from rolecall.work.application import Application
from rolecall.work.changes import set_plugin
from rolecall.work.runs.opening import start_opening

RIGHTS = ("integrations:view", "integrations:edit", "accounts:view")
TAKEN = "The user name is taken by <somebody>."


class Service(Provider):
    id = "service"
    label = "Service"

    def attributes(self, account):
        return {"username": account.username, "groups": frozenset({"teachers"}), "mail": account.email}

    def find(self, account):
        raise AssertionError("nobody may be called")

    def create(self, account, wanted, password):
        raise AssertionError("nobody may be called")


@pytest.fixture
def core(database_url: str, tmp_path: Path) -> Iterator[Application]:
    """A process with a provider that must not be called."""
    module = ModuleType("service")
    module.register_providers = hookimpl(lambda: [Service], specname="register_providers")
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"service": module}) as application:
        yield application


@pytest.fixture
def links(core: Application, application: object) -> list[int]:
    """Three accounts of which the provider has not heard: one is queued, one waits for its next try, one is blocked."""
    set_plugin(core, operator("tester"), "service", enabled=True)
    with core.db.write() as session:
        for number, name in enumerate(("Queued", "Retried", "Blocked")):
            values = {"list": "teachers", "code": f"t{number}", "first_name": "Ann", "last_name": name}
            people.create(session, values, now=datetime.now(UTC))
    start_opening(core, operator("tester"), people_list="teachers")
    with core.db.write() as session:
        found = session.scalars(select(Link).order_by(Link.account_id)).all()
        found[1].attempts, found[1].not_before, found[1].error_class = 2, datetime.now(UTC) + timedelta(minutes=7), "transient"
        found[1].error = "The service is down."
        found[2].blocked, found[2].attempts, found[2].error_class, found[2].error = True, 1, "conflict", TAKEN
        return [each.account_id for each in found]


def state_of(core: Application, account_id: int) -> tuple[bool, int]:
    with core.db.read() as session:
        link = session.scalars(select(Link).where(Link.account_id == account_id)).one()
        return link.blocked, link.attempts


def test_each_provider_has_a_row_that_says_what_to_do_next(signed_in: Callable, links: list[int]) -> None:
    page = signed_in("integrations:view").get("/sync").text

    assert "1 account needs somebody" in page
    assert "<dt>Pending</dt><dd>3</dd>" in page
    assert "Whose job: Whoever may edit the integrations." in page
    assert "/sync/service?state=blocked" in page


def test_where_everything_is_in_step_it_is_nobody_s_job(signed_in: Callable, core: Application, links: list[int]) -> None:
    with core.db.write() as session:
        session.execute(update(Link).values(synced=Link.wanted, blocked=False, attempts=0))

    page = signed_in("integrations:view").get("/sync").text

    assert "Nothing to do: every account is in step." in page
    assert "Nobody has to do anything." in page
    assert "Whose job" not in page


def test_without_a_provider_the_page_says_how_to_begin(signed_in: Callable) -> None:
    assert "No provider is enabled." in signed_in("integrations:view").get("/sync").text


def test_what_waits_is_listed_with_its_reason_and_filtered_by_state(signed_in: Callable, links: list[int]) -> None:
    browser = signed_in(*RIGHTS)

    everything = browser.get("/sync/service").text
    blocked = browser.get("/sync/service?state=blocked").text

    assert "Ann Queued" in everything
    assert "taken by &lt;somebody&gt;" in everything
    assert "in 6 min" in everything
    assert "Ann Blocked" in blocked
    assert "Ann Queued" not in blocked
    assert "Nothing is running." in browser.get("/sync/service?state=running").text


def test_everything_is_tried_again(signed_in: Callable, core: Application, links: list[int]) -> None:
    browser = signed_in(*RIGHTS)

    assert browser.post("/sync/service/retry").status_code == 303

    assert [state_of(core, each) for each in links] == [(False, 0)] * 3
    assert "2 accounts are tried again now." in browser.get("/sync/service").text
    with core.db.read() as session:
        assert session.query(AuditEntry).filter_by(kind="sync.retry").count() == 1


def test_only_those_with_the_same_trouble_are_tried_again(signed_in: Callable, core: Application, links: list[int]) -> None:
    browser = signed_in(*RIGHTS)
    assert "Retry 1: The service is down." in browser.get("/sync/service").text

    browser.post("/sync/service/retry", {"error": TAKEN})

    assert state_of(core, links[2]) == (False, 0)
    assert state_of(core, links[1]) == (False, 2)


def test_one_account_is_tried_again(signed_in: Callable, core: Application, links: list[int]) -> None:
    signed_in(*RIGHTS).post("/sync/service/retry", {"account": str(links[1])})

    assert state_of(core, links[1]) == (False, 0)
    assert state_of(core, links[2]) == (True, 1)


def test_a_provider_is_paused_and_resumed(signed_in: Callable, core: Application, links: list[int]) -> None:
    browser = signed_in(*RIGHTS)

    browser.post("/sync/service/pause")
    paused = browser.get("/sync/service").text
    assert "Paused" in paused
    assert "/sync/service/resume" in paused
    assert "/sync/service/pause" not in paused

    browser.post("/sync/service/resume")
    with core.db.read() as session:
        assert session.get_one(PluginState, "service").state == "ok"


def test_the_plan_shows_each_field_before_and_after_and_calls_nobody(signed_in: Callable, core: Application, links: list[int]) -> None:
    page = signed_in(*RIGHTS).get("/sync/service/plan").text

    assert "Ann Queued" in page
    assert "Create" in page
    assert "username: – → aqueued" in page
    assert "groups: +teachers" in page


def test_who_may_only_look_gets_no_buttons_and_no_way_around(signed_in: Callable, links: list[int]) -> None:
    browser = signed_in("integrations:view")
    page = browser.get("/sync/service").text

    assert "/retry" not in page
    assert "/accounts/" not in page
    for path in ("retry", "pause", "resume"):
        assert browser.post(f"/sync/service/{path}").status_code == 403


def test_a_provider_that_does_not_exist_is_not_found(signed_in: Callable) -> None:
    browser = signed_in(*RIGHTS)

    for path in ("/sync/nothing", "/sync/nothing/plan"):
        assert browser.get(path).status_code == 404
    assert browser.post("/sync/nothing/retry").status_code == 404


def test_a_disabled_provider_keeps_its_row_while_it_has_accounts(signed_in: Callable, core: Application, links: list[int]) -> None:
    set_plugin(core, operator("tester"), "service", enabled=False)

    page = signed_in("integrations:view").get("/sync").text

    assert "Not enabled" in page
    assert "Nothing is sent." in page
