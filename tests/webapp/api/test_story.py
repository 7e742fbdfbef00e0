"""The main job, end to end, as a program does it: roster, accounts, roles, a bulk action, and Moodle in step."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.testing.wire import Wire
from rolecall.work import jobs
from rolecall.work.application import Application
from rolecall.work.setup import NewInstitution, set_up
from rolecall_moodle.fake import create_app as create_site
from rolecall_webapp import create_app

PEOPLE = 120
NAMES = [("Anna", "Kowalska"), ("Νίκος", "Παπαδόπουλος"), ("Борис", "Иванов"), ("ليلى", "حداد")]


@pytest.fixture
def core(database_url: str, tmp_path: Path) -> Iterator[Application]:
    """A new institution, as ``rolecall init`` makes it, that may call this machine."""
    config = load(
        {}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode(), strict="1",
        outbound_allow="127.0.0.1:*",
    )  # fmt: skip
    set_up(config, NewInstitution(institution="Lyceum", username="head", password="seven tall giraffes"), operator("test"))
    with Application(config) as application:
        yield application


@pytest.fixture
def application(core):
    """The web application of that institution as it is."""
    return create_app(core)


@pytest.fixture
def head(program_of):
    """The Global Owner's program."""
    return program_of(1)


def test_from_a_roster_to_accounts_in_step_with_moodle(head, core):
    rows = [f"students,S{n},{NAMES[n % 4][0]},{NAMES[n % 4][1]}{n},s{n}@home.example,,,yes,Registered,no" for n in range(PEOPLE)]
    csv = "list,code,first_name,last_name,email,phone,language,active,status,no_sync\n" + "\n".join(rows)
    site = create_site("http://127.0.0.1")
    with Wire(site, deadline=10) as wire:
        site.base_url = wire.url
        connected = head.patch("/plugins/moodle", {"enabled": True, "settings": {**site.settings, "user_types": ["student"]}})
        assert connected.json["enabled"]
        assert head.post("/plugins/moodle/check").json["ok"]

        draft = head("POST", "/people/import", data=csv.encode(), content_type="text/csv").json
        assert (draft["state"], draft["facts"]["counts"]["new"]) == ("draft", PEOPLE)
        assert head.post(f"/runs/{draft['id']}/confirm").status_code == 202
        jobs.run_once(core)
        assert head.get(f"/runs/{draft['id']}").json["counts"]["done"] == PEOPLE

        opening = head.post("/accounts", {"list": "students"}, headers={"Idempotency-Key": "open-2026"})
        assert opening.status_code == 202
        jobs.run_once(core)
        assert head.get(f"/runs/{opening.json['id']}").json["counts"]["done"] == PEOPLE
        assert head.get("/accounts?type=student&pending=no").json["total"] == PEOPLE
        assert len(site.users) == PEOPLE

        (period,) = [each for each in head.get("/periods").json["items"] if each["is_current"]]
        role = head.post("/roles", {"name": "Main student", "user_type": "student"}).json["name"]
        chosen = {"type": "student", "q": "ivanov"}
        plan = head.post("/actions/roles.assign", {"filter": chosen, "dry_run": True}).json
        assert plan["will"] == PEOPLE // 4
        params = {"mode": "replace", "period": period["code"], "role": role}
        run = head.post("/actions/roles.assign", {"filter": chosen, "params": params, "expected": plan["total"], "agreed": True}).json
        jobs.run_once(core)
        assert head.get(f"/runs/{run['id']}").json["counts"]["done"] == PEOPLE // 4
        assert head.get("/accounts?role=Main%20student").json["total"] == PEOPLE // 4
        assert len({user["groups"] for user in site.users.values()}) == 2

        leaving = head.get("/accounts?type=student&limit=3").json["items"]
        gone = head.post("/actions/account.deactivate", {"accounts": [each["id"] for each in leaving], "reason": "moved away"}).json
        jobs.run_once(core)
        suspended = {name for name, user in site.users.items() if user["suspended"]}
        assert (gone["counts"]["done"], suspended) == (3, {each["username"] for each in leaving})
        link = head.get(f"/accounts/{leaving[0]['id']}").json["links"][0]
        assert (link["provider"], link["state"], link["goal"]) == ("moodle", "done", "suspended")

        head.post(f"/runs/{gone['id']}/undo")
        jobs.run_once(core)
        assert not [name for name, user in site.users.items() if user["suspended"]]
        assert head.get("/pending").json["total"] == 0
