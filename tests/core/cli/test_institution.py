"""``roles``, ``periods``, ``plugins``, ``sync``, ``tokens`` and ``audit``."""

import json

import pytest

from rolecall.accounts import audit
from rolecall.accounts.actors import WORKER
from rolecall.store.engine import Database


def test_role_is_made_changed_and_becomes_the_default(cli):
    made = cli.json("roles", "add", "Main student", "--type", "student", "--permission", "people:view,accounts:view")
    changed = cli.json("roles", "set", "main STUDENT", "--remove-permission", "people:view", "--add-permission", "runs:view", "--default")

    assert made["permissions"] == ["accounts:view", "people:view"]
    assert (changed["permissions"], changed["is_default"]) == (["accounts:view", "runs:view"], True)
    assert not next(each for each in cli.json("roles")["items"] if each["name"] == "Default student")["is_default"]


def test_rights_of_a_role_are_limited_to_user_types_until_that_is_ended(cli):
    made = cli.json("roles", "add", "Helper", "--type", "staff", "--permission", "people:view", "--limited-to", "teacher,STUDENT")
    kept = cli.json("roles", "set", "Helper", "--name", "Clerk")
    ended = cli.json("roles", "set", "Clerk", "--limited-to", "all")
    wrong = cli("roles", "set", "Clerk", "--limited-to", "pupil", code=2)

    assert (made["limited_to"], kept["limited_to"], ended["limited_to"]) == (["student", "teacher"], ["student", "teacher"], None)
    assert "pupil" in wrong.stderr


def test_role_is_copied_given_a_menu_and_deleted(cli):
    cli("roles", "add", "Tutor", "--type", "teacher", "--permission", "people:view", code=0)

    copy = cli.json("roles", "copy", "Tutor", "House tutor")
    shown = cli.json("roles", "menu", "House tutor", "--hide", "audit", "--rename", "people=Our pupils")
    cli("roles", "menu", "House tutor", "--rename", "people", code=2)
    usual = cli.json("roles", "menu", "House tutor")
    gone = cli.json("roles", "delete", "Tutor")

    assert (copy["name"], copy["permissions"]) == ("House tutor", ["people:view"])
    assert shown["menus"] == [
        {"id": "people", "hidden": False, "label": "Our pupils"},
        {"id": "audit", "hidden": True, "label": None},
    ]
    assert usual["menus"] == []
    assert gone["name"] == "Tutor"
    assert "default" in cli("roles", "delete", "Default teacher", code=1).stderr


def test_name_of_several_roles_asks_for_the_type(cli):
    for user_type in ("student", "teacher"):
        cli("roles", "add", "Guest", "--type", user_type, code=0)

    asked = cli("roles", "set", "Guest", "--active", "no", code=2)
    told = cli.json("roles", "set", "Guest", "--type", "teacher", "--active", "no")

    assert "--type" in asked.stderr
    assert (told["user_type"], told["active"]) == ("teacher", False)


def test_nobody_gives_rights_that_they_do_not_have(school):
    teacher = school.json("accounts", "list", "--type", "teacher")["items"][0]["username"]
    school("roles", "set", "Default teacher", "--add-permission", "roles:edit", code=0)

    result = school("roles", "set", "Default student", "--add-permission", "accounts:delete", "--as", teacher, code=1)

    assert "accounts:delete" in result.stderr


def test_permission_that_does_not_exist_is_refused(cli):
    result = cli("roles", "add", "Helper", "--type", "staff", "--permission", "acounts:view", code=1)

    assert "Did you mean accounts:view?" in result.stderr


def test_plugin_is_configured_and_its_secret_is_never_shown_again(cli, moodle):
    token = moodle.settings["token"]

    document = cli.json("plugins", "configure", "moodle", "base_url=https://moodle.example.org", f"token={token}", "--without-test")
    shown = cli("settings", "get", "--plugin", "moodle", code=0).stdout

    assert (document["settings"]["base_url"], document["settings"]["token"]) == ("https://moodle.example.org", None)
    assert document["secrets_set"] == ["token"]
    assert token not in shown + json.dumps(document) + cli("audit", "export", code=0).stdout
    assert "*** (set)" in shown


def test_secret_that_is_to_be_asked_for_needs_a_terminal(cli):
    result = cli("plugins", "configure", "moodle", "token=-", code=2)

    assert "no terminal" in result.stderr


def test_plugin_is_enabled_and_disabled(cli):
    enabled = cli.json("plugins", "enable", "oneroster")
    disabled = cli.json("plugins", "disable", "oneroster")

    assert (enabled["enabled"], disabled["enabled"]) == (True, False)


def test_core_cannot_be_disabled(cli):
    assert "cannot be disabled" in cli("plugins", "disable", "core", code=1).stderr


