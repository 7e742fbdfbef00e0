"""Slips on the page of a run: shown or downloaded once, by whoever began it, with what mends a missing password (R28, R45)."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from rolecall.accounts.slip_words import WORDS
from rolecall.store.tables import WebSession
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall.work.runs.secrets import count_secrets
from rolecall.work.slips.handing import MOST_AT_ONCE

VIEW, PRINT = "accounts:view", "act:account.print"


def printing(admin, *ids: int) -> str:
    """Print accounts and return the address of the run's page."""
    return admin.post(f"/act/account.print?ids={','.join(map(str, ids))}", {"expected": str(len(ids))}).location


def waiting(core: Application, location: str) -> int:
    with core.db.read() as session:
        return count_secrets(session, int(location.rpartition("/")[2]))


def test_printing_leads_to_the_run_that_has_the_slips(core: Application, school: School, signed_in: Callable) -> None:
    ids = school.students(2)
    school.act("password.reset", ids[0])
    admin = signed_in(VIEW, PRINT)
    location = printing(admin, *ids)

    offered = admin.get(location).text
    page = admin.post(f"{location}/slips", {"as": "page"})
    again = admin.post(f"{location}/slips", {"as": "page"})

    assert "Show 2 slips" in offered
    assert "new passwords" not in offered
    assert page.text.count('class="slip"') == 2
    assert page.text.count('class="secret"') == 1
    assert page.headers["Cache-Control"] == "no-store"
    assert again.status_code == 409
    assert "slips" not in admin.get(location).text
    assert waiting(core, location) == 0


def test_one_account_leads_to_its_slip_too(school: School, signed_in: Callable) -> None:
    assert printing(signed_in(VIEW, PRINT), school.student("Anna")).startswith("/runs/")


def test_a_pdf_is_downloaded_once(school: School, signed_in: Callable, requires_service: Callable) -> None:
    requires_service("weasyprint")
    admin = signed_in(VIEW, PRINT)
    location = printing(admin, school.student("Anna"))

    made = admin.post(f"{location}/slips", {"as": "pdf"})
    again = admin.post(f"{location}/slips", {"as": "pdf"})

    assert (made.status_code, made.mimetype) == (200, "application/pdf")
    assert made.headers["Content-Disposition"] == f'attachment; filename="slips-{location.rpartition("/")[2]}.pdf"'
    assert made.data.startswith(b"%PDF-")
    assert again.status_code == 409


def test_new_passwords_are_to_be_had_as_a_list_or_as_slips(school: School, signed_in: Callable) -> None:
    admin = signed_in(VIEW, "act:password.reset")
    location = admin.post(f"/act/password.reset?ids={school.student('Anna')}", {"expected": "1"}).location

    offered = admin.get(location).text
    page = admin.post(f"{location}/slips", {"as": "page"}).text

    assert "Fetch 1 new passwords" in offered
    assert "Show 1 slip" in offered
    assert page.count('class="secret"') == 1
    assert admin.post(f"{location}/secrets").status_code == 409


def test_nobody_else_is_offered_or_given_them(core: Application, school: School, signed_in: Callable) -> None:
    location = printing(signed_in(VIEW, PRINT), school.student("Anna"))
    other = signed_in(VIEW, PRINT, "runs:view", "runs:edit")

    assert "Show 1 slip" not in other.get(location).text
    assert [other.get(f"{location}/slips").status_code, other.post(f"{location}/slips", {"as": "page"}).status_code] == [403, 403]
    assert waiting(core, location) == 1


def test_the_address_of_the_slips_offers_them_until_they_are_gone(school: School, signed_in: Callable) -> None:
    admin = signed_in(VIEW, PRINT)
    location = printing(admin, school.student("Anna"))

    before = admin.get(f"{location}/slips").text
    admin.post(f"{location}/slips", {"as": "page"})
    after = admin.get(f"{location}/slips").text

    assert "Show 1 slip" in before
    assert "handed out already" in after
    assert "Show 1 slip" not in after


