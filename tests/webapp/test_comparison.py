"""Pages of a comparison: started, both sides beside each other, decided, all without scripts (R64, R65)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rolecall.config import load
from rolecall.errors import Permanent
from rolecall.testing.providers import memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work import jobs
from rolecall.work.application import Application

RIGHTS = ("integrations:view", "integrations:edit", "accounts:view", "act:external.sync")


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
    """Anna, who is recognised there, Ben, who is not there, and a stranger."""
    school = School(core)
    school.enable("service", user_types=["student"])
    anna = school.student("Anna")
    school.student("Ben")
    service.service.add(school.snapshot(anna).username, name="<b>As it was</b>")
    service.service.add("stranger")
    return school


@pytest.fixture
def clerk(signed_in: Callable, school: School):
    return signed_in(*RIGHTS)


def line_of(clerk, words: str) -> str:
    """The address of the first line that a filter finds."""
    return clerk.get(f"/sync/service/comparison?{words}").text.split('href="/sync/service/comparison/')[1].split('"')[0]


def test_a_comparison_is_begun_and_shows_how_far_it_is(clerk, core: Application):
    before = clerk.get("/sync/service/comparison").text
    answer = clerk.post("/sync/service/comparison")
    during = clerk.get("/sync/service/comparison").text
    part = clerk.get("/sync/service/comparison/progress")
    jobs.run_once(core)
    end = clerk.get("/sync/service/comparison/progress")
    after = clerk.get("/sync/service/comparison").text

    assert "There was no comparison yet." in before
    assert answer.location.endswith("/sync/service/comparison")
    assert "It waits for a worker." in during
    assert "It waits for a worker." in part.text
    assert end.headers["HX-Refresh"] == "true"
    assert "3 lines" in after
    assert "Adopt all 1" in after
    assert "Whole list read" in after
    assert "&lt;b&gt;As it was" in after


def test_lines_are_filtered(clerk, school: School):
    school.compare("service")

    there = clerk.get("/sync/service/comparison?verdict=there").text
    nothing = clerk.get("/sync/service/comparison?q=nobody-of-this-name").text

    assert "stranger" in there
    assert "Ben" not in there.split("<table")[1]
    assert "No line matches all of these filters." in nothing


def test_all_are_adopted_and_a_single_one_is_decided(clerk, school: School, core: Application):
    school.compare("service")
    stranger = line_of(clerk, "verdict=there")
    ben = line_of(clerk, "verdict=here")
    anna = clerk.get(f"/sync/service/comparison/{line_of(clerk, 'verdict=adoptable')}").text

    clerk.post("/sync/service/comparison/decide", {"decision": "adopt"})
    clerk.post(f"/sync/service/comparison/{stranger}", {"decision": "ignore"})
    page = clerk.get("/sync/service/comparison").text
    ignored = clerk.get(f"/sync/service/comparison/{stranger}").text

    assert "Not this person&#39;s" in anna
    assert "Adopt and overwrite" in anna
    assert "Linked" in page
    assert "Adopt all" not in page
    assert "Decide again" in ignored
    assert "decided: ignore." in ignored
    assert "Ignore" in clerk.get(f"/sync/service/comparison/{ben}").text
    assert clerk.post(f"/sync/service/comparison/{stranger}", {"decision": "adopt"}).status_code == 409
    assert clerk.get("/sync/service/comparison/999999").status_code == 404


def test_what_was_changed_there_is_shown_and_repaired(clerk, school: School, service):
    school.compare("service")
    school.adopt_all("service")
    for external_id, remote in list(service.service.accounts.items()):
        service.service.accounts[external_id] = replace(remote, attributes={**remote.attributes, "name": "Changed"}, suspended=True)
    school.compare("service")

    listed = clerk.get("/sync/service/comparison?verdict=drifted").text
    page = clerk.get(f"/sync/service/comparison/{line_of(clerk, 'verdict=drifted')}").text
    clerk.post("/sync/service/comparison/decide", {"decision": "repair"})
    school.work()

    assert "name: &lt;b&gt;As it was&lt;/b&gt; → Changed" in listed
    assert "As it was sent" in page
    assert "is suspended" in page
    assert next(iter(service.service.accounts.values())).attributes["name"].startswith("Anna")


def test_a_comparison_that_failed_says_why_and_shows_the_one_before(clerk, school: School, service, core: Application):
    school.compare("service")
    service.service.fail("accounts", Permanent("The list broke off."))
    clerk.post("/sync/service/comparison")
    jobs.run_once(core)

    page = clerk.get("/sync/service/comparison").text

    assert "The comparison failed: The list broke off." in page
    assert "of the comparison before" in page
    assert "3 lines" in page


def test_an_account_that_is_gone_there_can_be_made_again(clerk, school: School, service):
    school.compare("service")
    school.adopt_all("service")
    extra = school.student("Extra", linked_to="service")
    service.service.accounts.pop(school.link(extra, "service").external_id)
    school.compare("service")
    page = clerk.get(f"/sync/service/comparison/{line_of(clerk, 'q=extra')}").text

    clerk.post(f"/sync/service/comparison/{line_of(clerk, 'q=extra')}", {"decision": "create"})
    school.work()

    assert "Make it again" in page
    assert school.link(extra, "service").external_id in service.service.accounts


def test_who_may_only_look_is_offered_nothing(signed_in: Callable, school: School):
    school.compare("service")
    looks = signed_in("integrations:view")

    page = looks.get("/sync/service/comparison").text
    line = looks.get(f"/sync/service/comparison/{line_of(looks, 'verdict=adoptable')}").text

    assert "Compare again" not in page
    assert "Adopt" not in page.split("<main")[1].replace("To be adopted", "")
    assert "Ignore" not in line
