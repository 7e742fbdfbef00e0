"""The page of user names: a format tried on real people, and used on purpose (R49)."""

from collections.abc import Callable
from datetime import UTC, datetime

from rolecall.accounts import people, statuses
from rolecall.accounts.core_settings import username_formats
from rolecall.work.application import Application

RIGHTS = ("settings:view", "settings:edit", "people:view")


def test_a_formula_is_tried_on_real_people_and_saved_only_on_purpose(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    with core.db.write() as session:
        statuses.create(session, label="Registered", type="registered")
        values = {"list": "students", "code": "s1", "first_name": "Ελένη", "last_name": "Παπαδάκη", "language": "el"}
        people.create(session, values, now=datetime.now(UTC))
    saved = browser.get("/settings/usernames").text
    assert "epapadaki" in saved
    assert "The format in use" in saved

    tried = browser.get("/settings/usernames?format={last}.{first}").text

    assert "papadaki.eleni" in tried
    assert "Tried, and not saved yet" in tried
    with core.db.read() as session:
        assert username_formats(session)["student"] == "{first:1}{last:12}{n}"
    assert browser.post("/settings/usernames", {"type": "student", "format": "{last}.{first}"}).status_code == 303
    with core.db.read() as session:
        assert username_formats(session)["student"] == "{last}.{first}"


def test_a_formula_that_cannot_be_read_says_what_can_be_written(signed_in: Callable) -> None:
    browser = signed_in(*RIGHTS)

    page = browser.get("/settings/usernames?format={surname}<b>")

    assert page.status_code == 200
    assert "{surname} is not a field of the formula." in page.text
    assert "<b>" not in page.text.split("<main")[1]
    assert browser.post("/settings/usernames", {"type": "student", "format": "{surname}"}).status_code == 422
    assert browser.post("/settings/usernames", {"type": "nobody", "format": "{last}"}).status_code == 422


def test_the_page_says_what_happens_to_whom_and_how_often(signed_in: Callable, core: Application) -> None:
    with core.db.write() as session:
        statuses.create(session, label="Registered", type="registered")
        for code, first, last in (("s1", "Eva", "Lang"), ("s2", "Eva", "Lang"), ("s3", "!!!", "???"), ("s4", "Ann", "x" * 120)):
            people.create(session, {"list": "students", "code": code, "first_name": first, "last_name": last}, now=datetime.now(UTC))
    browser = signed_in(*RIGHTS)

    page = browser.get("/settings/usernames", query_string={"format": "{first:1}{last}"}).text

    assert "Clash: elang is taken, gets 2" in page
    assert "falls back to the code" in page
    assert "Cut to 90 characters" in page
    assert "Of 4 people, 1 gets a number, 1 falls back to the code, 1 is cut." in page


def test_who_may_not_see_people_sees_numbers_alone(signed_in: Callable, core: Application) -> None:
    with core.db.write() as session:
        statuses.create(session, label="Registered", type="registered")
        people.create(session, {"list": "students", "code": "s1", "first_name": "Eva", "last_name": "Lang"}, now=datetime.now(UTC))

    page = signed_in("settings:view").get("/settings/usernames").text

    assert "Of 1 person, everybody gets the name as it is." in page
    assert "Lang" not in page
