"""Roles are copied, deleted and tried out; their menus are hidden and renamed (R57)."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from rolecall.accounts import roles
from rolecall.accounts.actors import operator
from rolecall.store.tables import Account, AuditEntry, Role
from rolecall.work.application import Application

RIGHTS = ("roles:view", "roles:create", "roles:edit", "roles:delete", "people:view", "accounts:view")


@pytest.fixture
def tutor(core: Application, application: object) -> int:
    """A role that sees accounts and people, and whose menu is not the usual one."""
    menus = [{"id": "people", "hidden": True}, {"id": "accounts", "label": "Our pupils"}]
    with core.db.write() as session:
        role = roles.create(
            session, name="Tutor", user_type="teacher", actor=operator("t"), permissions=["people:view", "accounts:view"], menus=menus
        )
        return role.id


def kinds(core: Application) -> list[str]:
    with core.db.read() as session:
        return list(session.scalars(select(AuditEntry.kind).where(AuditEntry.kind.startswith("role")).order_by(AuditEntry.seq)))


def test_a_role_is_copied_and_the_copy_is_edited(signed_in: Callable, core: Application, tutor: int) -> None:
    browser = signed_in(*RIGHTS)
    assert "shown as “Our pupils”" in browser.get(f"/roles/{tutor}").text

    answer = browser.post(f"/roles/{tutor}/copy", {})
    form = browser.get(answer.location).text

    assert answer.status_code == 303
    assert answer.location.endswith("/edit")
    assert 'value="Tutor (copy)"' in form
    assert 'name="menu.hidden" value="people" checked' in form
    assert 'value="Our pupils"' in form
    assert kinds(core) == ["role.create"]


def test_a_role_is_deleted_while_nobody_has_it(signed_in: Callable, core: Application, tutor: int) -> None:
    browser = signed_in(*RIGHTS)
    with core.db.read() as session:
        mine = session.scalar(select(Role.id).where(Role.name == f"Role {browser.account_id}"))

    kept = browser.post(f"/roles/{mine}/delete", {})
    gone = browser.post(f"/roles/{tutor}/delete", {})

    assert (kept.status_code, gone.status_code) == (409, 303)
    assert "One account has the role" in kept.text
    assert browser.get(f"/roles/{tutor}").status_code == 404
    assert kinds(core) == ["role.delete"]


def test_the_menu_is_what_the_role_says(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    with core.db.read() as session:
        mine = session.scalar(select(Role.id).where(Role.name == f"Role {browser.account_id}"))
    values = {"version": "1", "name": "Office", "active": "yes", "menu.hidden": ["people"], "menu.label.accounts": "Our pupils"}
    ticked = {f"area.{area}": [each for each in RIGHTS if each.startswith(area)] for area in ("roles", "people", "accounts")}

    saved = browser.post(f"/roles/{mine}/edit", {**values, **ticked})
    page = browser.get("/accounts").text
    menu = page[page.index('<nav class="menu"') : page.index("</nav>")]

    assert saved.status_code == 303
    assert "Our pupils" in menu
    assert "People" not in menu
    assert browser.get("/people").status_code == 200


def test_a_role_is_tried_and_nothing_changes_meanwhile(signed_in: Callable, core: Application, tutor: int) -> None:
    browser = signed_in(owner=True)

    began = browser.post(f"/roles/{tutor}/try", {})
    page = browser.get("/accounts").text
    refused = browser.post(f"/accounts/{browser.account_id}/nothing", {}), browser.post("/people/new", {}), browser.post("/me/name", {})
    hidden = browser.get("/settings").status_code, browser.get("/roles").status_code
    again = browser.post(f"/roles/{tutor}/try", {})
    ended = browser.post("/roles/stop-trying", {})

    assert (began.status_code, ended.status_code) == (303, 303)
    assert "You are trying the role" in page
    assert "Our pupils" in page
    assert [answer.status_code for answer in refused[1:]] == [409, 409]
    assert refused[0].status_code in (404, 405)
    assert hidden == (403, 403)
    assert again.status_code == 409
    assert browser.get("/settings").status_code == 200
    assert kinds(core) == ["role.try", "role.try_end"]


def test_trying_ends_with_signing_out(signed_in: Callable, tutor: int) -> None:
    browser = signed_in(owner=True)
    browser.post(f"/roles/{tutor}/try", {})

    assert browser.post("/logout", {}).status_code == 303


def test_a_role_that_holds_more_cannot_be_tried_or_copied(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    with core.db.write() as session:
        more = roles.create(session, name="Head", user_type="teacher", actor=operator("t"), permissions=["audit:view"]).id

    tried, copied = browser.post(f"/roles/{more}/try", {}), browser.post(f"/roles/{more}/copy", {})

    assert (tried.status_code, copied.status_code) == (403, 403)
    assert "It holds more rights than you do." in browser.get(f"/roles/{more}").text
    assert browser.get("/audit").status_code == 403


def test_who_loses_the_own_role_while_trying_is_out(signed_in: Callable, core: Application, tutor: int) -> None:
    browser = signed_in(*RIGHTS)
    browser.post(f"/roles/{tutor}/try", {})
    with core.db.write() as session:
        session.get_one(Account, browser.account_id).active = False

    assert browser.get("/accounts").status_code == 401
