"""Pages of the sync about classes: figures, reasons, another try, the plan (R60a, R61, R63)."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.store.tables import ClassLink
from rolecall.testing.class_providers import MemoryClassProvider, class_provider
from rolecall.testing.providers import plugin_of
from rolecall.testing.school import School
from rolecall.work.application import Application

RIGHTS = ("integrations:view", "integrations:edit", "accounts:view")
FULL = "It is full of <people>."


@pytest.fixture
def provider() -> type[MemoryClassProvider]:
    class Service(class_provider("service")):  # type: ignore[misc]
        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            if "the service itself" in self.service.unmappable:
                raise ValueError("unmappable")

    return Service


@pytest.fixture
def core(database_url: str, tmp_path: Path, provider: type[MemoryClassProvider]) -> Iterator[Application]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"service": plugin_of(provider)}) as application:
        yield application


@pytest.fixture
def school(core: Application, application: object) -> School:
    school = School(core)
    school.actor = operator("tester")
    school.enable("service", classes=True)
    return school


@pytest.fixture
def classes(school: School) -> list[int]:
    """Four classes: one is in step, one is queued, one waits for its next try, one is blocked."""
    anna = school.student("Anna", linked_to="service", username="anna")
    done = school.school_class(anna, name="Done")
    school.work()
    found = [done, *(school.school_class(anna, name=name, code=name[:1]) for name in ("Queued", "Retried", "Blocked"))]
    with school.app.db.write() as session:
        links = {each.class_id: each for each in session.scalars(select(ClassLink))}
        retried, blocked = links[found[2]], links[found[3]]
        retried.attempts, retried.not_before, retried.error = 2, datetime.now(UTC) + timedelta(minutes=7), "The service is down."
        blocked.blocked, blocked.attempts, blocked.error_class, blocked.error = True, 1, "permanent", FULL
    return found


def test_the_list_of_providers_counts_classes_and_leads_to_the_blocked_ones(signed_in: Callable, classes: list[int]) -> None:
    page = signed_in(*RIGHTS).get("/sync").text

    assert "1 class needs somebody" in page
    assert "<dt>Pending</dt><dd>3</dd>" in page
    assert "/sync/service/classes?state=blocked" in page


def test_a_provider_with_classes_has_tabs_for_them(signed_in: Callable, classes: list[int]) -> None:
    page = signed_in(*RIGHTS).get("/sync/service").text

    assert "/sync/service/classes" in page
    assert "/sync/service/classes/plan" in page


def test_the_pages_lie_under_sync_in_the_menu(signed_in: Callable, classes: list[int]) -> None:
    page = signed_in(*RIGHTS).get("/sync/service/classes").text

    assert '<a href="/sync" aria-current="page"' in page


def test_a_provider_without_classes_has_no_tab_for_them(signed_in: Callable, school: School) -> None:
    assert "/sync/service/classes" not in signed_in(*RIGHTS).get("/sync/service").text


def test_the_classes_that_wait_are_shown_with_why(signed_in: Callable, classes: list[int]) -> None:
    page = signed_in(*RIGHTS).get("/sync/service/classes").text

    assert "It is full of &lt;people&gt;." in page
    assert "The service is down." in page
    assert "Queued" in page
    assert ">Done<" not in page


@pytest.mark.parametrize(
    ("state", "there", "absent"), [("blocked", "Blocked", "Retried"), ("retrying", "Retried", "B, 2026"), ("odd", "Retried", "Done")]
)
def test_the_classes_of_one_state_are_shown(signed_in: Callable, classes: list[int], state: str, there: str, absent: str) -> None:
    page = signed_in(*RIGHTS).get(f"/sync/service/classes?state={state}").text
    table = page[page.index("<tbody") :]

    assert there in table
    assert absent not in table


def test_all_classes_are_tried_again_and_no_account_is(signed_in: Callable, classes: list[int], school: School) -> None:
    browser = signed_in(*RIGHTS)

    browser.post("/sync/service/classes/retry", {})

    links = [school.class_link(each, "service") for each in classes]
    assert [(each.blocked, each.attempts) for each in links if each is not None] == [(False, 0)] * 4


def test_the_classes_with_one_trouble_are_tried_again(signed_in: Callable, classes: list[int], school: School) -> None:
    browser = signed_in(*RIGHTS)

    browser.post("/sync/service/classes/retry", {"error": FULL})

    retried, blocked = (school.class_link(each, "service") for each in classes[2:])
    assert retried is not None
    assert blocked is not None
    assert (retried.attempts, blocked.blocked) == (2, False)


def test_who_may_only_look_is_offered_no_retry(signed_in: Callable, classes: list[int]) -> None:
    assert "/classes/retry" not in signed_in("integrations:view").get("/sync/service/classes").text


def test_the_plan_shows_who_comes_and_sends_nothing(signed_in: Callable, classes: list[int], provider: type[MemoryClassProvider]) -> None:
    provider.service.journal.clear()

    page = signed_in(*RIGHTS).get("/sync/service/classes/plan").text

    assert "+anna (student)" in page
    assert "name: – → Queued" in page
    assert provider.service.journal == []


def test_the_plan_of_a_provider_that_cannot_be_built_says_why(
    signed_in: Callable, classes: list[int], provider: type[MemoryClassProvider]
) -> None:
    provider.service.unmappable.add("the service itself")

    answer = signed_in(*RIGHTS).get("/sync/service/classes/plan")

    assert answer.status_code == 409
    assert "cannot show a plan" in answer.text


def test_when_everything_is_in_step_the_pages_say_so(signed_in: Callable, school: School) -> None:
    anna = school.student("Anna", linked_to="service")
    school.school_class(anna)
    school.work()
    browser = signed_in(*RIGHTS)

    assert "every class is in step" in browser.get("/sync/service/classes").text
    assert "Nothing would be sent." in browser.get("/sync/service/classes/plan").text
