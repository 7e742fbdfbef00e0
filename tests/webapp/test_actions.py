"""The dialog of every action, and the runs it starts."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from marshmallow import Schema, fields
from sqlalchemy import select

from rolecall import Column, Credits, Filter, Grade, Price, action, hookimpl
from rolecall.config import load
from rolecall.plugins import state
from rolecall.store.engine import now
from rolecall.store.tables import Account, Run, RunItem
from rolecall.testing.channels import MemoryChannel, channel_plugin, memory_channel
from rolecall.testing.school import School
from rolecall.work.application import Application

VIEW = "accounts:view"
MANY = 60


class Wave(Schema):
    """How to wave."""

    greeting = fields.String(required=True, metadata={"label": "Greeting"})
    often = fields.Boolean(load_default=False, metadata={"label": "Often"})


@action("stranger.wave", label="Wave at them", params=Wave, bulk=True, group="stranger", help="Nobody knows why.")
def wave(context: Any, accounts: Any, params: Mapping[str, Any]) -> None:
    """Wave."""
    for account_id in accounts.ids:
        if params["greeting"] == "no":
            context.refuse(account_id, "They do not want it.", code="unwanted")
        context.record(account_id, "greeting", None, params["greeting"])


@action("stranger.vanish", label="Let them vanish", bulk=True, grade=Grade.RETYPE, confirm="Nobody finds them again.")
def vanish(context: Any, accounts: Any, params: Mapping[str, Any]) -> None:
    """Do nothing, dangerously."""


def stranger() -> ModuleType:
    """A plugin that nobody here was written for."""
    module = ModuleType("rolecall_stranger")
    module.LABEL = "A stranger"
    module.register_actions = hookimpl(lambda: [wave, vanish], specname="register_actions")
    module.register_filters = hookimpl(
        lambda: [
            Filter(
                id="stranger_height",
                label="Height",
                choices=lambda _: [("tall", "Tall"), ("small", "Small")],
                clause=lambda value, _: Account.username.like("t%") if value == "tall" else None,
            )
        ],
        specname="register_filters",
    )
    module.register_columns = hookimpl(
        lambda: [Column(id="stranger_shoe", label="Shoe", values=lambda _session, ids: dict.fromkeys(ids, "size 43"), shown=True)],
        specname="register_columns",
    )
    return module


def smoke() -> type[MemoryChannel]:
    """A channel to phones that costs money, of which there is little."""
    channel = memory_channel("smoke", address="phone")
    channel.unusable = classmethod(lambda _cls, _, address, *, region: None if address.startswith("+") else "No phone.")
    channel.price = classmethod(lambda _cls, *_: Price(parts=2, each=Decimal("0.25")))
    channel.credits = lambda _self: Credits(amount=Decimal("0.25"), currency="EUR")
    return channel


@pytest.fixture
def core(database_url: str, tmp_path: Any) -> Iterator[Application]:
    """The parts of a process in which the stranger is enabled."""
    values = {"data": str(tmp_path), "database_url": database_url, "secret_key": "s" * 40, "encryption_keys": "A" * 43 + "="}
    with Application(load({}, **values, strict="1"), plugins={"stranger": stranger(), "smoke": channel_plugin(smoke())}) as application:
        with application.db.write() as session:
            state.set_enabled(session, application.plugins, "stranger", True, now=now(session))
        yield application


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


def test_a_large_run_is_left_to_the_worker_watched_and_told_when_it_ends(school: School, signed_in: Callable) -> None:
    school.students(MANY)
    admin = signed_in(VIEW, "act:account.deactivate")

    answer = admin.post("/act/account.deactivate?all=1&type=student", {"expected": str(MANY)})
    run_page = admin.get(answer.location).text
    meanwhile = admin.get("/accounts?type=student").text
    progress = admin.get(answer.location + "/progress")
    school.work()
    ended = admin.get(answer.location + "/progress")
    told, later = (admin.get("/accounts").text for _ in range(2))

    assert "0 of 60" in run_page
    assert f'hx-get="{answer.location}/progress?asked=1" hx-trigger="every 1s"' in run_page
    assert "1 running" in meanwhile
    assert "is done" not in meanwhile
    assert progress.status_code == 200
    assert progress.headers["Cache-Control"] == "no-store"
    assert len(progress.data) < 5_000
    assert "HX-Refresh" not in progress.headers
    assert "hx-get" not in ended.text
    assert ended.headers["HX-Refresh"] == "true"
    assert "is done." in told
    assert "is done." not in later


@pytest.mark.parametrize(("asked", "every"), [(0, 1), (20, 2), (100, 5)])
def test_progress_is_asked_less_often_the_longer_it_takes(school: School, signed_in: Callable, asked: int, every: int) -> None:
    school.students(MANY)
    admin = signed_in(VIEW, "act:account.deactivate")
    location = admin.post("/act/account.deactivate?all=1&type=student", {"expected": str(MANY)}).location

    assert f'hx-trigger="every {every}s"' in admin.get(f"{location}/progress?asked={asked}").text


def test_the_results_of_a_run_show_failures_first_and_are_narrowed_by_links(school: School, signed_in: Callable) -> None:
    school.students(3)
    ida = school.student("Ida", active=False)
    admin = signed_in(VIEW, "act:account.deactivate")
    location = admin.post("/act/account.deactivate?all=1&type=student", {"expected": "4"}).location

    page, skipped = admin.get(location).text, admin.get(location + "?outcome=skipped&code=not-active").text

    results = page[page.index(">Results</h2>") :]
    assert results.index(f'href="/accounts/{ida}"') < results.index("</svg>done")
    assert "The account is not active." in page
    assert f'href="{location}?outcome=skipped&amp;code=not-active"' in page
    assert skipped.count('href="/accounts/') == 1
    assert "Selected by" in page
    assert admin.get(location + "?outcome=lost").status_code == 422


def test_results_are_downloaded_without_formulas(school: School, signed_in: Callable) -> None:
    evil, anna = school.student("=2+2"), school.student("Anna")
    run = school.act("account.deactivate", evil, anna)

    answer = signed_in(VIEW, "runs:view").get(f"/runs/{run.id}/results.csv")

    lines = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert len(lines) == 3
    assert lines[1][2].startswith("'=2+2")
    assert lines[1][6] == "active: yes -> no"


def test_a_run_belongs_to_who_began_it_and_to_those_who_may_see_all(school: School, signed_in: Callable) -> None:
    run = school.act("account.deactivate", school.student("Anna"))
    stranger_, auditor = signed_in(VIEW), signed_in(VIEW, "runs:view")

    for part in ("", "/progress", "/results.csv"):
        assert stranger_.get(f"/runs/{run.id}{part}").status_code == 403
        assert auditor.get(f"/runs/{run.id}{part}").status_code == 200
    assert stranger_.get("/runs/4711").status_code == 404
    assert "Deactivate" not in stranger_.get("/runs?mine=no").text
    assert "Deactivate" in auditor.get("/runs?mine=no").text
    assert auditor.post(f"/runs/{run.id}/stop").status_code == 403


def test_a_run_is_stopped_and_resumed(core: Application, school: School, signed_in: Callable) -> None:
    school.students(MANY)
    admin = signed_in(VIEW, "act:account.deactivate")
    location = admin.post("/act/account.deactivate?all=1&type=student", {"expected": str(MANY)}).location

    assert admin.post(f"{location}/stop").status_code == 303
    stopped = admin.get(location).text
    assert admin.post(f"{location}/resume").status_code == 303
    school.work()

    assert ">Resume<" in stopped
    with core.db.read() as session:
        assert set(session.scalars(select(RunItem.outcome))) == {"done"}


def test_what_failed_is_tried_again(core: Application, school: School, signed_in: Callable) -> None:
    ids = school.students(2)
    admin = signed_in(VIEW, "act:account.deactivate")
    location = admin.post(f"/act/account.deactivate?ids={ids[0]},{ids[1]}", {"expected": "2"}).location
    with core.db.write() as session:
        item = session.scalars(select(RunItem).where(RunItem.account_id == ids[0])).one()
        item.outcome, item.code, item.message = "failed", "error", "The lights went out."
    page = admin.get(location).text

    admin.post(f"{location}/resume", {"failed": "yes"})
    school.work()

    assert "Try 1 failed again" in page
    assert "1 failed" in page
    assert "The lights went out." not in admin.get(location).text


def test_an_undo_says_first_what_it_would_take_back(core: Application, school: School, signed_in: Callable) -> None:
    ids = school.students(3)
    admin = signed_in(VIEW, "act:account.deactivate", "act:account.activate")
    location = admin.post(f"/act/account.deactivate?ids={','.join(map(str, ids))}", {"expected": "3"}).location
    school.act("account.activate", ids[0])

    asked = admin.get(f"{location}/undo").text
    undone = admin.post(f"{location}/undo").location

    assert "2 accounts go back" in asked
    assert "1 changed since" in asked
    assert "changed since" in admin.get(undone).text
    assert f'href="{location}"' in admin.get(undone).text
    assert f'href="{undone}"' in admin.get(location).text


def test_what_cannot_be_taken_back_is_said(school: School, signed_in: Callable) -> None:
    admin = signed_in(VIEW, "act:stranger.wave")
    location = admin.post(f"/act/stranger.wave?ids={school.student('Anna')}", {"expected": "1", "greeting": "hi"}).location
    run = "/runs/1"

    assert location.startswith("/accounts/")
    assert admin.get(f"{run}/undo").status_code == 409
    assert admin.post(f"{run}/undo").status_code == 409
    assert "Undo" not in admin.get(run).text


def test_new_passwords_are_handed_out_once_to_who_made_them(school: School, signed_in: Callable) -> None:
    ids = school.students(2)
    admin, other = signed_in(VIEW, "act:password.reset"), signed_in(VIEW, "runs:view", "runs:edit")
    location = admin.post(f"/act/password.reset?ids={ids[0]},{ids[1]}", {"expected": "2"}).location

    offered, page = admin.get(location).text, other.get(location).text
    foreign = other.post(f"{location}/secrets")
    handed, again = (admin.post(f"{location}/secrets") for _ in range(2))

    assert "Fetch 2 new passwords" in offered
    assert "Fetch" not in page
    assert foreign.status_code == 403
    assert handed.status_code == 200
    assert handed.headers["Cache-Control"] == "no-store"
    assert handed.text.count('class="secret"') == 2
    assert again.status_code == 409
    assert "Fetch" not in admin.get(location).text


def test_one_reset_leads_to_the_run_that_hands_it_out(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")

    answer = signed_in(VIEW, "act:password.reset").post(f"/act/password.reset?ids={anna}", {"expected": "1"})

    assert answer.location.startswith("/runs/")


def test_the_reason_of_a_run_is_kept(school: School, signed_in: Callable) -> None:
    ids = school.students(2)
    admin = signed_in(VIEW, "act:account.deactivate")

    form = {"expected": "2", "run_reason": "They moved away."}
    location = admin.post(f"/act/account.deactivate?ids={ids[0]},{ids[1]}", form).location

    assert "They moved away." in admin.get(location).text


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
    assert "1 message in 2 parts, 0.5 in all." in page
    assert "Left to pay with: 0.25 EUR." in page
    assert "The credit is not enough." in page
    assert re.search(r"1: No phone\.\s*<span class=\"quiet\"><a href=\"/accounts/" + str(ben), page)
