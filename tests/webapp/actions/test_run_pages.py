"""The pages of the runs that actions start: watched, stopped, resumed, taken back, downloaded."""

import csv
import io
from collections.abc import Callable

import pytest
from sqlalchemy import select

from rolecall.store.tables import RunItem
from rolecall.testing.school import School
from rolecall.work.application import Application

VIEW = "accounts:view"
MANY = 60


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
