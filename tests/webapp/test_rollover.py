"""The turn of a year in three steps, and copying roles (R59a)."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from sqlalchemy import select

from rolecall.store.tables import Period, Role, RolePeriod, Run
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.testing.school import School
from rolecall.work.application import Application

RIGHTS = ("periods:view", "periods:create", "periods:edit", "accounts:view", "runs:view", "act:roles.rollover", "act:roles.copy")


@pytest.fixture
def year(application: object, core: Application) -> dict[str, int]:
    """Two pupils of year 9, one of year 10, an employee, somebody without a role; ids by what they are called."""
    with core.db.write() as session:
        current = make_period(session, "2026")
        ids = {"period": current.id}
        for name in ("Year 9", "Year 10"):
            ids[name] = make_role(session, name).id
        for who, role, user_type in (("anna", "Year 9", "student"), ("berta", "Year 9", "student"), ("carl", "Year 10", "student")):
            account = make_account(session, who.capitalize(), type=user_type)
            give_role(session, account, make_role(session, role), current)
            ids[who] = account.id
        ids["nobody"] = make_account(session, "Nobody").id
    return ids


def test_the_next_period_is_suggested_and_added(signed_in: Callable, core: Application, year: dict[str, int]) -> None:
    browser = signed_in(*RIGHTS, owner=True)
    where = f"/periods/{year['period']}/rollover"

    page = browser.get(where).text
    assert 'name="code" type="text"' in page
    suggested = {name: unescape(re.search(rf'name="{name}" type="\w+"\s+value="([^"]*)"', page)[1]) for name in
                 ("code", "name", "starts_on", "ends_on")}  # fmt: skip
    answer = browser.post(where, suggested)

    assert suggested == {"code": "2027", "name": "2027–28", "starts_on": "2027-09-01", "ends_on": "2028-06-30"}
    assert answer.location == f"{where}/roles?to=2027"
    with core.db.read() as session:
        added = session.scalars(select(Period).where(Period.code == "2027")).one()
        assert (added.is_open, added.is_current) == (True, False)


def test_a_mistake_in_the_new_period_is_said_at_its_field(signed_in: Callable, year: dict[str, int]) -> None:
    answer = signed_in(*RIGHTS).post(f"/periods/{year['period']}/rollover", {"code": "2026", "name": "x"})

    assert answer.status_code == 422
    assert 'id="wrong-starts_on"' in answer.text


def test_every_role_is_asked_about_with_its_number_and_the_next_one_suggested(
    signed_in: Callable, core: Application, year: dict[str, int]
) -> None:
    with core.db.write() as session:
        make_period(session, "2027", current=False)

    page = signed_in(*RIGHTS, owner=True).get(f"/periods/{year['period']}/rollover/roles?to=2027").text

    assert "2 accounts in 2026." in page
    field = page.split(f'name="role-{year["Year 9"]}"')[1].split("</select>")[0]
    assert f'<option value="{year["Year 10"]}" selected>Year 10</option>' in field
    last = page.split(f'name="role-{year["Year 10"]}"')[1].split("</select>")[0]
    assert '<option value="same" selected>' in last


@pytest.fixture
def planned(signed_in: Callable, core: Application, year: dict[str, int]) -> tuple[object, str, dict[str, str]]:
    """A browser, the address of the last step, and what its form sends."""
    with core.db.write() as session:
        make_period(session, "2027", current=False)
    browser = signed_in(*RIGHTS, owner=True)
    where = f"/periods/{year['period']}/rollover/plan"
    page = browser.get(f"{where}?to=2027&role-{year['Year 9']}={year['Year 10']}&role-{year['Year 10']}=none").text
    form = page.split('method="post"')[-1]
    sent = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
    assert "Nothing has been done yet." in page
    return browser, f"{where}?to=2027", sent


def test_the_last_step_says_who_becomes_what_and_who_ends_without_a_role(planned: tuple, year: dict[str, int]) -> None:
    browser, where, _sent = planned

    page = browser.get(f"{where}&role-{year['Year 9']}={year['Year 10']}&role-{year['Year 10']}=none").text

    cells = re.findall(r'<td role="cell"[^>]*>(?:<bdi>)?([^<]*)', page)
    rows = [tuple(cells[at : at + 3]) for at in range(0, len(cells), 3)]
    assert ("Year 9", "Year 10", "2") in rows
    assert ("Year 10", "Whoever was Year 10 gets no role in 2027.", "1") in rows
    assert ("–", "Has no role in 2026.", "1") in rows
    assert "2 accounts end without a role in 2027." in page
    assert "1 of them can sign in today and could not any more" in page
    assert re.search(r'name="make_current" value="yes" checked', page)


def test_the_run_moves_everybody_makes_the_period_current_and_lists_who_has_no_role(
    planned: tuple, core: Application, school: School, year: dict[str, int]
) -> None:
    browser, where, sent = planned

    answer = browser.post(where, {**sent, "agreed": "yes", "make_current": "yes"})
    page = browser.get(answer.location).text

    assert answer.status_code == 303
    assert "2027 is the current period now." in page
    assert "2 accounts have no role in 2027." in page
    listed = unescape(re.search(r'href="(/accounts\?[^"]*role=none[^"]*)"', page)[1])
    found = browser.get(listed).text
    assert "Carl" in found
    assert "Nobody" in found
    assert "Anna" not in found
    assert roles_in(core, "2027") == {year["anna"]: "Year 10", year["berta"]: "Year 10", browser.account_id: roles_of(core, browser)}

    run_id = int(answer.location.rpartition("/")[2])
    undone = browser.post(f"/runs/{run_id}/undo").location
    assert "2026 is the current period again." in browser.get(undone).text
    assert roles_in(core, "2027") == {}


def roles_in(core: Application, code: str) -> dict[int, str]:
    with core.db.read() as session:
        joined = (
            select(RolePeriod.account_id, Role.name)
            .join(Role, Role.id == RolePeriod.role_id)
            .join(Period, Period.id == RolePeriod.period_id)
        )
        return dict(session.execute(joined.where(Period.code == code)).all())


def roles_of(core: Application, browser: object) -> str:
    return roles_in(core, "2026")[browser.account_id]  # type: ignore[attr-defined]


def test_without_consent_the_plan_comes_back_with_its_choices(planned: tuple, core: Application, year: dict[str, int]) -> None:
    browser, where, sent = planned

    answer = browser.post(where, sent)

    assert answer.status_code == 409
    assert "Tick that you agree" in answer.text
    assert f'name="role-{year["Year 10"]}" value="none"' in answer.text
    assert not re.search(r'name="make_current" value="yes" checked', answer.text)
    assert roles_in(core, "2027") == {}


def test_a_number_that_changed_meanwhile_stops_it(planned: tuple, core: Application, school: School) -> None:
    browser, where, sent = planned
    school.student("Late")

    answer = browser.post(where, {**sent, "agreed": "yes"})

    assert answer.status_code == 409
    assert "when you saw it" in answer.text
    assert roles_in(core, "2027") == {}


def test_the_same_form_sent_twice_is_one_run(planned: tuple, core: Application) -> None:
    browser, where, sent = planned

    first, second = (browser.post(where, {**sent, "agreed": "yes"}).location for _ in range(2))

    assert first == second
    with core.db.read() as session:
        assert len(session.scalars(select(Run.id)).all()) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("roles", 422),
        ("plan", 422),
        ("roles?to=2026", 422),
        ("plan?to=1999", 404),
        ("plan?to=2028", 409),
        ("plan?to=2027&role-x=1", 422),
        ("plan?to=2027&role-1=99999", 422),
        ("plan?to=2027&role-99999=none", 422),
    ],
)
def test_steps_cannot_be_skipped_or_bent(signed_in: Callable, core: Application, year: dict[str, int], path: str, status: int) -> None:
    with core.db.write() as session:
        make_period(session, "2027", current=False)
        make_period(session, "2028", current=False, is_open=False)

    assert signed_in(*RIGHTS).get(f"/periods/{year['period']}/rollover/{path}").status_code == status


def test_a_role_becomes_no_role_of_another_type(signed_in: Callable, core: Application, year: dict[str, int]) -> None:
    with core.db.write() as session:
        make_period(session, "2027", current=False)
        teacher = make_role(session, "Teacher", user_type="teacher").id

    answer = signed_in(*RIGHTS).get(f"/periods/{year['period']}/rollover/plan?to=2027&role-{year['Year 9']}={teacher}")

    assert answer.status_code == 422


def test_the_steps_need_the_right_of_the_action(signed_in: Callable, core: Application, year: dict[str, int]) -> None:
    with core.db.write() as session:
        make_period(session, "2027", current=False)
    browser = signed_in("periods:view", "periods:edit", "act:roles.assign")
    where = f"/periods/{year['period']}"

    assert "Roll over" not in browser.get(where).text
    for path in ("rollover", "rollover/roles?to=2027", "rollover/plan?to=2027", "copy"):
        assert browser.get(f"{where}/{path}").status_code == 403
    assert browser.post(f"{where}/rollover", {"code": "2028"}).status_code == 403
    assert browser.post(f"{where}/rollover/plan?to=2027", {"agreed": "yes"}).status_code == 403


def test_who_may_not_add_periods_goes_on_with_one_that_is_there(signed_in: Callable, core: Application, year: dict[str, int]) -> None:
    browser = signed_in("periods:view", "act:roles.rollover")
    where = f"/periods/{year['period']}/rollover"
    assert "Ask somebody who may add periods" in browser.get(where).text

    with core.db.write() as session:
        make_period(session, "2027", current=False)
    page = browser.get(where).text
    plan = browser.get(f"{where}/plan?to=2027").text

    assert '<option value="2027"' in page
    assert 'name="code"' not in page
    assert 'name="make_current"' not in plan


def test_copying_begins_with_the_dialog_of_the_action_filled_in(signed_in: Callable, core: Application, year: dict[str, int]) -> None:
    with core.db.write() as session:
        target = make_period(session, "2027", current=False).id
    browser = signed_in(*RIGHTS, owner=True)
    assert "Copy roles from another period" in browser.get(f"/periods/{target}").text

    answer = browser.get(f"/periods/{target}/copy")
    page = browser.get(answer.location).text

    assert '<option value="2026" selected>' in page.split('id="field-from_period"')[1].split("</select>")[0]
    assert '<option value="2027" selected>' in page.split('id="field-period"')[1].split("</select>")[0]
    expected = re.search(r'name="expected" value="(\d+)"', page)[1]
    action = unescape(re.search(r'<form method="post" action="(/act/[^"]+)"', page)[1])
    sent = {"from_period": "2026", "period": "2027", "mode": "add", "expected": expected}
    assert browser.post(action, sent).status_code == 303
    assert roles_in(core, "2027")[year["anna"]] == "Year 9"


def test_a_current_period_that_is_over_says_so_and_leads_to_the_next(signed_in: Callable, core: Application, year: dict[str, int]) -> None:
    with core.db.write() as session:
        period = session.get_one(Period, year["period"])
        period.starts_on, period.ends_on = period.starts_on.replace(year=2020), period.ends_on.replace(year=2021)

    page = signed_in(*RIGHTS).get(f"/periods/{year['period']}").text

    assert "has passed, and it still is the current period" in page
    assert "Over since" in page
