"""Pages of classes and who is in them (R60a)."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from rolecall.accounts import periods
from rolecall.store import listing
from rolecall.store.tables import AuditEntry, ClassLink, ClassMember, SchoolClass
from rolecall.testing.factories import enable_provider, make_class, make_period, make_person
from rolecall.work import class_links
from rolecall.work.application import Application

RIGHTS = ("people:view", "people:create", "people:edit", "people:delete")


@pytest.fixture
def school(core: Application, application: object) -> dict[str, int]:
    """Two classes of the current period and one of a closed one; Anna is in the first, Tina teaches nobody yet."""
    with core.db.write() as session:
        current = periods.current(session)
        anna = make_person(session, "Anna", last_name="Kranz", code="S1")
        tina = make_person(session, "Tina", last_name="Weber", code="T1", list="teachers")
        listing.refresh_people(session, [anna.id, tina.id])
        maths = make_class(session, "7a", period=current, name="Mathematics 7A", members={anna.id: "student"}, search="7a mathematics 7a")
        art = make_class(session, "7b", period=current, name="Art 7B", search="7b art 7b")
        closed = make_period(session, "2019", current=False, is_open=False)
        old = make_class(session, "old", period=closed, name="Old one", search="old old one", active=False)
        return {"anna": anna.id, "tina": tina.id, "maths": maths.id, "art": art.id, "old": old.id}


def members(core: Application, class_id: int) -> dict[int, str]:
    with core.db.read() as session:
        rows = session.execute(select(ClassMember.person_id, ClassMember.role).where(ClassMember.class_id == class_id))
        return {row.person_id: row.role for row in rows}


def test_the_list_is_filtered_by_period_search_and_whether_they_are_taught(signed_in: Callable, school: dict[str, int]) -> None:
    browser = signed_in("people:view")

    everything = browser.get("/classes").text
    found = browser.get("/classes?q=mathem&period=2026&active=yes").text

    assert "3 classes" in everything
    assert all(name in everything for name in ("Mathematics 7A", "Art 7B", "Old one"))
    assert "Add a class" not in everything
    assert "1 class in this selection" in found
    assert "Art 7B" not in found
    assert 'data-label="Students">1<' in found
    assert "No class matches all of these filters." in browser.get("/classes?active=no&period=2026").text
    assert browser.get("/classes?page=2").status_code == 303


def test_a_class_shows_its_members_and_leads_to_them(signed_in: Callable, school: dict[str, int]) -> None:
    page = signed_in("people:view").get(f"/classes/{school['maths']}").text

    assert f'href="/people/{school["anna"]}"' in page
    assert "Anna Kranz" in page
    assert "Take out" not in page
    assert "End the class" not in page
    assert signed_in("people:view").get("/classes/99").status_code == 404


def test_a_class_is_added_edited_ended_taught_again_and_deleted(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in(*RIGHTS)

    where = browser.post("/classes/new", {"period": "2026", "code": "8a", "name": "Greek"}).location
    assert 'value="Greek"' in browser.get(f"{where}/edit").text
    assert browser.post(f"{where}/edit", {"code": "8a", "name": "Ελληνικά", "version": "1"}).status_code == 303
    stale = browser.post(f"{where}/edit", {"code": "8a", "name": "x", "version": "1"})
    browser.post(f"{where}/active", {"active": "no"})
    ended = browser.get(where).text
    browser.post(f"{where}/active", {"active": "yes"})

    assert (stale.status_code, "was changed by somebody else" in stale.text) == (409, True)
    assert "Let it go on" in ended
    assert "Ελληνικά" in ended
    assert "Delete 8a" in browser.get(f"{where}/delete").text
    assert browser.post(f"{where}/delete", {"version": "4"}).location == "/classes"
    assert "The class 8a is deleted." in browser.get("/classes").text
    with core.db.read() as session:
        kinds = session.scalars(select(AuditEntry.kind).where(AuditEntry.kind.like("class.%")).order_by(AuditEntry.seq)).all()
    assert kinds == ["class.create", "class.edit", "class.edit", "class.edit", "class.delete"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"code": "7A"}, "has a class 7A already"),
        ({"name": ""}, "Give the class a name"),
        ({"period": "2019"}, "The period 2019 is closed"),
    ],
)
def test_a_class_that_cannot_be_added_is_shown_again_with_why(
    signed_in: Callable, school: dict[str, int], values: dict[str, str], said: str
) -> None:
    answer = signed_in(*RIGHTS).post("/classes/new", {"period": "2026", "code": "9z", "name": "Kept name", **values})

    assert answer.status_code in (409, 422)
    assert said in answer.text
    assert "Add the class" in answer.text


def test_people_are_put_in_given_another_role_and_taken_out(signed_in: Callable, core: Application, school: dict[str, int]) -> None:
    browser = signed_in(*RIGHTS)
    where, chosen = f"/classes/{school['art']}/members", {"ids": [str(school["anna"]), str(school["tina"])]}

    listed = browser.get(f"{where}?q=tina&list=teachers").text
    back = browser.post(where, {**chosen, "what": "assistant", "back": f"{where}?q=x"}).location
    assert members(core, school["art"]) == {school["anna"]: "assistant", school["tina"]: "assistant"}
    browser.post(where, {"ids": [str(school["tina"])], "what": "teacher"})
    again = browser.post(where, {"ids": [str(school["tina"])], "what": "teacher"}).location
    told = browser.get(again).text
    browser.post(where, {"ids": [str(school["anna"])], "what": "out"})

    assert "1 active person" in listed
    assert "Put in as teacher" in listed
    assert back == f"{where}?q=x"
    assert "Nothing was to be changed" in told
    assert members(core, school["art"]) == {school["tina"]: "teacher"}


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"what": "teacher", "ids": ["anna"]}, 422, "These are no people"),
        ({"what": "burn", "ids": ["1"]}, 422, "nothing that can be done"),
        ({"what": "out"}, 303, "Tick somebody first."),
    ],
)  # fmt: skip
def test_what_no_page_sends_is_refused_in_words(
    signed_in: Callable, school: dict[str, int], sent: dict[str, Any], status: int, said: str
) -> None:
    browser = signed_in(*RIGHTS)

    answer = browser.post(f"/classes/{school['art']}/members", sent)

    assert answer.status_code == status
    assert said in (browser.get(answer.location).text if status == 303 else answer.text)


def test_how_a_class_stands_at_providers_is_shown_with_why_and_tried_again(
    signed_in: Callable, core: Application, school: dict[str, int]
) -> None:
    with core.db.write() as session:
        enable_provider(session, "moodle", classes=True)
        class_links.behind(session, [school["maths"]])
        why = {"blocked": True, "attempts": 2, "error_class": "permanent", "error": "The category is gone.", "external_id": "42"}
        session.execute(update(ClassLink).values(**why))
    browser = signed_in(*RIGHTS, "integrations:edit")

    page = browser.get(f"/classes/{school['maths']}").text
    browser.post(f"/classes/{school['maths']}/retry", {})
    refused = browser.post(f"/classes/{school['maths']}/delete", {})

    assert "The category is gone." in page
    assert "as 42" in page
    assert "Try again now" in page
    assert "Queued" in browser.get(f"/classes/{school['maths']}").text
    assert "Try again now" not in signed_in("people:view").get(f"/classes/{school['maths']}").text
    assert (refused.status_code, "is at moodle" in refused.text) == (409, True)
    with core.db.read() as session:
        assert session.get(SchoolClass, school["maths"]) is not None


def test_the_card_of_a_person_shows_their_classes(signed_in: Callable, school: dict[str, int]) -> None:
    page = signed_in("people:view").get(f"/people/{school['anna']}").text

    assert f'href="/classes/{school["maths"]}"' in page
    assert "Mathematics 7A" in page


def test_classes_are_in_the_menu_of_whoever_sees_people(signed_in: Callable) -> None:
    assert 'href="/classes"' in signed_in("people:view").get("/people").text
    assert 'href="/classes"' not in signed_in("periods:view").get("/periods").text
