"""Plugins, their settings and their providers over the API (R54, R56, R61, R63, R69)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import update

from rolecall.config import load
from rolecall.store.tables import Link
from rolecall.testing.factories import make_account
from rolecall.testing.wire import Wire
from rolecall.work import jobs
from rolecall.work.application import Application
from rolecall_moodle.fake import FakeMoodle, create_app


@pytest.fixture
def core(database_url: str, tmp_path: Path) -> Iterator[Application]:
    """The parts of a process that may call this machine."""
    config = load(
        {}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode(), strict="1",
        outbound_allow="127.0.0.1:*",
    )  # fmt: skip
    with Application(config) as application:
        yield application


@pytest.fixture
def moodle() -> Iterator[FakeMoodle]:
    """An empty site on a port."""
    site = create_app("http://127.0.0.1")
    with Wire(site, deadline=5) as wire:
        site.base_url = wire.url
        yield site


@pytest.fixture
def connected(owner, moodle):
    """The site, enabled as the provider."""
    answer = owner.patch("/plugins/moodle", {"enabled": True, "settings": {**moodle.settings, "user_types": ["student"]}})
    assert answer.status_code == 200, answer.text
    return moodle


def test_plugins_are_listed_with_what_they_provide(owner, core):
    listed = {each["id"]: each for each in owner.get("/plugins").json["items"]}

    assert set(listed) == set(core.plugins.installed)
    assert listed["core"]["enabled"]
    assert not listed["moodle"]["enabled"]
    assert "provider" in listed["moodle"]["provides"]


def test_plugin_is_enabled_with_its_settings_at_once(connected, owner):
    document = owner.get("/plugins/moodle").json

    assert (document["enabled"], document["state"], document["fault"]) == (True, "ok", None)
    assert document["settings"]["base_url"] == connected.settings["base_url"]


def test_secrets_are_written_and_never_read(connected, owner):
    document = owner.get("/plugins/moodle").json

    secret = document["secrets_set"][0]
    assert document["settings"][secret] is None
    assert connected.settings[secret] not in document["settings"].values()
    assert connected.settings[secret] not in owner.get("/audit").text


def test_empty_secret_keeps_and_null_removes(connected, owner):
    (secret,) = owner.get("/plugins/moodle").json["secrets_set"]

    kept = owner.patch("/plugins/moodle", {"settings": {secret: ""}})
    disabled = owner.patch("/plugins/moodle", {"enabled": False})

    assert kept.json["secrets_set"] == [secret]
    assert (disabled.json["enabled"], disabled.json["secrets_set"]) == (False, [secret])


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "not an address"},
        {"base_url": 1},
        {"base_url": None},
        {"nothing": 1},
        {"user_types": ["pupil"]},
        {"on_deletion": "burn"},
    ],
)
def test_wrong_settings_are_refused_by_field_and_nothing_is_switched(settings, owner):
    before = owner.get("/plugins/moodle").json

    answer = owner.patch("/plugins/moodle", {"enabled": True, "settings": settings})

    assert answer.status_code == 422
    assert answer.json["fields"]
    assert owner.get("/plugins/moodle").json == before


def test_settings_of_a_connection_that_does_not_work_are_refused_with_what_was_tried(owner, moodle):
    wrong = {**moodle.settings, "token": "0" * 32}

    refused = owner.patch("/plugins/moodle", {"settings": wrong})
    before = owner.get("/plugins/moodle").json
    anyway = owner.patch("/plugins/moodle", {"settings": wrong, "untested": True}).json
    mended = owner.patch("/plugins/moodle", {"settings": moodle.settings}).json

    assert (refused.status_code, refused.json["code"]) == (409, "not-connected")
    assert any(not line["ok"] and line["required"] and line["fix"] for line in refused.json["lines"])
    assert before["settings"]["base_url"] is None
    assert (anyway["connected_at"], anyway["settings"]["base_url"]) == (None, moodle.settings["base_url"])
    assert mended["connected_at"]


def test_a_mapping_is_described_tried_and_changed_attribute_by_attribute(owner, core):
    with core.db.write() as session:
        anna = make_account(session, "Anna", last_name="Kowalska").id
    given = {
        "tenant": "school.example",
        "client_id": "6731de76-14a6",
        "client_secret": "x",
        "domain": "school.example",
        "usage_location": "GR",
    }
    owner.patch("/plugins/o365", {"settings": given, "untested": True})
    mapping = {"displayName": {"template": "{last_name:upper}"}, "jobTitle": {"mode": "once"}}

    tried = owner.post("/plugins/o365/mapping/preview", {"account": anna, "mapping": mapping}).json
    owner.patch("/plugins/o365", {"settings": {"mapping": mapping}})
    owner.patch("/plugins/o365", {"settings": {"mapping": {"jobTitle": {"template": "Pupil"}, "displayName": None}}})
    wrong = owner.patch("/plugins/o365", {"settings": {"mapping": {"displayName": {"mode": "ignore"}}}})
    nothing = owner.post("/plugins/oneroster/mapping/preview", {"mapping": mapping})

    assert (tried["values"]["displayName"], tried["verb"], tried["changing"]) == ("KOWALSKA", "create", 0)
    assert tried["fields"]["displayName"] == {"before": None, "after": "KOWALSKA"}
    known = {each["name"]: each for each in owner.get("/plugins/o365").json["mapping"]}
    assert (known["jobTitle"]["template"], known["jobTitle"]["mode"], known["jobTitle"]["own_mode"]) == ("Pupil", "once", "ignore")
    assert known["displayName"]["template"] == known["displayName"]["own_template"] == "{first_name} {last_name}"
    assert wrong.status_code == 422
    assert "cannot be left alone" in wrong.json["detail"]
    assert nothing.status_code == 409
    assert owner.post("/plugins/o365/mapping/preview", {"mapping": {"nothing": {}}}).json["fields"]["mapping.nothing"]
    assert owner.post("/plugins/o365/mapping/preview", {"account": 10**6}).status_code == 404


def test_roles_of_the_scope_are_named_or_numbered(owner, moodle):
    role = owner.get("/roles").json["items"][0]

    by_name = owner.patch("/plugins/moodle", {"settings": {**moodle.settings, "roles": [role["name"]]}}).json
    by_id = owner.patch("/plugins/moodle", {"settings": {"roles": [role["id"]]}}).json
    wrong = owner.patch("/plugins/moodle", {"settings": {"roles": ["Nobody"]}})

    assert by_name["settings"]["roles"] == by_id["settings"]["roles"] == [str(role["id"])]
    assert wrong.status_code == 422
    assert role["name"] in str(wrong.json["fields"]["roles"])


def test_core_cannot_be_disabled(owner):
    assert owner.patch("/plugins/core", {"enabled": False}).status_code == 409


@pytest.mark.parametrize("path", ["", "/check", "/plan", "/pause", "/resume"])
def test_plugin_that_is_not_installed_is_not_found(path, owner):
    answer = owner(*(("POST",) if path else ("GET",)), f"/plugins/nothing{path}")

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_connection_is_tried_line_by_line(connected, owner):
    saved = owner.post("/plugins/moodle/check").json
    wrong = owner.post("/plugins/moodle/check", {"settings": {"token": "0" * 32}}).json

    assert saved["ok"], saved
    assert len(saved["lines"]) > 1
    assert not wrong["ok"]
    assert owner.post("/plugins/moodle/check").json["ok"], "trying stores nothing"


def test_what_connects_to_nothing_cannot_be_tried(owner):
    assert owner.post("/plugins/oneroster/check").status_code == 409


def test_sync_is_shown_before_anything_is_sent(connected, owner, school):
    for name in ("Anna", "Boris", "Chloe"):
        school(make_account, name)
    called = len(connected.journal)

    first = owner.post("/plugins/moodle/plan?limit=2", {}).json
    second = owner.post(f"/plugins/moodle/plan?limit=2&cursor={first['next']}", {}).json

    assert (first["total"], first["verbs"], len(first["items"])) == (3, {"create": 3}, 2)
    assert (len(second["items"]), second["next"]) == (1, None)
    lines = {line["account"]["name"].split()[0]: line["fields"] for line in first["items"] + second["items"]}
    assert lines["Anna"]["firstname"] == {"before": None, "after": "Anna"}
    assert len(connected.journal) == called


def test_what_is_pending_is_listed_and_tried_again(connected, owner, core, school):
    anna = school(make_account, "Anna")
    owner.post("/actions/external.sync", {"accounts": [anna]})

    pending = owner.get("/pending?provider=moodle&state=queued").json
    with core.db.write() as session:
        session.execute(update(Link).values(blocked=True, attempts=9, error_class="permanent", error="Refused there."))
    blocked = owner.get("/pending?state=blocked").json
    retried = owner.post("/pending/retry", {"providers": ["moodle"], "accounts": [anna]}).json

    assert [(each["account"]["id"], each["state"]) for each in pending["items"]] == [(anna, "queued")]
    assert blocked["items"][0]["error"] == "Refused there."
    assert owner.get("/accounts?pending=yes").json["total"] == 1
    assert retried == {"links": 1}
    assert owner.get("/pending?state=blocked").json["total"] == 0
    assert owner.post("/pending/retry", {}).json == {"links": 0}


def test_pending_is_paged(connected, owner, core, school):
    ids = [school(make_account, f"Name{n}") for n in range(5)]
    owner.post("/actions/external.sync", {"accounts": ids})

    seen, cursor = [], ""
    while cursor is not None:
        page = owner.get(f"/pending?limit=2{cursor and '&cursor=' + cursor}").json
        seen += [each["account"]["id"] for each in page["items"]]
        cursor = page["next"]

    assert (sorted(seen), page["total"]) == (sorted(ids), 5)


def test_paused_provider_is_left_alone_until_it_is_resumed(connected, owner, core, school):
    anna = school(make_account, "Anna")

    paused = owner.post("/plugins/moodle/pause").json
    owner.post("/actions/external.sync", {"accounts": [anna]})
    jobs.run_once(core)
    waiting = owner.get("/pending").json["total"]
    resumed = owner.post("/plugins/moodle/resume").json
    jobs.run_once(core)

    assert (paused["state"], bool(paused["reason"]), waiting, resumed["state"]) == ("paused", True, 1, "ok")
    assert owner.get("/pending").json["total"] == 0
    assert [owner.get(f"/audit?kind=provider.{verb}").json["total"] for verb in ("pause", "resume")] == [1, 1]
