"""Importing a CSV of people over the API: staged, looked at, confirmed; and what no file may do (R6, X-07)."""

import threading

import pytest
from sqlalchemy import func, select

from rolecall.store.tables import ClassMember, Person, Relation, Run
from rolecall.testing.factories import make_period, make_person, make_status
from rolecall.work import jobs

HEAD = "list,code,first_name,last_name,email\n"
TWO = HEAD + "students,S1,Anna,Kowalska,anna@home.example\nstudents,S2,Борис,Иванов,\n"


def upload(program, text, query="", **more):
    """Send a file; more goes into the headers."""
    data = text if isinstance(text, bytes) else text.encode()
    return program("POST", f"/people/import{query}", data=data, content_type=more.pop("content_type", "text/csv"), headers=more)


@pytest.fixture(autouse=True)
def statuses(school):
    """Students have one to begin with."""
    school(make_status)


def count(core):
    """How many students there are."""
    with core.db.read() as session:
        return session.scalar(select(func.count()).where(Person.list == "students"))


def test_file_is_staged_with_its_preview_and_changes_nothing(owner, core):
    answer = upload(owner, TWO)

    assert (answer.status_code, answer.json["state"], answer.json["kind"]) == (200, "draft", "import")
    assert answer.json["facts"]["counts"]["new"] == 2
    items = owner.get(f"/runs/{answer.json['id']}/items?code=new").json["items"]
    assert [each["after"]["first_name"] for each in items] == ["Anna", "Борис"]
    assert count(core) == 0


def test_confirmed_file_is_imported(owner, core):
    draft = upload(owner, TWO).json["id"]

    answer = owner.post(f"/runs/{draft}/confirm")
    again = owner.post(f"/runs/{draft}/confirm")
    jobs.run_once(core)

    assert (answer.status_code, again.status_code) == (202, 202)
    assert owner.get(f"/runs/{draft}").json["state"] == "done"
    assert count(core) == 2


def test_file_can_be_confirmed_at_once(owner, core):
    answer = upload(owner, TWO, "?confirm=yes")
    jobs.run_once(core)

    assert answer.status_code == 202
    assert count(core) == 2


def test_list_may_be_said_in_the_address(owner, core):
    answer = upload(owner, "code;first_name;last_name\nS1;Anna;Kowalska\n", "?list=students&confirm=yes")

    assert answer.status_code == 202
    assert count(core) == 1


def test_rejected_rows_are_named_and_the_others_go_on(owner, core):
    answer = upload(owner, TWO + "students,,No,Code,\npupils,S4,Wrong,List,\n", "?confirm=yes")

    failed = owner.get(f"/runs/{answer.json['id']}/items?outcome=failed").json["items"]
    assert [each["message"].split(":")[0] for each in failed] == ["Row 4", "Row 5"]
    assert count(core) == 2


def test_brake_holds_a_shrinking_file_until_it_is_confirmed_explicitly(owner, core, school):
    for n in range(30):
        school(make_person, f"First{n}", code=f"X{n}")

    held = upload(owner, TWO, "?complete=yes&confirm=yes")
    (draft,) = owner.get("/runs?state=draft").json["items"]
    without = owner.post(f"/runs/{draft['id']}/confirm")
    with_it = owner.post(f"/runs/{draft['id']}/confirm?allow_shrink=yes")
    jobs.run_once(core)

    assert (held.status_code, held.json["code"], without.status_code, with_it.status_code) == (409, "held", 409, 202)
    assert str(draft["id"]) in held.json["hint"]
    assert owner.get("/people?list=students&active=yes").json["total"] == 2


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("", "text/csv", 422),
        ("\n\n", "text/csv", 422),
        ("name,surname\nAnna,K\n", "text/csv", 422),
        (TWO.encode("utf-16"), "text/csv", 422),
        (HEAD.encode() + b"students,S1,\xff\xfe,K,\n", "text/csv", 422),
        (b"PK\x03\x04" + b"\0" * 200, "text/csv", 422),
        ("%PDF-1.7", "text/csv", 422),
        (TWO, "application/json", 415),
        (TWO, "text/plain", 415),
        (TWO, "text/csv; charset=latin-1", 415),
        (TWO, "multipart/form-data; boundary=x", 415),
        ('"' + "a" * 2_000_000, "text/csv", 422),
    ],
)
def test_file_that_is_none_is_refused(body, content_type, status, owner, core):
    answer = upload(owner, body, content_type=content_type)

    assert answer.status_code == status, answer.text
    assert count(core) == 0


def test_file_that_says_it_is_too_long_is_refused_unread(owner):
    answer = owner("POST", "/people/import", data=b"x", content_type="text/csv", environ_overrides={"CONTENT_LENGTH": str(201 * 2**20)})

    assert answer.status_code == 413


@pytest.mark.parametrize("query", ["?complete=true", "?confirm=1", "?list=pupils", "?list=students&list=teachers", "?force=yes", "?name="])
def test_words_that_mean_nothing_are_refused(query, owner, core):
    assert upload(owner, TWO, query).status_code == 422
    assert count(core) == 0


def test_same_key_stages_once_and_refuses_another_file(owner, core):
    first = upload(owner, TWO, **{"Idempotency-Key": "autumn"})
    second = upload(owner, TWO, **{"Idempotency-Key": "autumn"})
    other = upload(owner, TWO + "students,S3,Chloe,M,\n", **{"Idempotency-Key": "autumn"})
    meant_otherwise = upload(owner, TWO, "?complete=yes", **{"Idempotency-Key": "autumn"})

    assert first.json["id"] == second.json["id"]
    assert (other.status_code, meant_otherwise.status_code) == (422, 422)


def test_same_file_ten_times_at_once_is_one_run(owner, core):
    barrier, answers = threading.Barrier(10), []

    def send():
        barrier.wait()
        answers.append(upload(owner, TWO, **{"Idempotency-Key": "at-once"}))

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["id"] for answer in answers}) == 1
    with core.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 1


def test_nothing_is_left_of_the_file(owner, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    upload(owner, TWO)
    upload(owner, b"\xff\xfe")

    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("rolecall-")] == []


def test_classes_and_relations_come_the_same_way(owner, core, school):
    school(make_period)
    upload(owner, TWO + "guardians,G1,Gina,Kowalska,\n", "?confirm=yes")

    classes = upload(owner, "class_code,person_code\n7a,S1\n7a,S2\n", "?confirm=yes&complete=yes").json
    relations = upload(owner, "code,child_code\nG1,S1\n", "?confirm=yes").json

    assert (classes["state"], classes["counts"]["done"]) == ("done", 3)
    assert (relations["state"], relations["counts"]["done"]) == ("done", 1)
    with core.db.read() as session:
        assert session.scalar(select(func.count()).select_from(ClassMember)) == 2
        assert session.scalar(select(func.count()).select_from(Relation)) == 1
