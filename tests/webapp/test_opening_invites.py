"""Invitations on creation as the pages tell of them: before accounts are opened, and on the page of the run (R51)."""

import re
from collections.abc import Callable

import pytest

from rolecall.store.tables import Account
from rolecall.testing.factories import make_person, set_plain
from rolecall.testing.school import School
from rolecall.work.application import Application

RIGHTS = ("accounts:view", "accounts:create", "people:view", "runs:view")


@pytest.fixture
def people(core: Application) -> list[int]:
    """Anna, and Ben without an address, of a type that is invited on creation."""
    with core.db.write() as session:
        set_plain(session, "core", invite_new_student=True)
        return [make_person(session, "Anna").id, make_person(session, "Ben", email=None).id]


def test_the_page_of_the_run_names_who_could_not_be_invited(core: Application, signed_in: Callable, people: list[int]) -> None:
    admin = signed_in(*RIGHTS)

    location = admin.post("/people/open", {"ids": ",".join(map(str, people)), "expected": "2"}).location
    page = admin.get(location).text
    named = admin.get(f"{location}?outcome=done&code=not-invited").text

    assert "No invitation was sent, because the person&#39;s record has no e-mail." in page
    assert "Ben" in named
    assert "Anna" not in named


def test_who_is_written_to_at_once_is_said_before(signed_in: Callable, people: list[int]) -> None:
    plan = signed_in(*RIGHTS).get("/people/open?" + "&".join(f"ids={each}" for each in people)).text

    assert "An invitation is sent to 1 of them at once. 1 cannot be invited" in plan


def test_the_run_of_one_person_without_an_address_is_no_refusal(core: Application, people: list[int], signed_in: Callable) -> None:
    admin = signed_in(*RIGHTS)

    answer = admin.post("/people/open", {"ids": str(people[1]), "expected": "1"})

    assert answer.status_code == 303
    assert "No invitation was sent" in admin.get(answer.location).text


def test_who_has_no_address_is_named_with_the_way_to_their_record(signed_in: Callable, school: School) -> None:
    ben = school.student("Ben")
    school.change(ben, person={"email": None})
    anna = school.student("Anna")
    school.change(anna, person={"email": "anna@home.example"})
    run = school.act("invitation.send", ben, anna)
    with school.app.db.read() as session:
        person = session.get_one(Account, ben).person_id

    page = signed_in(*RIGHTS).get(f"/runs/{run.id}").text
    without = signed_in("accounts:view", "runs:view").get(f"/runs/{run.id}").text

    linked = re.search(rf'<a href="/people/{person}"[^>]*>(.*?)</a>', page, re.DOTALL)
    assert "no personal e-mail" in linked[1]
    assert f"/people/{person}" not in without
    assert page.count('href="/people/') - without.count('href="/people/') == 1, "nobody else needs it"
