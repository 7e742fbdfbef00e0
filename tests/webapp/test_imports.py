"""The import wizard: source, preview, confirmation, brake (R6)."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from rolecall.accounts import people, statuses
from rolecall.accounts.actors import operator
from rolecall.store.tables import AuditEntry, ClassMember, Person, Run, SchoolClass
from rolecall.work.application import Application
from rolecall.work.changes import set_plugin

NEW = b"code,first_name,last_name,shoe\ns1,Eleni,Papadaki,38\ns2,Boris,Ivanov,\ns3,,,\n"
RIGHTS = ("people:view", "people:create", "people:edit")


@pytest.fixture
def school(core: Application, application: object) -> None:
    """The statuses, and 25 agents."""
    with core.db.write() as session:
        statuses.create(session, label="Registered", type="registered")
        for number in range(25):
            values = {"list": "agents", "code": f"a{number}", "first_name": "Ann", "last_name": f"Agent{number}"}
            people.create(session, values, now=datetime.now(UTC))


def upload(browser: object, content: bytes, name: str = "people.csv", **fields: str) -> object:
    data = {"source": "csv", "list": "students", "file": (io.BytesIO(content), name), **fields}
    return browser.post("/imports/new", data, content_type="multipart/form-data")


def count(core: Application, people_list: str, *, active: bool = True) -> int:
    with core.db.read() as session:
        return session.query(Person).filter_by(list=people_list, active=active).count()


def test_a_file_is_checked_before_anything_changes(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)

    answer = upload(browser, NEW)

    assert answer.status_code == 303
    page = browser.get(answer.location).text
    assert "Step 2 of 3" in page
    assert "The column shoe is unknown and is not read." in page
    assert "A new person needs a first name and a last name." in page
    assert "first name: Eleni" in page
    assert "Import 2 rows" in page
    assert "The 1 rejected row is left out." in page
    assert count(core, "students") == 0


def test_a_confirmed_import_is_done_and_the_same_file_again_changes_nothing(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)
    draft = upload(browser, NEW).location

    answer = browser.post(f"{draft}/confirm")

    assert answer.status_code == 303
    assert answer.location.startswith("/runs/")
    assert count(core, "students") == 2
    assert browser.get(draft).location == answer.location  # the preview is over
    again = browser.get(upload(browser, NEW.replace(b"s3,,,\n", b"")).location).text
    assert "Nothing would change." in again
    assert "/confirm" not in again


def test_tiles_filter_the_preview(signed_in: Callable, school: None) -> None:
    browser = signed_in(*RIGHTS)
    draft = upload(browser, NEW).location
    assert f'href="{draft}?show=rejected"' in browser.get(draft).text

    only = browser.get(f"{draft}?show=rejected").text

    assert "A new person needs" in only
    assert "Eleni" not in only
    assert "Eleni" in browser.get(f"{draft}?show=new").text
    assert "No row of this kind." in browser.get(f"{draft}?show=changed").text


def test_a_changed_cell_is_shown_before_and_after(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)

    draft = upload(browser, b"list;code;last_name\nagents;A3;Smith\n", list="").location

    assert "last name: Agent3 → Smith" in browser.get(draft).text


def test_the_preview_can_be_taken_along_without_formulas(signed_in: Callable, school: None) -> None:
    browser = signed_in(*RIGHTS)
    draft = upload(browser, b"code,first_name,last_name\ns1,=1+1,Papadaki\ns2,,\n").location

    answer = browser.get(f"{draft}/preview.csv")

    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "3,students,s2,,rejected,A new person needs a first name and a last name.," in answer.text
    assert ",'=1+1 Papadaki,new," in answer.text


def test_a_discarded_import_changes_nothing(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)
    draft = upload(browser, NEW).location

    assert browser.post(f"{draft}/discard").status_code == 303

    assert count(core, "students") == 0
    assert "Stopped" in browser.get("/imports").text
    assert browser.post(f"{draft}/confirm").status_code == 409


def test_the_brake_holds_a_complete_file_until_it_is_confirmed_explicitly(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)
    draft = upload(browser, b"code,first_name,last_name\na1,Ann,Agent1\n", list="agents", complete="yes").location
    page = browser.get(draft).text
    assert "This import is held: 24 of 25 active agents are not in the file" in page
    assert 'name="agreed"' in page
    assert "Held" in browser.get("/imports").text

    refused = browser.post(f"{draft}/confirm")
    assert refused.status_code == 409
    assert "Tick the box" in refused.text
    assert count(core, "agents") == 25

    assert browser.post(f"{draft}/confirm", {"agreed": "yes"}).status_code == 303
    assert count(core, "agents") == 1
    assert count(core, "agents", active=False) == 24


def test_people_missing_from_an_ordinary_file_are_left_alone(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)

    page = browser.get(upload(browser, b"code,first_name,last_name\na1,Ann,Agent1\n", list="agents").location).text

    assert "Nothing would change." in page
    assert "leaving" not in page


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"first_name,last_name\nEva,Lang\n", "has no column code"),
        (b"code,first_name\ns1,\xe9\xe8\n", "UTF-8"),
        (b"code,code\ns1,s2\n", "twice"),
        (b"PK\x03\x04" + b"\0" * 40, ""),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_its_field(
    signed_in: Callable, core: Application, school: None, content: bytes, sentence: str
) -> None:
    browser = signed_in(*RIGHTS)

    answer = upload(browser, content)

    assert answer.status_code == 422
    assert 'id="wrong-file"' in answer.text
    assert sentence in answer.text
    with core.db.read() as session:
        assert session.query(Run).filter_by(state="draft").count() == 0


def test_a_missing_file_and_an_unknown_source_are_refused(signed_in: Callable, school: None) -> None:
    browser = signed_in(*RIGHTS)

    missing = browser.post("/imports/new", {"source": "csv"}, content_type="multipart/form-data")

    assert missing.status_code == 422
    assert "Choose a file." in missing.text
    assert upload(browser, NEW, source="nothing").status_code == 422


def test_a_row_without_a_list_is_told_which_lists_there_are(signed_in: Callable, school: None) -> None:
    browser = signed_in(*RIGHTS)

    answer = upload(browser, NEW, list="")

    assert answer.status_code == 422
    assert "choose the list" in answer.text


def test_each_list_has_a_sample_that_can_be_imported(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)
    assert "/imports/sample/guardians" in browser.get("/imports/new").text

    for people_list in ("students", "guardians"):
        sample = browser.get(f"/imports/sample/{people_list}")
        page = browser.get(upload(browser, sample.data, list=people_list).location).text
        assert "Import 1 row" in page

    assert browser.get("/imports/sample/friends").status_code == 404


def test_a_roster_source_of_an_enabled_plugin_is_offered_and_read(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)
    assert "OneRoster" not in browser.get("/imports/new").text
    set_plugin(core, operator("tester"), "oneroster", enabled=True)
    assert "OneRoster" in browser.get("/imports/new").text
    files = io.BytesIO()
    with zipfile.ZipFile(files, "w") as archive:
        archive.writestr(
            "users.csv",
            "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName\n"
            "u1,,,true,o1,student,u1,,Eleni,Papadaki\n",
        )

    answer = upload(browser, files.getvalue(), "roster.zip", source="oneroster", list="")

    assert answer.status_code == 303, answer.text
    assert "Eleni Papadaki" in browser.get(answer.location).text


def test_a_roster_source_says_what_is_missing(signed_in: Callable, core: Application, school: None) -> None:
    set_plugin(core, operator("tester"), "oneroster", enabled=True)
    browser = signed_in(*RIGHTS)

    answer = upload(browser, NEW, "roster.zip", source="oneroster")

    assert answer.status_code == 422
    assert 'id="wrong-file"' in answer.text


def test_names_in_files_are_never_markup(signed_in: Callable, school: None) -> None:
    browser = signed_in(*RIGHTS)

    answer = upload(browser, b"code,first_name,last_name\ns1,<script>x</script>,Y\n", "<img src=x>.csv")

    page = browser.get(answer.location).text
    assert "<script>x" not in page
    assert "<img src" not in page
    assert "&lt;script&gt;x" in page


def test_importing_needs_both_rights_and_somebody_elses_import_is_not_shown(signed_in: Callable, school: None) -> None:
    assert signed_in("people:view").get("/imports/new").status_code == 403
    assert upload(signed_in("people:create"), NEW).status_code == 403
    draft = upload(signed_in(*RIGHTS), NEW).location
    colleague = signed_in(*RIGHTS)

    assert colleague.get(draft).status_code == 403
    assert colleague.get(f"{draft}/preview.csv").status_code == 403
    assert colleague.post(f"{draft}/confirm").status_code == 403
    assert "people.csv" not in colleague.get("/imports").text


def test_what_is_no_import_is_not_shown_as_one(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS, "accounts:create")
    with core.db.read() as session:
        someone = session.query(Person).filter_by(list="agents").first().id
    run = browser.post("/people/open", {"ids": str(someone), "expected": "1"}).location.rsplit("/", 1)[-1]

    assert browser.get(f"/imports/{run}").status_code == 409
    assert browser.get("/imports/99999").status_code == 404


def test_staging_and_confirming_are_in_the_audit(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)
    browser.post(f"{upload(browser, NEW).location}/confirm")

    with core.db.read() as session:
        kinds = {entry.kind for entry in session.query(AuditEntry).filter_by(actor=f"account:{browser.account_id}")}
    assert {"import.stage", "import.confirm"} <= kinds


def test_a_file_of_classes_is_told_by_its_columns_and_shown_class_by_class(signed_in: Callable, core: Application, school: None) -> None:
    browser = signed_in(*RIGHTS)
    browser.post(f"{upload(browser, NEW).location}/confirm")

    draft = upload(browser, b"class_code,class_name,person_code\n7a,Maths 7a,s1\n7a,,nobody\n", "classes.csv").location
    page = browser.get(draft).text
    browser.post(f"{draft}/confirm")

    assert "class 7a" in page
    assert "name: Maths 7a" in page
    assert "role in class 7a: student" in page
    assert "The class 7a names nobody of the students, who is not in the roster." in page
    with core.db.read() as session:
        assert [(each.name, each.active) for each in session.query(SchoolClass)] == [("Maths 7a", True)]
        assert session.query(ClassMember).count() == 1


@pytest.mark.parametrize("name", ["classes", "relations"])
def test_samples_of_the_other_files_are_read_as_such(signed_in: Callable, school: None, name: str) -> None:
    browser = signed_in(*RIGHTS)

    sample = browser.get(f"/imports/sample/{name}")
    page = browser.get(upload(browser, sample.data, f"{name}.csv").location).text

    assert f'filename="{name}.csv"' in sample.headers["Content-Disposition"]
    assert "is unknown and is not read" not in page
    assert {"classes": "There is no period 2026-27.", "relations": "The relation names g-77 of the guardians"}[name] in page
