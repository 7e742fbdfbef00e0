"""The accounts list, its export and views, and the page of one account."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from markupsafe import escape
from sqlalchemy import select

from rolecall.accounts import sessions
from rolecall.store.tables import AuditEntry, Link, SignIn
from rolecall.testing import factories
from rolecall.testing.school import School
from rolecall.work.application import Application

VIEW = "accounts:view"


def rows_of(page: str) -> int:
    return page.count("<tr role=") - 1


def names_of(page: str) -> list[str]:
    return [part.split("</bdi>")[0] for part in page.split('<a href="/accounts/')[1:] for part in part.split("<bdi>")[1:2]]


def test_every_registered_filter_stands_in_the_bar_with_its_value_from_the_address(core: Application, signed_in: Callable) -> None:
    admin = signed_in(VIEW)
    with core.db.read() as session:
        registered = core.plugins.view(session).filters

    page = admin.get("/accounts?type=student&login=never&q=an%25na").text

    assert registered
    for word in registered:
        assert f'id="filter-{word}"' in page
    assert '<option value="student" selected>' in page
    assert 'value="an%na"' in page
    assert "<details open><summary>More filters" in page


def test_the_sentence_says_the_filter_and_its_count_and_each_chip_takes_one_away(school: School, signed_in: Callable) -> None:
    school.students(3)
    school.teacher("Theo")
    admin = signed_in(VIEW)

    page = admin.get("/accounts?type=student&active=yes").text

    assert "3 accounts where type is Students and active is Yes" in page
    assert 'class="chip" href="/accounts?active=yes"' in page
    assert 'class="chip" href="/accounts?type=student"' in page
    assert ">Clear all<" in page


def test_what_is_not_active_is_marked_by_a_word_and_not_by_colour_alone(school: School, signed_in: Callable) -> None:
    school.student("Anna", active=False)

    page = signed_in(VIEW).get("/accounts?type=student").text

    assert '<tr role="row" class="off">' in page
    assert "Not active" in page


def test_empty_fields_of_a_form_do_not_stay_in_the_address(signed_in: Callable) -> None:
    answer = signed_in(VIEW).get("/accounts?q=anna&type=&role=&sort=-name")

    assert answer.status_code == 303
    assert answer.location == "/accounts?q=anna&sort=-name"


def test_a_part_of_the_page_is_pushed_under_its_short_address(signed_in: Callable) -> None:
    answer = signed_in(VIEW).get("/accounts?q=anna&type=", headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert answer.headers["HX-Push-Url"] == "/accounts?q=anna"


@pytest.mark.parametrize(
    "query",
    ["colour=red", "type=wizard", "active=maybe", "page=0", "page=x", "size=1000", "sort=shoe", "run=x", "period=1066", "q=" + "a" * 300],
)
def test_a_word_or_value_that_means_nothing_is_refused_in_words(signed_in: Callable, query: str) -> None:
    answer = signed_in(VIEW).get(f"/accounts?{query}")

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_pages_and_sizes_are_addresses(school: School, signed_in: Callable) -> None:
    school.students(60)
    admin = signed_in(VIEW)

    first, second = (admin.get(f"/accounts?type=student&size=25&page={n}").text for n in (1, 2))

    assert rows_of(first) == rows_of(second) == 25
    assert set(names_of(first)).isdisjoint(names_of(second))
    assert 'rel="next" href="/accounts?type=student&amp;size=25&amp;page=2"' in first
    assert admin.get("/accounts?type=student&size=25&page=99").location == "/accounts?type=student&size=25&page=3"


def test_the_order_can_be_turned_around(school: School, signed_in: Callable) -> None:
    for name in ("Anna", "Berta", "Clara"):
        school.student(name, last_name="Same")
    admin = signed_in(VIEW)

    page = admin.get("/accounts?type=student&sort=-name").text

    assert names_of(page) == ["Clara Same", "Berta Same", "Anna Same"]
    assert 'aria-sort="descending"' in page


def test_columns_are_chosen_from_what_is_registered(core: Application, school: School, signed_in: Callable) -> None:
    school.student("Anna", code="K-17")
    admin = signed_in(VIEW)
    with core.db.read() as session:
        registered = core.plugins.view(session).columns

    page = admin.get("/accounts?type=student&cols=code,email").text

    assert all(f'name="cols" value="{each}"' in page for each in registered)
    assert "K-17" in page
    assert ">Role</th>" not in page
    assert "cols=email%2Ccode" in page


def test_an_empty_list_says_why(signed_in: Callable) -> None:
    admin = signed_in(VIEW)

    assert "No account matches all of these filters" in admin.get("/accounts?q=nobody").text


def test_the_export_has_every_row_and_no_formula_and_is_audited(core: Application, school: School, signed_in: Callable) -> None:
    school.student("=HYPERLINK", last_name="Evil", code="K-17")
    school.students(30)
    admin = signed_in(VIEW)

    answer = admin.post("/accounts/export?type=student&size=25&cols=code")

    lines = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert len(lines) == 32
    assert lines[0][:3] == ["Name", "User name", "E-mail"]
    assert "Code" in lines[0]
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)
    with core.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == "accounts.export")).one()
        assert entry.payload == {"filter": {"type": "student"}, "accounts": 31}


def test_an_export_is_no_get(signed_in: Callable) -> None:
    assert signed_in(VIEW).get("/accounts/export").status_code == 405


def test_only_permitted_actions_for_many_are_in_the_bar(school: School, signed_in: Callable) -> None:
    school.students(2)

    none = signed_in(VIEW).get("/accounts").text
    some = signed_in(VIEW, "act:account.deactivate", "act:account.username").get("/accounts").text

    assert 'class="bar"' not in none
    assert 'formaction="/act/account.deactivate"' in some
    assert "account.username" not in some, "it is for one account at a time"
    assert "account.delete" not in some
    assert "Take access away" in some
    assert "All 4 matching" in some, "two students and two administrators"


def test_the_accounts_of_a_run_can_be_opened_as_a_list(school: School, signed_in: Callable) -> None:
    anna, _berta = school.student("Anna"), school.student("Berta")
    run = school.act("account.deactivate", anna)

    page = signed_in(VIEW).get(f"/accounts?run={run.id}:done").text

    assert "1 account where run is" in page
    assert "Anna" in page
    assert "Berta" not in page


def test_a_view_is_saved_under_a_name_for_oneself(signed_in: Callable) -> None:
    ada, other = signed_in(VIEW), signed_in(VIEW)

    answer = ada.post("/views", {"name": "  Sleeping   students ", "query": "type=student&login=never&page=7"})

    assert answer.location == "/accounts?type=student&login=never&page=7"
    assert "Sleeping students" in ada.get("/accounts").text
    assert "Sleeping students" not in other.get("/accounts").text


def test_a_shared_view_needs_its_permission_and_is_seen_by_everybody(signed_in: Callable) -> None:
    ada, chief = signed_in(VIEW), signed_in(VIEW, "settings:edit")

    refused = ada.post("/views", {"name": "Ours", "query": "type=staff", "shared": "yes"})
    chief.post("/views", {"name": "Ours", "query": "type=staff", "shared": "yes"})

    assert refused.status_code == 403
    assert "Ours" in ada.get("/accounts").text


def test_a_view_is_removed_by_who_may(signed_in: Callable) -> None:
    ada, other = signed_in(VIEW), signed_in(VIEW)
    ada.post("/views", {"name": "Mine", "query": "type=staff"})

    assert other.post("/views/1/remove").status_code == 404
    assert ada.post("/views/1/remove").status_code == 303
    assert ">Mine<" not in ada.get("/accounts").text


@pytest.mark.parametrize("form", [{"name": "", "query": ""}, {"name": "x" * 101, "query": ""}, {"name": "x", "query": "colour=red"}])
def test_a_view_that_cannot_be_is_refused(signed_in: Callable, form: dict) -> None:
    assert signed_in(VIEW).post("/views", form).status_code == 422


@pytest.mark.parametrize("tab", ["", "/roles", "/external", "/logins", "/timeline"])
def test_each_tab_of_an_account_is_an_address(school: School, signed_in: Callable, tab: str) -> None:
    anna = school.student("Anna")

    answer = signed_in(VIEW).get(f"/accounts/{anna}{tab}")

    assert answer.status_code == 200
    assert 'aria-current="page"' in answer.text


def test_an_account_that_does_not_exist_is_said(signed_in: Callable) -> None:
    answer = signed_in(VIEW).get("/accounts/4711")

    assert answer.status_code == 404
    assert "There is no account 4711" in answer.text


def test_actions_that_do_not_apply_are_shown_with_the_reason_in_the_text(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna", active=False)

    page = signed_in(VIEW, "act:account.deactivate", "act:account.activate").get(f"/accounts/{anna}").text

    assert "Not possible now (1)" in page
    assert '<button type="button" disabled>Deactivate</button><span class="quiet">The account is not active.</span>' in page
    assert f'href="/act/account.activate?ids={anna}"' in page
    assert "account.delete" not in page, "what one may not do is not shown"


def test_an_account_says_where_it_stands_at_each_provider(core: Application, school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")
    with core.db.write() as session:
        link = Link(
            account_id=anna, provider="moodle", goal="present", wanted=2, synced=1, attempts=3, blocked=True, changed_at=datetime.now(UTC)
        )
        link.error, link.external_id = "The name is too long.", "42"
        session.add(link)
    admin = signed_in(VIEW, "integrations:edit")

    page = admin.get(f"/accounts/{anna}/external").text
    again = admin.post(f"/accounts/{anna}/retry", {"provider": "moodle"})

    assert "blocked" in page
    assert "The name is too long." in page
    assert "Try again now" in page
    assert again.status_code == 303
    assert school.sync_state(anna, "moodle") == "queued"


def test_the_list_counts_the_providers_in_step_and_names_those_that_are_not(core: Application, school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")
    with core.db.write() as session:
        for provider in ("canvas", "google", "moodle", "scim"):
            synced = 0 if provider == "scim" else 1
            session.add(Link(account_id=anna, provider=provider, goal="present", wanted=1, synced=synced, changed_at=datetime.now(UTC)))

    page = signed_in(VIEW).get("/accounts").text

    assert "3 providers: done" in page
    assert "scim: queued" in page
    assert "canvas: done" not in page


def test_sign_ins_and_what_happened_have_tabs(core: Application, school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")
    school.act("account.profile_name", anna, first_name="Annika", last_name="Berg")
    with core.db.write() as session:
        session.add(SignIn(account_id=anna, at=datetime.now(UTC), method="password", result="wrong-password", address="192.0.2.7"))
        sessions.create(session, anna, address="198.51.100.4", agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140", now=datetime.now(UTC))
    admin = signed_in(VIEW)

    logins, timeline = (admin.get(f"/accounts/{anna}/{tab}").text for tab in ("logins", "timeline"))

    assert "wrong password" in logins
    assert "192.0.2.7" in logins
    assert "198.51.100.4" in logins
    assert "Firefox" in logins
    assert "Update profile name" in timeline
    assert "Anna → Annika" in timeline


def test_roles_stand_by_period(core: Application, school: School, signed_in: Callable) -> None:
    anna = school.student("Anna")
    with core.db.write() as session:
        role, period = factories.make_role(session, "Main student"), factories.make_period(session, "2026")
        factories.give_role(session, session.get_one(factories.Account, anna), role, period, enabled=False)

    page = signed_in(VIEW).get(f"/accounts/{anna}/roles").text

    assert "Main student" in page
    assert "Disabled, remembered" in page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "${x}", "' onmouseover='"])
def test_a_name_is_text_everywhere(school: School, signed_in: Callable, name: str) -> None:
    anna = school.student(name, last_name=name)
    school.act("account.deactivate", anna)
    admin = signed_in(VIEW, "runs:view", "act:account.activate")

    for path in ("/accounts", f"/accounts/{anna}", f"/accounts/{anna}/timeline", "/runs/1", f"/act/account.activate?ids={anna}"):
        page = admin.get(path).text
        assert str(escape(name)) in page
        assert str(escape(name)) == name or name not in page


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"password_hash": "x"}, "own"),
        ({"password_hash": "x", "sealed_at": datetime.now(UTC)}, "first-time, used"),
        ({"sealed_password": b"x", "sealed_at": datetime.now(UTC)}, "first-time"),
        ({"sealed_password": b"x", "sealed_at": datetime.now(UTC), "phone_guesses_left": 5}, "the phone number, for the first time"),
        ({"sealed_password": b"x"}, "none"),
        ({"sso_provider": "o365"}, "managed by o365"),
    ],
)
def test_the_account_says_which_password_signs_in(school: School, signed_in: Callable, values: dict, word: str) -> None:
    anna = school.student("Anna", **values)

    page = signed_in("accounts:view").get(f"/accounts/{anna}").get_data(as_text=True)

    assert re.search(rf"<dt>Password</dt>\s*<dd>{word}\s*<", page)


def test_that_a_password_must_be_changed_is_a_word_in_list_and_page(school: School, signed_in: Callable) -> None:
    anna = school.student("Anna", password_hash="x", must_change_password=True)
    admin = signed_in("accounts:view")

    listed = admin.get("/accounts?q=anna").get_data(as_text=True)
    page = admin.get(f"/accounts/{anna}").get_data(as_text=True)
    school.act("password.at_next_logon", anna, must_change=False)
    after = admin.get(f"/accounts/{anna}").get_data(as_text=True)

    assert "New password due" in listed
    assert "New password due" in page
    assert "Must be changed at the next sign-in" in page
    assert "New password due" not in after
    assert "Must be changed" not in after
