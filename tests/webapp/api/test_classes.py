"""Classes over the API: listed, added, edited, ended, deleted, and who is in them (R60a)."""

import pytest
from sqlalchemy import update

from rolecall.store.tables import ClassLink
from rolecall.testing.factories import enable_provider, make_account, make_class, make_clerk, make_period, make_person


@pytest.fixture
def people(core):
    """Ids of two students and a teacher with an account, in the current period."""
    with core.db.write() as session:
        make_period(session)
        anna, ben = make_person(session, "Anna", last_name="Alpha"), make_person(session, "Ben", last_name="Beta")
        tina = make_account(session, "Tina", type="teacher")
        return {"anna": anna.id, "ben": ben.id, "tina": tina.person_id, "account": tina.id}


def in_role(role, *ids):
    return [{"person": each, "role": role} for each in ids]


def test_a_class_is_added_with_members_edited_ended_and_deleted(owner, people):
    added = owner.post("/classes", {"code": "7a", "name": "Maths", "members": in_role("student", people["anna"], people["ben"])})
    class_id = added.json["id"]
    edited = owner.patch(f"/classes/{class_id}", {"name": "Mathematics", "active": False}, headers={"If-Match": added.headers["ETag"]})
    stale = owner.patch(f"/classes/{class_id}", {"name": "x"}, headers={"If-Match": added.headers["ETag"]})
    deleted = owner("DELETE", f"/classes/{class_id}")

    assert (added.status_code, added.headers["Location"]) == (201, f"/api/v1/classes/{class_id}")
    assert (added.json["period"], added.json["students"], added.json["active"]) == ("2026", 2, True)
    assert (edited.json["name"], edited.json["active"]) == ("Mathematics", False)
    assert stale.status_code == 412
    assert deleted.json == edited.json
    assert owner.get(f"/classes/{class_id}").status_code == 404


def test_members_are_added_moved_replaced_and_taken_out(owner, people):
    class_id = owner.post("/classes", {"code": "7a", "name": "Maths"}).json["id"]
    where = f"/classes/{class_id}/members"

    first = owner.post(where, {"members": [*in_role("student", people["anna"]), *in_role("assistant", people["tina"])]})
    owner.post(where, {"members": in_role("teacher", people["tina"])})
    page = owner.get(f"{where}?limit=1").json
    rest = owner.get(f"{where}?limit=1&cursor={page['next']}").json
    stale = owner("PUT", where, {"members": []}, headers={"If-Match": first.headers["ETag"]})
    replaced = owner("PUT", where, {"members": in_role("student", people["ben"])})
    taken_out = owner("DELETE", f"{where}/{people['ben']}")

    assert [(each["first_name"], each["role"], each["account"]) for each in page["items"]] == [("Tina", "teacher", people["account"])]
    assert [(each["first_name"], each["role"], each["account"]) for each in rest["items"]] == [("Anna", "student", None)]
    assert (page["total"], rest["next"]) == (2, None)
    assert owner.get(f"{where}?role=student").json["total"] == 0
    assert stale.status_code == 412
    assert (replaced.json["students"], replaced.json["teachers"]) == (1, 0)
    assert taken_out.json["students"] == 0


@pytest.mark.parametrize(
    ("members", "status", "said"),
    [
        ([{"person": "anna", "role": "teacher"}], 422, "Nobody of the students can be a teacher"),
        ([{"person": "anna"}, {"person": "anna"}], 422, "named twice"),
        ([{"person": 999_999}], 404, "no person with the id 999999"),
        ([{"person": "anna", "role": "head"}], 422, "members"),
    ],
)
def test_members_who_cannot_be_in_it_are_refused_in_words(owner, people, members, status, said):
    class_id = owner.post("/classes", {"code": "7a", "name": "Maths"}).json["id"]
    sent = {"members": [each | {"person": people.get(each["person"], each["person"])} for each in members]}

    answer = owner.post(f"/classes/{class_id}/members", sent)

    assert (answer.status_code, said in answer.text) == (status, True)
    assert owner.get(f"/classes/{class_id}").json["version"] == 1


def test_classes_are_listed_by_period_and_code_and_found_by_their_folded_name(owner, people, core):
    with core.db.write() as session:
        other = make_period(session, "2027", current=False)
        make_class(session, "7c", period=other)
    for code, name in (("7b", "Μαθηματικά"), ("7a", "Maths")):
        owner.post("/classes", {"code": code, "name": name})
    ended = owner.get("/classes?q=maths").json["items"][0]["id"]
    owner.patch(f"/classes/{ended}", {"active": False})

    first = owner.get("/classes?limit=2").json
    second = owner.get(f"/classes?limit=2&cursor={first['next']}").json

    assert [each["code"] for each in first["items"] + second["items"]] == ["7c", "7a", "7b"]
    assert (first["total"], second["next"]) == (3, None)
    assert [each["code"] for each in owner.get("/classes?q=ΜΑΘΗΜΑΤΙΚΑ&period=2026&active=yes").json["items"]] == ["7b"]
    assert [each["code"] for each in owner.get("/classes?active=no").json["items"]] == ["7a"]
    assert owner.get("/classes?period=2099").status_code == 422
    assert owner.get("/classes?cursor=x").status_code == 422


def test_a_class_tells_how_it_stands_at_each_provider_and_is_not_deleted_while_one_holds_it(owner, people, core):
    with core.db.write() as session:
        enable_provider(session, "moodle", classes=True)
    class_id = owner.post("/classes", {"code": "7a", "name": "Maths"}).json["id"]
    queued = owner.get(f"/classes/{class_id}").json["links"]
    with core.db.write() as session:
        session.execute(update(ClassLink).values(external_id="42", blocked=True, error="It is full.", error_class="permanent"))

    answer = owner("DELETE", f"/classes/{class_id}")

    assert [(each["provider"], each["state"], each["goal"]) for each in queued] == [("moodle", "queued", "present")]
    assert owner.get("/classes").json["items"][0]["links"][0]["error"] == "It is full."
    assert answer.status_code == 409
    assert "archived" in answer.json["hint"]


def test_whoever_reaches_students_sees_and_changes_students_alone(owner, program_of, core, people):
    with core.db.write() as session:
        clerk = make_clerk(session, "people:view", "people:create", "people:edit", "people:delete", limited_to=["student"]).id
    members = [*in_role("student", people["anna"]), *in_role("teacher", people["tina"])]
    class_id = owner.post("/classes", {"code": "7a", "name": "Maths", "members": members}).json["id"]
    limited = program_of(clerk)

    seen = limited.get(f"/classes/{class_id}").json
    answers = {
        "put": limited.post(f"/classes/{class_id}/members", {"members": in_role("assistant", people["tina"])}).status_code,
        "out": limited("DELETE", f"/classes/{class_id}/members/{people['tina']}").status_code,
        "end": limited.patch(f"/classes/{class_id}", {"active": False}).status_code,
        "delete": limited("DELETE", f"/classes/{class_id}").status_code,
    }
    limited("PUT", f"/classes/{class_id}/members", {"members": in_role("student", people["ben"])})

    assert (seen["students"], seen["teachers"]) == (1, 0)
    assert [each["person"] for each in limited.get(f"/classes/{class_id}/members").json["items"]] == [people["ben"]]
    assert answers == {"put": 404, "out": 404, "end": 403, "delete": 403}
    assert {each["person"] for each in owner.get(f"/classes/{class_id}/members").json["items"]} == {people["ben"], people["tina"]}
