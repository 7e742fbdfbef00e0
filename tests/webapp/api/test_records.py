"""Accounts, people, roles, periods, settings and the audit over the API."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.store.tables import Account, AuditEntry, Period, Person, SignIn
from rolecall.testing.factories import give_role, make_account, make_period, make_person, make_role, make_status


def test_list_has_documents_a_total_and_a_next(owner, school):
    for name in ("Anna", "Boris", "Chloe"):
        school(make_account, name)

    first = owner.get("/accounts?type=student&limit=2").json
    second = owner.get(f"/accounts?type=student&limit=2&cursor={first['next']}").json

    assert [each["first_name"] for each in first["items"] + second["items"]] == ["Anna", "Boris", "Chloe"]
    assert (first["total"], second["total"], second["next"]) == (3, 3, None)


def test_every_filter_word_is_taken(owner, core, school):
    anna = school(make_account, "Anna")
    with core.db.read() as session:
        words = core.plugins.view(session).filters

    statuses = {word: owner.get(f"/accounts?{word}={'all' if each.choices else ''}").status_code for word, each in words.items()}

    assert statuses == dict.fromkeys(words, 200)
    assert [each["id"] for each in owner.get("/accounts?q=Anna&login=never&active=yes&external=no&role=none").json["items"]] == [anna]


def test_word_of_no_filter_is_refused_with_what_comes_nearest(owner):
    answer = owner.get("/accounts?tipe=student")

    assert answer.status_code == 422
    assert "type" in answer.json["detail"]


def test_pages_miss_and_repeat_nobody_while_others_arrive(owner, school):
    for n in range(6):
        school(make_account, f"Name{n}", last_name=f"Same{n % 2}")

    seen, cursor = [], ""
    while cursor is not None:
        page = owner.get(f"/accounts?type=student&limit=2{cursor and '&cursor=' + cursor}").json
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
        school(make_account, "Aaron", last_name="Aardvark")

    assert len(seen) == len(set(seen)) == 6


def test_account_has_its_roles_and_person(owner, core, school):
    with core.db.write() as session:
        anna = make_account(session, "Anna")
        give_role(session, anna, make_role(session), make_period(session))

    document = owner.get(f"/accounts/{anna.id}").json

    assert document["roles"] == [{"period": "2026", "role": "Main student", "enabled": True}]
    assert document["person"]["account"] == anna.id


def test_timeline_tells_of_runs_and_events_newest_first(owner, school):
    anna = school(make_account, "Anna")
    owner.post("/actions/account.deactivate", {"accounts": [anna], "reason": "left"})
    owner.post("/actions/account.activate", {"accounts": [anna]})
    person = owner.get(f"/accounts/{anna}").json["person"]["id"]
    owner.patch(f"/people/{person}", {"phone": "+30 210 1234567"})

    first = owner.get(f"/accounts/{anna}/timeline?limit=2").json
    second = owner.get(f"/accounts/{anna}/timeline?limit=2&cursor={first['next']}").json

    assert [each["kind"] for each in first["items"] + second["items"]] == ["person.edit", "account.activate", "account.deactivate"]
    assert (first["total"], second["next"]) == (3, None)
    assert second["items"][0]["reason"] == "left"
    assert second["items"][0]["before"] == {"active": True}


def test_logins_are_listed_newest_first(owner, core, school):
    anna = school(make_account, "Anna")
    with core.db.write() as session:
        for hour in (8, 9, 10):
            moment = datetime(2026, 10, 1, hour, tzinfo=UTC)
            session.add(SignIn(account_id=anna, at=moment, method="password", result="ok", address="192.0.2.1", agent="Firefox"))

    first = owner.get(f"/accounts/{anna}/logins?limit=2").json
    second = owner.get(f"/accounts/{anna}/logins?limit=2&cursor={first['next']}").json

    assert [each["at"][11:13] for each in first["items"] + second["items"]] == ["10", "09", "08"]
    assert first["total"] == 3


@pytest.mark.parametrize("path", ["/accounts/99", "/accounts/99/timeline", "/accounts/99/logins", "/people/99", "/runs/99/items"])
def test_what_does_not_exist_is_not_found(path, owner):
    assert owner.get(path).status_code == 404
    assert owner.get(path.replace("99", "99999999999999999999")).status_code == 404


def test_accounts_are_opened_for_people(owner, school):
    nick = school(make_person, "Nick")

    answer = owner.post("/accounts", {"people": [nick]})

    assert answer.status_code == 200
    assert (answer.json["state"], answer.json["counts"]["done"]) == ("done", 1)
    assert answer.headers["Location"] == f"/api/v1/runs/{answer.json['id']}"
    assert owner.get(f"/people/{nick}").json["account"] is not None


def test_account_of_somebody_who_is_not_eligible_is_refused_with_the_rule(owner, school):
    left = school(make_person, "Nick", active=False)

    answer = owner.post("/accounts", {"people": [left]})

    assert answer.status_code == 409
    assert "active" in answer.json["detail"]


@pytest.mark.parametrize("body", [{}, {"people": []}, {"people": [1], "list": "students"}, {"list": "pupils"}, {"people": [999_999]}])
def test_opening_needs_people_or_a_list(body, owner):
    assert owner.post("/accounts", body).status_code == 422


def test_person_is_added_read_edited(owner, school):
    school(make_status)

    added = owner.post("/people", {"list": "students", "code": "S1", "first_name": "Ζωή", "last_name": "Παππά"})
    person = added.json["id"]
    edited = owner.patch(f"/people/{person}", {"email": "zoe@home.example", "active": False})

    assert added.status_code == 201
    assert added.headers["Location"] == f"/api/v1/people/{person}"
    assert added.json["status"] == "Registered"
    assert (edited.json["email"], edited.json["active"], edited.json["version"]) == ("zoe@home.example", False, 2)
    assert owner.get(f"/people/{person}").json == edited.json
    assert owner.get("/people?list=students&q=zoi&account=no").json["total"] == 1


def test_code_that_is_taken_is_refused_by_field(owner, school):
    school(make_person, "Nick", code="S1")

    answer = owner.post("/people", {"list": "students", "code": "s1", "first_name": "A", "last_name": "B"})

    assert answer.status_code == 422
    assert list(answer.json["fields"]) == ["code"]


def test_stale_change_of_a_person_is_refused(owner, school):
    nick = school(make_person, "Nick")
    read = owner.get(f"/people/{nick}")
    owner.patch(f"/people/{nick}", {"phone": "2101234567"})

    stale = owner.patch(f"/people/{nick}", {"phone": None}, headers={"If-Match": read.headers["ETag"]})
    odd = owner.patch(f"/people/{nick}", {"phone": None}, headers={"If-Match": "latest"})
    fresh = owner.patch(f"/people/{nick}", {"phone": None}, headers={"If-Match": owner.get(f"/people/{nick}").headers["ETag"]})

    assert (stale.status_code, odd.status_code, fresh.status_code) == (412, 412, 200)
    assert stale.json["code"] == "stale"
    assert fresh.json["phone"] is None


@pytest.mark.parametrize("field", ["id", "version", "account", "created_at", "search", "code_key", "status_id", "type", "is_owner"])
def test_fields_of_the_server_cannot_be_set(field, owner, core, school):
    nick = school(make_person, "Nick")
    before = owner.get(f"/people/{nick}").json

    answer = owner.patch(f"/people/{nick}", {field: 1})

    assert answer.status_code == 422
    assert list(answer.json["fields"]) == [field]
    assert owner.get(f"/people/{nick}").json == before


def test_change_of_a_person_is_in_the_audit_with_before_and_after(owner, core, school):
    nick = school(make_person, "Nick")

    owner.patch(f"/people/{nick}", {"first_name": "Nikos"})

    entry = owner.get("/audit?kind=person.edit").json["items"][0]
    assert (entry["payload"]["before"], entry["payload"]["after"]) == ({"first_name": "Nick"}, {"first_name": "Nikos"})
    assert entry["actor_id"] == f"account:{owner.account_id}"


def test_rights_of_a_role_reach_the_user_types_that_are_named(owner):
    added = owner.post("/roles", {"name": "Clerk", "user_type": "staff", "permissions": ["people:view"], "limited_to": ["student"]})
    role = added.json["id"]
    wider = owner.patch(f"/roles/{role}", {"limited_to": ["teacher", "student"]})
    ended = owner.patch(f"/roles/{role}", {"limited_to": None})
    wrong = [owner.patch(f"/roles/{role}", {"limited_to": each}).status_code for each in ([], ["pupil"], "student")]

    assert [each.json["limited_to"] for each in (added, wider, ended)] == [["student"], ["student", "teacher"], None]
    assert wrong == [422, 422, 422]


def test_roles_are_added_and_edited(owner):
    added = owner.post("/roles", {"name": "Tutor", "user_type": "teacher", "permissions": ["accounts:view", "act:password.reset"]})
    role = added.json["id"]
    edited = owner.patch(f"/roles/{role}", {"name": "Mentor", "permissions": ["accounts:view"]}, headers={"If-Match": '"1"'})
    stale = owner.patch(f"/roles/{role}", {"name": "Coach"}, headers={"If-Match": '"1"'})

    assert (added.status_code, edited.status_code, stale.status_code) == (201, 200, 412)
    assert (edited.json["name"], edited.json["permissions"], edited.json["version"]) == ("Mentor", ["accounts:view"], 2)
    assert "Mentor" in [each["name"] for each in owner.get("/roles?user_type=teacher").json["items"]]


def test_unknown_permission_is_refused(owner):
    answer = owner.post("/roles", {"name": "Tutor", "user_type": "teacher", "permissions": ["accounts:vieww"]})

    assert answer.status_code == 422
    assert list(answer.json["fields"]) == ["permissions"]


def test_periods_are_added_made_current_and_closed(owner):
    added = owner.post("/periods", {"code": "2027", "name": "2027–28", "starts_on": "2027-09-01", "ends_on": "2028-06-30"})
    period = added.json["id"]
    current = owner.patch(f"/periods/{period}", {"is_current": True})
    closing = owner.patch(f"/periods/{period}", {"is_open": False})

    assert (added.status_code, current.status_code, closing.status_code) == (201, 200, 409)
    # Nobody but the owner has a role in the new period; the owner is let in without one.
    assert [each["code"] for each in owner.get("/periods").json["items"] if each["is_current"]] == ["2027"]
    assert owner.get(f"/periods/{period}").headers["ETag"] == f'"{current.json["version"]}"'


def test_only_a_period_without_roles_is_deleted(owner, school):
    used = school(make_period, "2025", current=False)
    school(lambda session: give_role(session, make_account(session), make_role(session), session.get_one(Period, used)))
    unused = owner.post("/periods", {"code": "2027", "name": "Next", "starts_on": "2027-09-01", "ends_on": "2028-06-30"})

    refused = owner("DELETE", f"/periods/{used}")
    stale = owner("DELETE", f"/periods/{unused.json['id']}", headers={"If-Match": '"9"'})
    deleted = owner("DELETE", f"/periods/{unused.json['id']}")

    assert (refused.status_code, stale.status_code, deleted.status_code) == (409, 412, 200)
    assert "One account has a role in 2025" in refused.json["detail"]
    assert deleted.json["code"] == "2027"
    assert owner.get(f"/periods/{unused.json['id']}").status_code == 404


def test_period_cannot_stop_being_current_by_itself(owner):
    current = owner.get("/periods").json["items"][0]["id"]

    assert owner.patch(f"/periods/{current}", {"is_current": False}).status_code == 409


def test_settings_are_read_and_changed(owner):
    changed = owner.patch("/settings", {"institution_name": "Lyceum", "password_min_other": 10})

    assert (changed.json["institution_name"], changed.json["password_min_other"]) == ("Lyceum", 10)
    assert owner.get("/settings").json == changed.json


def test_wrong_setting_is_refused_by_field_and_nothing_is_saved(owner):
    answer = owner.patch("/settings", {"institution_name": "Lyceum", "password_min_other": 3, "colour": "red"})

    assert answer.status_code == 422
    assert {"password_min_other", "colour"} <= set(answer.json["fields"])
    assert owner.get("/settings").json["institution_name"] == ""


def test_audit_is_filtered_and_paged(owner, core):
    for n in range(3):
        owner.patch("/settings", {"institution_name": f"Lyceum {n}"})

    first = owner.get("/audit?kind=settings&limit=2").json
    second = owner.get(f"/audit?kind=settings&limit=2&cursor={first['next']}&since=2020-01-01T00:00:00%2B02:00").json

    assert (first["total"], len(first["items"]), len(second["items"]), second["next"]) == (3, 2, 1, None)
    assert first["items"][0]["payload"]["changes"]["institution_name"]["after"] == "Lyceum 2"
    assert owner.get("/audit?since=yesterday").status_code == 422


def test_refused_change_leaves_no_trace(owner, core, school):
    anna = school(make_account, "Anna")
    with core.db.read() as session:
        count = len(session.scalars(select(AuditEntry.seq)).all())
        person = session.scalar(select(Person.id).join(Account).where(Account.id == anna))

    owner.patch(f"/people/{person}", {"email": "not an address"})

    with core.db.read() as session:
        assert len(session.scalars(select(AuditEntry.seq)).all()) == count