def test_the_password_is_asked_for_when_it_was_given_long_ago(core: Application, school: School, signed_in: Callable) -> None:
    admin = signed_in(VIEW, PRINT)
    location = printing(admin, school.student("Anna"))
    with core.db.write() as session:
        session.execute(update(WebSession).values(authenticated_at=datetime.now(UTC) - timedelta(minutes=16)))

    answer = admin.post(f"{location}/slips", {"as": "page"})

    assert answer.status_code == 303
    assert answer.location.startswith("/again?next=/runs/")
    assert waiting(core, location) == 1


def test_slips_are_nothing_else_than_a_page_or_a_pdf(core: Application, school: School, signed_in: Callable) -> None:
    admin = signed_in(VIEW, PRINT)
    location = printing(admin, school.student("Anna"))

    assert admin.post(f"{location}/slips", {"as": "papyrus"}).status_code == 422
    assert waiting(core, location) == 1


def test_where_a_password_is_gone_a_reset_of_exactly_these_is_offered(school: School, signed_in: Callable) -> None:
    ids = school.students(3)
    school.act("password.reset", ids[1])
    admin, clerk = signed_in(VIEW, PRINT, "act:password.reset"), signed_in(VIEW, PRINT)

    offered = admin.post(f"{printing(admin, *ids)}/slips", {"as": "page"}).text
    without = clerk.post(f"{printing(clerk, *ids)}/slips", {"as": "page"}).text

    assert "2 of 3 have no first-time password" in offered
    assert f'href="/act/password.reset?ids={ids[0]},{ids[2]}"' in offered.replace("%2C", ",")
    assert "/act/password.reset" not in without


@pytest.mark.parametrize("language", ["el", "ar"])
def test_each_slip_is_in_its_persons_language(school: School, signed_in: Callable, language: str) -> None:
    admin = signed_in(VIEW, PRINT)
    location = printing(admin, school.student("Anna", language=language))

    page = admin.post(f"{location}/slips", {"as": "page"}).text

    assert f'<li class="slip" lang="{language}" dir="{WORDS[language].direction}">' in page
    assert WORDS[language].username in page


def test_whatever_somebody_is_called_is_text(school: School, signed_in: Callable) -> None:
    admin = signed_in(VIEW, PRINT)
    location = printing(admin, school.student("<script>alert(1)</script>", email="a@b.example"))

    page = admin.post(f"{location}/slips", {"as": "page"}).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_style_of_slips_is_served_to_everybody(client: FlaskClient) -> None:
    answer = client.get("/runs/slips.css")

    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    assert "@page" in answer.text


def test_without_the_library_the_page_says_what_to_install(
    core: Application, school: School, signed_in: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    admin = signed_in(VIEW, PRINT)
    location = printing(admin, school.student("Anna"))

    offered = admin.get(location).text
    refused = admin.post(f"{location}/slips", {"as": "pdf"})

    assert "rolecall[pdf]" in offered
    assert refused.status_code == 409
    assert "rolecall[pdf]" in refused.text
    assert waiting(core, location) == 1


def test_more_than_one_pdf_can_hold_are_for_the_page(core: Application, school: School, signed_in: Callable) -> None:
    school.students(MOST_AT_ONCE + 1)
    admin = signed_in(VIEW, PRINT, "act:password.reset")
    location = admin.post("/act/account.print?all=1&type=student", {"expected": str(MOST_AT_ONCE + 1)}).location
    school.work()

    offered = admin.get(location).text
    refused = admin.post(f"{location}/slips", {"as": "pdf"})
    page = admin.post(f"{location}/slips", {"as": "page"}).text

    assert "up to 1,000 slips" in offered
    assert refused.status_code == 409
    assert page.count('class="slip"') == MOST_AT_ONCE + 1
    assert "/act/password.reset" not in page, "an address with so many ids is refused"