def test_check_says_what_is_missing(cli, wire, moodle):
    cli.env["ROLECALL_OUTBOUND_ALLOW"] = wire.host
    cli("plugins", "configure", "moodle", f"base_url={wire.url}", f"token={'0' * 32}", "--without-test", code=0)

    result = cli.json("plugins", "check", "moodle", code=1)

    assert not result["ok"]
    assert any(not line["ok"] and line["fix"] for line in result["lines"])


def test_address_of_this_machine_is_refused_unless_it_is_allowed(cli, wire, moodle):
    cli("plugins", "configure", "moodle", f"base_url={wire.url}", f"token={moodle.settings['token']}", "--without-test", code=0)

    result = cli("plugins", "check", "moodle", code=1)

    assert "ROLECALL_OUTBOUND_ALLOW" in result.stdout or "address" in result.stdout
    assert wire.journal == []


def test_plan_shows_each_account_and_field_and_sends_nothing(school, connect, moodle, wire):
    connect(school)

    shown = school("sync", "plan", "moodle", code=0).stdout
    document = school.json("sync", "plan", "moodle")
    school("worker", "--once", code=0)
    after = school("sync", "plan", "moodle", code=0).stdout

    assert "username: – → akranz" in shown
    assert "Nothing was sent." in shown
    assert document["items"][0]["fields"]["email"] == {"before": None, "after": "ada@example.org"}
    assert after == "Nothing would be sent.\n"


def test_status_without_providers_says_so(cli):
    assert cli("sync", code=0).stdout == "No provider is enabled.\n"
    assert "no provider" in cli("sync", "status", "--provider", "moodel", code=1).stderr


def test_paused_provider_is_not_called_until_it_is_resumed(school, connect, moodle):
    connect(school)
    paused = school.json("sync", "pause", "moodle")
    school("worker", "--once", code=0)
    while_paused = dict(moodle.users)
    resumed = school.json("sync", "resume", "moodle")
    school("worker", "--once", code=0)

    assert (paused["state"], resumed["state"]) == ("paused", "ok")
    assert while_paused == {}
    assert len(moodle.users) == 5


def test_blocked_accounts_are_shown_with_the_reason_and_tried_again(school, connect, moodle):
    username = school.json("accounts", "list", "--q", "anna")["items"][0]["username"]
    moodle.add_user(username=username.lower(), email="other@example.org", idnumber="somebody-else", firstname="A", lastname="B")
    connect(school)
    school("worker", "--once", code=0)

    shown = school("sync", "status", code=0).stdout
    status = school.json("sync", "status", "--provider", "moodle")["items"][0]
    again = school.json("sync", "retry", "--provider", "moodle", "--account", username)

    assert (status["links"]["blocked"], status["pending"]) == (1, 1)
    assert "because" in shown
    assert again == {"links": 1}


def test_token_acts_for_its_account_and_is_shown_once(cli):
    made = cli.json("tokens", "create", "script", "--account", "ada", "--days", "7")
    listed = cli("tokens", "--json", code=0).stdout
    revoked = cli.json("tokens", "revoke", str(made["id"]))

    assert made["token"].startswith("rct_")
    assert made["token"] not in listed
    assert revoked["revoked_at"] is not None


def test_token_for_somebody_else_is_refused(school):
    teacher = school.json("accounts", "list", "--type", "teacher")["items"][0]["username"]
    school("roles", "set", "Default teacher", "--add-permission", "tokens:create", code=0)

    refused = school("tokens", "create", "mine", "--account", "ada", "--as", teacher, code=1)
    own = school.json("tokens", "create", "mine", "--as", teacher)

    assert "one's own account" in refused.stderr
    assert own["account"] == teacher


def test_an_audit_that_is_longer_than_one_reading_is_exported_whole(cli, database_url):
    db = Database(database_url)
    with db.write() as session:
        for n in range(1_100):
            audit.append(session, actor=WORKER, kind="test", payload={"n": n})
    db.close()

    exported = json.loads(cli("audit", "export", "--json", code=0).stdout)

    assert sum(entry["kind"] == "test" for entry in exported["items"]) == 1_100


@pytest.mark.parametrize("form", [(), ("--csv",), ("--json",)])
def test_audit_is_exported_whole_and_the_export_is_in_it(cli, form):
    text = cli("audit", "export", *form, code=0).stdout

    assert "institution.create" in text
    assert "audit.export" in text


def test_audit_is_filtered_and_paged(school):
    first = school.json("audit", "list", "--limit", "2")
    second = school.json("audit", "list", "--limit", "2", "--cursor", first["next"])
    runs = school.json("audit", "list", "--kind", "run.open")

    assert [each["seq"] for each in (*first["items"], *second["items"])] == list(range(first["total"], first["total"] - 4, -1))
    assert {each["kind"] for each in runs["items"]} == {"run.open"}


def test_verify_prints_the_end_of_the_chain(cli):
    document = cli.json("audit", "verify")

    assert (document["ok"], document["seq"]) == (True, None)
    assert document["chain"] in cli("audit", "verify", code=0).stdout
