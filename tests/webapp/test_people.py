"""Pages of people: the list, the card, adding, editing, and opening accounts (R2, R4, R6)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from rolecall.accounts import people, statuses
from rolecall.store.tables import Account, AuditEntry, Person, Run
from rolecall.work.application import Application


@pytest.fixture
def school(core: Application, application: object) -> dict[str, int]:
    """Some people: two students who may have an account, one who may not, a teacher."""
    records = {
        "s1": {"list": "students", "first_name": "Eleni", "last_name": "Παπαδάκη", "email": "eleni@example.org"},
        "s2": {"list": "students", "first_name": "Boris", "last_name": "Ivanov"},
        "s3": {"list": "students", "first_name": "Gone", "last_name": "Away", "status": "Withdrawn"},
        "t1": {"list": "teachers", "first_name": "<b>Jonas</b>", "last_name": "Weber"},
    }
    with core.db.write() as session:
        statuses.create(session, label="Registered", type="registered")
        statuses.create(session, label="Withdrawn", type="withdrawn")
        return {code: people.create(session, {"code": code, **values}, now=datetime.now(UTC)).id for code, values in records.items()}


def test_the_list_is_filtered_by_its_address(signed_in: Callable, school: dict[str, int]) -> None:
    browser = signed_in("people:view")

    page = browser.get("/people?list=students&q=papadaki").text

    assert "Παπαδάκη" in page
    assert "Ivanov" not in page
    assert "1 person in this selection" in page
    assert 'href="/people?q=papadaki"' in page  # the chip that takes the list away


def test_what_people_are_called_is_never_markup(signed_in: Callable, school: dict[str, int]) -> None:
    browser = signed_in("people:view")

    for path in ("/people", f"/people/{school['t1']}"):
        page = browser.get(path).text
        assert "&lt;b&gt;Jonas" in page
        assert "<b>Jonas" not in page


def test_a_filter_that_does_not_exist_is_refused(signed_in: Callable) -> None:
    browser = signed_in("people:view")

    assert browser.get("/people?lst=students").status_code == 422
    assert browser.get("/people?list=friends").status_code == 422
    assert browser.get("/people?page=0").status_code == 422


def test_an_empty_list_says_what_to_do_and_an_empty_selection_what_to_remove(signed_in: Callable) -> None:
    browser = signed_in("people:view", "people:create")

    # The administrator is a person too.
    assert "Nobody matches" in browser.get("/people?list=agents").text
    assert "Import people" in browser.get("/people").text
    assert "Import people" not in signed_in("people:view").get("/people").text


def test_a_long_list_has_pages(signed_in: Callable, core: Application) -> None:
    browser = signed_in("people:view")
    with core.db.write() as session:
        for number in range(60):
            values = {"list": "agents", "code": f"a{number}", "first_name": "Ann", "last_name": f"Agent{number:03}"}
            people.create(session, values, now=datetime.now(UTC))

    first, second = browser.get("/people?list=agents").text, browser.get("/people?list=agents&page=2").text

    assert "1–50 of 60" in first
    assert "page=2" in first
    assert "Agent059" in second
    assert browser.get("/people?list=agents&page=9").status_code == 303


def test_a_person_is_added_by_hand(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in("people:view", "people:create")
    values = {"list": "students", "code": "s9", "first_name": "Ida", "last_name": "Neu", "active": "yes", "status": ""}

    answer = browser.post("/people/new", values)

    assert answer.status_code == 303
    card = browser.get(answer.location).text
    assert "Ida Neu" in card
    assert "Registered" in card
    assert "The person is added." in card
    with core.db.read() as session:
        assert session.query(AuditEntry).filter_by(kind="person.create").count() == 1


def test_mistakes_are_said_at_their_fields(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in("people:create")

    answer = browser.post("/people/new", {"list": "students", "code": "S1", "first_name": "Ida", "last_name": "Neu", "email": "nonsense"})

    assert answer.status_code == 422
    assert 'id="wrong-email"' in answer.text
    assert 'value="Ida"' in answer.text
    answer = browser.post("/people/new", {"list": "students", "code": "S1", "first_name": "Ida", "last_name": "Neu"})
    assert "already" in answer.text
    assert 'id="wrong-code"' in answer.text


def test_a_person_is_edited_and_the_audit_knows_before_and_after(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in("people:view", "people:edit")
    where = f"/people/{school['s1']}/edit"
    assert 'value="Eleni"' in browser.get(where).text
    values = {
        "version": "1",
        "code": "s1",
        "first_name": "Helen",
        "last_name": "Παπαδάκη",
        "email": "",
        "active": "yes",
        "status": "Registered",
    }

    assert browser.post(where, values).status_code == 303

    with core.db.read() as session:
        person = session.get_one(Person, school["s1"])
        assert (person.first_name, person.email, person.version) == ("Helen", None, 2)
        entry = session.query(AuditEntry).filter_by(kind="person.edit").one()
        assert entry.payload["before"] == {"first_name": "Eleni", "email": "eleni@example.org"}


def test_an_edit_that_somebody_else_overtook_is_refused(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in("people:view", "people:edit")
    where = f"/people/{school['s2']}/edit"
    values = {"version": "1", "code": "s2", "first_name": "Borys", "last_name": "Ivanov", "active": "yes"}
    browser.post(where, values)

    answer = browser.post(where, {**values, "first_name": "Boris"})

    assert answer.status_code == 409
    assert "changed by somebody else" in answer.text
    with core.db.read() as session:
        assert session.get_one(Person, school["s2"]).first_name == "Borys"


def test_the_card_shows_relations_both_ways_and_why_there_is_no_account(
    signed_in: Callable, core: Application, school: dict[str, int]
) -> None:
    with core.db.write() as session:
        people.relate(session, school["t1"], school["s3"], "guardian")
    browser = signed_in("people:view")

    assert "This person is their guardian" in browser.get(f"/people/{school['t1']}").text
    card = browser.get(f"/people/{school['s3']}").text
    assert "Is this person" in card
    assert "rule: accounts are for registered students" in card


@pytest.mark.parametrize(
    ("path", "missing"), [("/people/new", "people:create"), ("/people/1/edit", "people:edit"), ("/people/open", "accounts:create")]
)
def test_what_is_not_allowed_is_refused(signed_in: Callable, school: dict[str, int], path: str, missing: str) -> None:
    browser = signed_in("people:view")

    assert browser.get(path).status_code == 403
    answer = browser.post(path, {})
    assert answer.status_code == 403
    assert missing in answer.text


def test_somebody_who_does_not_exist_is_not_found(signed_in: Callable) -> None:
    assert signed_in("people:view").get("/people/99999").status_code == 404
    assert signed_in("people:view").get("/people/99999999999").status_code == 404


def test_opening_accounts_shows_first_what_it_would_do(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in("people:view", "accounts:create")
    ids = "&".join(f"ids={school[code]}" for code in ("s1", "s2", "s3"))

    plan = browser.get(f"/people/open?{ids}&all=&list=").text

    assert "2 of 3 people can have an account." in plan
    assert "bivanov" in plan
    assert "rule: accounts are for registered students" in plan
    assert "Open 2 accounts" in plan
    with core.db.read() as session:
        assert session.query(Run).count() == 0


def test_accounts_are_opened_for_the_chosen_people(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in("people:view", "accounts:create")

    answer = browser.post("/people/open", {"ids": f"{school['s1']},{school['s2']}", "expected": "2"})

    assert answer.status_code == 303
    assert answer.location.startswith("/runs/")
    with core.db.read() as session:
        opened = session.query(Account).filter(Account.person_id.in_([school["s1"], school["s2"]])).all()
        assert {account.username for account in opened} == {"epapadaki", "bivanov"}


def test_accounts_are_opened_for_a_whole_list(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in("people:view", "accounts:create")
    assert "2 people of the list students without an account" in browser.get("/people/open?all=1&list=students").text

    browser.post("/people/open", {"all": "1", "list": "students", "expected": "2"})

    assert "Everybody who can have an account has one." in browser.get("/people/open?all=1&list=students").text


def test_a_selection_that_changed_is_shown_again(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in("people:view", "accounts:create")

    answer = browser.post("/people/open", {"all": "1", "list": "students", "expected": "7"})

    assert answer.status_code == 409
    assert "has changed since you saw it" in answer.text
    with core.db.read() as session:
        assert session.query(Run).count() == 0


def test_nobody_selected_is_said(signed_in: Callable) -> None:
    browser = signed_in("people:view", "accounts:create")

    assert "Nobody is selected." in browser.get("/people/open").text
    assert browser.get("/people/open?ids=abc").status_code == 422
    assert browser.get("/people/open?all=1&list=friends").status_code == 422
