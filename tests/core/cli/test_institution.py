"""``roles``, ``periods``, ``statuses``, ``settings``, ``plugins``, ``sync``, ``tokens`` and ``audit``."""

import json

import pytest


def test_role_is_made_changed_and_becomes_the_default(cli):
    made = cli.json("roles", "add", "Main student", "--type", "student", "--permission", "people:view,accounts:view")
    changed = cli.json("roles", "set", "main STUDENT", "--remove-permission", "people:view", "--add-permission", "runs:view", "--default")

    assert made["permissions"] == ["accounts:view", "people:view"]
    assert (changed["permissions"], changed["is_default"]) == (["accounts:view", "runs:view"], True)
    assert not next(each for each in cli.json("roles")["items"] if each["name"] == "Default student")["is_default"]


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


def test_period_is_made_current_and_the_old_one_closed(cli):
    old = cli.json("periods")["items"][0]["code"]
    cli("periods", "add", "2031", "--name", "2031/32", "--from", "2031-09-01", "--to", "2032-08-31", code=0)

    refused = cli("periods", "close", old, code=1)
    current = cli.json("periods", "current", "2031")
    closed = cli.json("periods", "close", old)
    renamed = cli.json("periods", "set", "2031", "--name", "The year 2031")

    assert "current period" in refused.stderr
    assert current["is_current"]
    assert not closed["is_open"]
    assert renamed["name"] == "The year 2031"


def test_status_is_made_and_changed(cli):
    made = cli.json("statuses", "add", "On leave", "--type", "other", "--at-providers", "suspend")
    changed = cli.json("statuses", "set", "on leave", "--type", "registered")

    assert (made["type"], made["provider_action"]) == ("other", "suspend")
    assert (changed["label"], changed["type"]) == ("On leave", "registered")


def test_settings_are_read_and_changed(cli):
    changed = cli.json("settings", "set", "time_zone=Europe/Athens", "retention_days_deleted=90")
    shown = cli("settings", "get", "time_zone", code=0).stdout

    assert (changed["time_zone"], changed["retention_days_deleted"]) == ("Europe/Athens", 90)
    assert cli.json("settings", "get", "institution_name") == {"institution_name": "Harbour School"}
    assert "Europe/Athens" in shown


def test_setting_with_a_wrong_value_is_refused_and_nothing_is_saved(cli):
    result = cli("settings", "set", "phone_region=GR", "time_zone=Atlantis", code=1)

    assert "Atlantis is not a time zone" in result.stderr
    assert cli.json("settings", "get", "phone_region") == {"phone_region": ""}


def test_plugin_is_configured_and_its_secret_is_never_shown_again(cli, moodle):
    token = moodle.settings["token"]

    document = cli.json("plugins", "configure", "moodle", "base_url=https://moodle.example.org", f"token={token}")
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
    cli("plugins", "configure", "moodle", f"base_url={wire.url}", f"token={'0' * 32}", code=0)

    result = cli.json("plugins", "check", "moodle", code=1)

    assert not result["ok"]
    assert any(not line["ok"] and line["fix"] for line in result["lines"])


def test_address_of_this_machine_is_refused_unless_it_is_allowed(cli, wire, moodle):
    cli("plugins", "configure", "moodle", f"base_url={wire.url}", f"token={moodle.settings['token']}", code=0)

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
