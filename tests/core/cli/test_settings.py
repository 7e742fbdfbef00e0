"""``rolecall settings``: read with what is said about them, changed, reset, and formats of user names tried on real people."""

import pytest
from sqlalchemy import select

from rolecall.store.engine import Database
from rolecall.store.tables import AuditEntry


def test_settings_are_read_and_changed(cli):
    changed = cli.json("settings", "set", "time_zone=Europe/Athens", "retention_days_deleted=90")
    shown = cli("settings", "get", "time_zone", code=0).stdout

    assert {each["key"]: each["value"] for each in changed["items"]} == {"time_zone": "Europe/Athens", "retention_days_deleted": 90}
    assert "Europe/Athens" in shown
    (name,) = cli.json("settings", "get", "institution_name")["items"]
    assert (name["value"], name["default"], name["origin"]) == ("Harbour School", "", "set")


def test_a_document_says_default_origin_and_who_changed_it_when(cli):
    cli("settings", "set", "retention_days_deleted=90", code=0)

    (kept,) = cli.json("settings", "get", "retention_days_deleted")["items"]
    (other,) = cli.json("settings", "get", "import_shrink_percent")["items"]

    assert (kept["value"], kept["default"], kept["origin"]) == (90, 30, "set")
    assert kept["changed_at"].endswith("Z")
    assert "command line" in kept["changed_by"]
    assert (other["value"], other["default"], other["origin"], other["changed_at"], other["changed_by"]) == (10, 10, "default", None, None)


def test_setting_with_a_wrong_value_is_refused_and_nothing_is_saved(cli):
    result = cli("settings", "set", "phone_region=GR", "time_zone=Atlantis", code=1)

    assert "Atlantis is not a time zone" in result.stderr
    assert [each["value"] for each in cli.json("settings", "get", "phone_region")["items"]] == [""]


def test_a_list_is_written_with_commas(cli):
    changed = cli.json("settings", "set", "sender_addresses=office@school.example,head@school.example")

    assert changed["items"][0]["value"] == ["office@school.example", "head@school.example"]
    assert "office@school.example, head@school.example" in cli("settings", "get", "sender_addresses", code=0).stdout


def test_a_setting_has_its_default_again_and_the_audit_says_so(cli, database_url):
    cli("settings", "set", "retention_days_deleted=90", "sender_addresses=office@school.example", code=0)

    reset = cli.json("settings", "reset", "retention_days_deleted", "sender_addresses")

    assert [(each["value"], each["origin"]) for each in reset["items"]] == [([], "default"), (30, "default")]
    db = Database(database_url)
    with db.read() as session:
        last = session.scalars(select(AuditEntry).where(AuditEntry.kind == "settings").order_by(AuditEntry.seq.desc())).first()
    db.close()
    assert last.payload["changes"]["retention_days_deleted"] == {"before": 90, "after": 30}


def test_settings_are_found_by_a_word(cli):
    found = cli.json("settings", "get", "--q", "phone")["items"]

    assert {"phone_region", "phone_first_password"} <= {each["key"] for each in found}
    assert "retention_days_deleted" not in {each["key"] for each in found}


@pytest.mark.parametrize("words", [("get", "tim_zone"), ("set", "tim_zone=UTC"), ("reset", "tim_zone")])
def test_a_misspelt_setting_gets_the_one_that_comes_nearest(cli, words):
    assert "Did you mean time_zone?" in cli("settings", *words, code=2).stderr


def test_a_format_is_tried_on_real_people_and_not_saved(school):
    tried = school.json("settings", "preview", "username_format_student={first:1}{last:8}{n}")
    text = school("settings", "preview", "username_format_student=s", code=2)

    assert {each["username"] for each in tried["items"]} == {"akranz", "vdimou", "clindqvis"}
    assert (tried["total"], tried["looked_at"], tried["numbered"]) == (3, 3, 0)
    assert "takes nothing from the person" in text.stderr
    (kept,) = school.json("settings", "get", "username_format_student")["items"]
    assert kept["origin"] == "default"


def test_the_preview_says_who_gets_a_number(school):
    shown = school("settings", "preview", "username_format_student=x{list}", code=0).stdout

    assert "clash: xs is taken, gets 2" in shown
    assert "Of 3 people, 2 get a number." in shown


def test_a_format_of_no_user_type_gets_the_nearest(school):
    assert "username_format_student" in school("settings", "preview", "username_format_students={last}", code=2).stderr
