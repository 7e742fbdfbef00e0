"""The dialog of every action: who is selected, the plan, the form, and what is asked before it begins."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from rolecall.store.tables import Run
from rolecall.testing.school import School
from rolecall.work.application import Application

VIEW = "accounts:view"


def hidden(page: str, name: str) -> str:
    return re.search(f'name="{name}" value="([^"]*)"', page)[1]


def test_what_a_plugin_registers_is_there_without_a_line_here(school: School, signed_in: Callable) -> None:
    tom = school.student("Tom")
    school.student("Anna")
    admin = signed_in(VIEW, "act:stranger.wave")

    listed, one = admin.get("/accounts?stranger_height=tall").text, admin.get(f"/accounts/{tom}").text
    dialog = admin.get(f"/act/stranger.wave?ids={tom}").text

    assert "1 account where height is Tall" in listed
    assert "size 43" in listed
    assert "Wave at them" in listed
    assert "Shoe" in one
    assert f'href="/act/stranger.wave?ids={tom}"' in one
    assert "A stranger" in dialog
    assert 'name="greeting"' in dialog
    assert "Let them vanish" not in listed


def test_the_plan_says_who_will_change_and_groups_the_others_by_reason(school: School, signed_in: Callable) -> None:
    school.students(7)
    school.student("Ida", active=False)
    school.student("Ivo", active=False)

    page = signed_in(VIEW, "act:account.deactivate").get("/act/account.deactivate?all=1&type=student&expected=9").text

    assert "Deactivate: 7 of 9 accounts" in page
    assert "and 2 more" in page
    assert "2: The account is not active." in page
    assert "when you opened the list" not in page
    assert "This can be undone afterwards." in page


def test_another_count_than_the_list_showed_is_said_and_acknowledged(school: School, signed_in: Callable) -> None:
    school.students(3)
    admin = signed_in(VIEW, "act:account.deactivate")

    asked = admin.get("/act/account.deactivate?all=1&type=student&expected=2").text
    posted = admin.post("/act/account.deactivate?all=1&type=student", {"expected": "2"})

    for page in (asked, posted.text):
        assert "The selection was 2 when you opened the list and is 3 now." in page
        assert hidden(page, "expected") == "3"
    assert posted.status_code == 409
    assert admin.post("/act/account.deactivate?all=1&type=student", {"expected": "3"}).status_code == 303


def test_ticked_accounts_are_selected_by_number_and_the_filter_is_the_way_back(school: School, signed_in: Callable) -> None:
    anna, berta, _clara = (school.student(name) for name in ("Anna", "Berta", "Clara"))
    admin = signed_in(VIEW, "act:account.deactivate")

    page = admin.get(f"/act/account.deactivate?type=student&expected=3&ids={anna}&ids={berta}&all=").text

    assert "2 of 2 accounts" in page
    assert 'href="/accounts?type=student">Cancel' in page


@pytest.mark.parametrize("query", ["", "ids=", "ids=x", "ids=1,2;drop", "ids=99999999999", "all=1&colour=red"])
def test_a_selection_that_is_none_is_refused(signed_in: Callable, query: str) -> None:
    assert signed_in(VIEW, "act:account.deactivate").get(f"/act/account.deactivate?{query}").status_code == 422


def test_unknown_actions_and_accounts_do_not_exist_and_what_is_not_allowed_is_refused(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")
    admin = signed_in(VIEW, "act:account.deactivate")

    assert admin.get(f"/act/account.fly?ids={anna}").status_code == 404
    assert admin.get("/act/account.deactivate?ids=4711").status_code == 404
    assert admin.get(f"/act/account.delete?ids={anna}").status_code == 403
    assert admin.post(f"/act/account.delete?ids={anna}", {"agreed": "yes", "expected": "1"}).status_code == 403


def test_mistakes_stand_at_their_fields_and_what_was_typed_stays(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")

    answer = signed_in(VIEW, "act:stranger.wave").post(f"/act/stranger.wave?ids={anna}", {"often": "yes", "expected": "1"})

    assert answer.status_code == 422
    assert 'href="#field-greeting"' in answer.text
    assert 'aria-describedby="wrong-greeting"' in answer.text
    assert 'name="often" value="yes" checked' in answer.text


def test_a_refused_password_is_not_sent_back(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")

    answer = signed_in(VIEW, "act:password.change").post(
        f"/act/password.change?ids={anna}", {"password": "kanarienvogel one", "confirm": "kanarienvogel two", "expected": "1"}
    )

    assert answer.status_code == 422
    assert "kanarienvogel" not in answer.text
    assert "differ" in answer.text


def test_consent_is_asked_for(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")
    admin = signed_in(VIEW, "act:account.delete")

    asked = admin.get(f"/act/account.delete?ids={anna}").text
    without = admin.post(f"/act/account.delete?ids={anna}", {"expected": "1"})
    given = admin.post(f"/act/account.delete?ids={anna}", {"expected": "1", "agreed": "yes"})

    assert "I agree" in asked
    assert without.status_code == 409
    assert "Tick that you agree" in without.text
    assert given.status_code == 303
    assert school.snapshot(anna).deleted


def test_the_number_is_typed_for_what_cannot_be_taken_back(school: School, signed_in: Callable) -> None:
    ids = ",".join(map(str, school.students(3)))
    admin = signed_in(VIEW, "act:stranger.vanish")
    form = {"expected": "3", "agreed": "yes"}

    assert "Type 3 to confirm" in admin.get(f"/act/stranger.vanish?ids={ids}").text
    assert admin.post(f"/act/stranger.vanish?ids={ids}", {**form, "typed": "4"}).status_code == 422
    assert admin.post(f"/act/stranger.vanish?ids={ids}", {**form, "typed": "3"}).status_code == 303


def test_what_is_small_and_plain_leads_back_with_a_line_and_can_be_undone(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")
    admin = signed_in(VIEW, "act:account.deactivate")

    answer = admin.post("/act/account.deactivate", {"ids": str(anna), "expected": "1", "back": f"/accounts/{anna}"})
    page = admin.get(answer.location).text
    undone = admin.post(re.search(r'action="(/runs/\d+/undo)"', page)[1])

    assert answer.location == f"/accounts/{anna}"
    assert "Deactivate: done." in page
    assert undone.location == f"/accounts/{anna}"
    assert "Undo: Deactivate: done." in admin.get(undone.location).text
    assert school.snapshot(anna).active


def test_what_does_not_apply_to_the_one_account_is_said(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna", active=False)

    answer = signed_in(VIEW, "act:account.deactivate").post(f"/act/account.deactivate?ids={anna}", {"expected": "1"})

    assert answer.status_code == 409
    assert "The account is not active." in answer.text


def test_a_form_that_is_sent_twice_does_it_once(core: Application, school: School, signed_in: Callable) -> None:
    ids = ",".join(map(str, school.students(2)))
    admin = signed_in(VIEW, "act:stranger.wave")
    form = {"expected": "2", "run_key": hidden(admin.get(f"/act/stranger.wave?ids={ids}").text, "run_key"), "greeting": "hello"}

    first, second = (admin.post(f"/act/stranger.wave?ids={ids}", form) for _ in range(2))

    assert first.location == second.location
    with core.db.read() as session:
        assert len(session.scalars(select(Run)).all()) == 1


def test_assigning_a_role_shows_the_current_period_first(signed_in: Callable, school: School) -> None:
    browser = signed_in(VIEW, "act:roles.assign")

    page = browser.get(f"/act/roles.assign?ids={school.student('Anna')}").text

    assert re.search(r'<option value="2026" selected>', page)


def test_what_messages_cost_and_whom_they_cannot_reach_stands_in_the_dialog(school: School, signed_in: Callable) -> None:
    anna, ben = school.student("Anna"), school.student("Ben")
    for account, phone in ((anna, "+306912345678"), (ben, "letter box")):
        school.change(account, person={"phone": phone})
    school.enable("smoke")

    page = signed_in(VIEW, "act:sms.credentials").get(f"/act/sms.credentials?ids={anna},{ben}").text

    assert "What it costs" in page
    assert "1 message in 2 parts, 0.5 EUR in all." in page
    assert "Left to pay with: 0.25 EUR." in page
    assert "The credit is not enough." in page
    assert re.search(r"1: No phone\.\s*<span class=\"quiet\"><a href=\"/accounts/" + str(ben), page)
