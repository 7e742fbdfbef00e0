"""Comparisons over the API: started, looked at, decided (R64, R65)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rolecall.config import load
from rolecall.testing.providers import memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work import jobs
from rolecall.work.application import Application


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
def school(owner, core: Application, service) -> School:
    """Three students, of whom two are recognised there, and one stranger there."""
    school = School(core)
    school.enable("service", user_types=["student"])
    for number in range(3):
        student = school.student(f"Anna{number}")
        if number:
            service.service.add(school.snapshot(student).username, name="As it was")
    service.service.add("stranger")
    return school


def test_a_comparison_is_started_and_worked_off_in_the_background(owner, school: School, core: Application):
    before = owner.get("/plugins/service/compare").json
    started = owner.post("/plugins/service/compare")
    jobs.run_once(core)
    done = owner.get("/plugins/service/compare").json

    assert (before["state"], started.status_code, started.json["state"]) == (None, 202, "queued")
    assert (done["state"], done["seen"], done["error"], done["warning"]) == ("done", 3, None, None)
    assert done["counts"] == {"conflict": 0, "adoptable": 2, "matched": 0, "here": 1, "there": 1}


def test_lines_are_listed_page_by_page_and_found(owner, school: School):
    school.compare("service")

    first = owner.get("/plugins/service/matches?verdict=adoptable&limit=1").json
    second = owner.get(f"/plugins/service/matches?verdict=adoptable&limit=1&cursor={first['next']}").json
    found = owner.get("/plugins/service/matches?q=STRANG").json

    assert (first["total"], second["next"]) == (2, None)
    assert {each["account"]["name"][:5] for each in (*first["items"], *second["items"])} == {"Anna1", "Anna2"}
    assert [(each["verdict"], each["remote"]["username"], each["account"]) for each in found["items"]] == [("there", "stranger", None)]
    assert owner.get("/plugins/service/matches?verdict=nonsense").status_code == 422


def test_lines_are_decided_one_by_one_and_together(owner, school: School):
    school.compare("service")
    line = owner.get("/plugins/service/matches?verdict=adoptable").json["items"][0]

    decided = owner.post(f"/plugins/service/matches/{line['id']}", {"decision": "adopt"})
    again = owner.post(f"/plugins/service/matches/{line['id']}", {"decision": "adopt"})
    others = owner.post("/plugins/service/matches", {"decision": "adopt", "overwrite": True})
    school.work()

    assert (decided.json["verdict"], decided.json["decision"]) == ("matched", "adopt")
    assert again.status_code == 409
    assert others.json == {"decided": 1}
    assert owner.post("/plugins/service/matches/999999", {"decision": "adopt"}).status_code == 404
    assert owner.post("/plugins/service/matches", {"decision": "ignore"}).status_code == 422


def test_what_was_changed_there_is_shown_before_and_after(owner, school: School, service):
    school.compare("service")
    owner.post("/plugins/service/matches", {"decision": "adopt"})
    for external_id, remote in list(service.service.accounts.items()):
        attributes = {**remote.attributes, "name": "Changed", "groups": frozenset({"b"})}
        service.service.accounts[external_id] = type(remote)(external_id=external_id, key=remote.key, attributes=attributes)
    school.compare("service")

    listed = owner.get("/plugins/service/matches?drifted=yes").json
    repaired = owner.post("/plugins/service/matches", {"decision": "repair"}).json

    assert [each["drift"] for each in listed["items"]] == [{"name": {"before": "As it was", "after": "Changed"}}] * 2
    assert repaired == {"decided": 2}


def test_deciding_needs_the_right_to_sync_too(program, school: School):
    school.compare("service")
    clerk = program("integrations:view", "integrations:edit")
    line = clerk.get("/plugins/service/matches?verdict=adoptable").json["items"][0]

    assert clerk.post(f"/plugins/service/matches/{line['id']}", {"decision": "adopt"}).status_code == 403
    assert clerk.post("/plugins/service/matches", {"decision": "adopt"}).status_code == 403
    assert clerk.post(f"/plugins/service/matches/{line['id']}", {"decision": "ignore"}).status_code == 200
