"""Pages of roles: what they allow, and that nobody gives away more than they hold (R50, R57, R58)."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from rolecall.accounts import roles
from rolecall.accounts.actors import operator
from rolecall.store.tables import AuditEntry, Role, WebSession
from rolecall.work.application import Application

RIGHTS = ("roles:view", "roles:create", "roles:edit", "people:view", "act:account.deactivate")


@pytest.fixture
def teacher(core: Application, application: object) -> int:
    """A role that holds one right of an area, one of an action, and one of a plugin that is not there."""
    held = ["people:view", "act:account.deactivate", "act:canvas.enrol"]
    with core.db.write() as session:
        return roles.create(session, name="Form teacher", user_type="teacher", actor=operator("tester"), permissions=held).id


def held(core: Application, role_id: int) -> frozenset[str]:
    with core.db.read() as session:
        return roles.held(session, role_id)


def test_roles_are_listed_by_user_type(signed_in: Callable, teacher: int) -> None:
    browser = signed_in("roles:view")

    assert "Form teacher" in browser.get("/roles").text
    assert "Form teacher" in browser.get("/roles?type=teacher").text
    students = browser.get("/roles?type=student").text
    assert "Form teacher" not in students
    assert "There is no role of this type yet." in students


def test_a_role_shows_what_it_allows(signed_in: Callable, teacher: int) -> None:
    page = signed_in("roles:view").get(f"/roles/{teacher}").text

    assert "People" in page
    assert "Deactivate" in page
    assert "act:canvas.enrol" in page
    assert "/edit" not in page


def test_a_role_is_added_with_rights(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    form = browser.get("/roles/new?type=teacher").text
    assert 'value="act:account.deactivate"' in form
    values = {
        "name": "Tutor",
        "user_type": "teacher",
        "active": "yes",
        "area.people": "people:view",
        "actions.core.account.0": "act:account.deactivate",
    }

    answer = browser.post("/roles/new", values)

    assert answer.status_code == 303
    with core.db.read() as session:
        role = session.query(Role).filter_by(name="Tutor").one()
        assert (role.user_type, role.active, role.is_default) == ("teacher", True, False)
        assert roles.held(session, role.id) == {"people:view", "act:account.deactivate"}
        assert session.query(AuditEntry).filter_by(kind="role.create").count() == 1


def test_the_rights_of_a_role_reach_the_user_types_that_are_ticked(signed_in: Callable, core: Application, teacher: int) -> None:
    browser = signed_in(*RIGHTS, "act:canvas.enrol")
    values = {"version": "1", "name": "Tutor", "active": "yes", "area.people": "people:view"}

    limited = browser.post(f"/roles/{teacher}/edit", {**values, "limited_to": ["student", "guardian"]})
    shown = browser.get(f"/roles/{teacher}").text
    form = browser.get(f"/roles/{teacher}/edit").text
    browser.post(f"/roles/{teacher}/edit", {**values, "version": "2"})

    assert limited.status_code == 303
    assert "students, parents/guardians" in shown
    assert 'name="limited_to" value="student" checked' in form
    assert "everybody" in browser.get(f"/roles/{teacher}").text


def test_rights_that_one_does_not_hold_are_neither_offered_nor_given(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    assert "accounts:delete" not in browser.get("/roles/new").text

    answer = browser.post("/roles/new", {"name": "Tutor", "user_type": "teacher", "active": "yes", "area.accounts": "accounts:delete"})

    assert answer.status_code == 403
    assert "Nobody can give rights that they do not have: accounts:delete" in answer.text
    with core.db.read() as session:
        assert session.query(Role).filter_by(name="Tutor").count() == 0


def test_an_edit_changes_rights_and_keeps_those_that_the_form_does_not_show(signed_in: Callable, core: Application, teacher: int) -> None:
    browser = signed_in(*RIGHTS)
    form = browser.get(f"/roles/{teacher}/edit").text
    assert 'value="people:view" checked' in form

    answer = browser.post(
        f"/roles/{teacher}/edit", {"version": "1", "name": "Class teacher", "active": "yes", "area.people": "people:view"}
    )

    assert answer.status_code == 303
    assert held(core, teacher) == {"people:view", "act:canvas.enrol"}
    assert "Class teacher" in browser.get(f"/roles/{teacher}").text


def test_an_edit_that_somebody_else_overtook_is_refused(signed_in: Callable, core: Application, teacher: int) -> None:
    browser = signed_in(*RIGHTS)
    browser.post(f"/roles/{teacher}/edit", {"version": "1", "name": "Class teacher", "active": "yes"})

    answer = browser.post(f"/roles/{teacher}/edit", {"version": "1", "name": "Tutor", "active": "yes"})

    assert answer.status_code == 409
    assert "changed by somebody else" in answer.text


def test_mistakes_are_said_at_their_fields(signed_in: Callable, teacher: int) -> None:
    browser = signed_in(*RIGHTS)

    for name, sentence in (("", 'id="wrong-name"'), ("none", "word of the filters"), ("form TEACHER", "already")):
        answer = browser.post("/roles/new", {"name": name, "user_type": "teacher", "active": "yes"})
        assert answer.status_code == 422
        assert sentence in answer.text


def test_the_default_role_of_a_type_moves(signed_in: Callable, core: Application, teacher: int) -> None:
    browser = signed_in(*RIGHTS, "act:canvas.enrol")
    values = {"version": "1", "name": "Form teacher", "active": "yes", "is_default": "yes", "area.people": "people:view"}

    assert browser.post(f"/roles/{teacher}/edit", values).status_code == 303

    assert "Default of teachers" in browser.get("/roles").text
    form = browser.get(f"/roles/{teacher}/edit").text
    assert 'name="is_default" value="yes" checked' in form
    refused = browser.post(f"/roles/{teacher}/edit", {"version": "2", "name": "Form teacher"})
    assert refused.status_code == 409
    assert "stays active" in refused.text


@pytest.mark.parametrize("path", ["/roles/new", "/roles/1/edit"])
def test_changing_roles_needs_its_right(signed_in: Callable, teacher: int, path: str) -> None:
    browser = signed_in("roles:view")

    assert browser.get(path).status_code == 403
    assert browser.post(path, {"name": "x"}).status_code == 403


def test_changing_roles_asks_for_the_password_when_it_was_given_long_ago(signed_in: Callable, core: Application, teacher: int) -> None:
    browser = signed_in(*RIGHTS)
    with core.db.write() as session:
        for each in session.query(WebSession):
            each.authenticated_at = each.authenticated_at.replace(year=each.authenticated_at.year - 1)

    answer = browser.post(f"/roles/{teacher}/edit", {"version": "1", "name": "Mine", "active": "yes"})

    assert answer.status_code == 303
    assert answer.location.startswith("/again?next=")
    assert held(core, teacher) == {"people:view", "act:account.deactivate", "act:canvas.enrol"}


def test_a_role_that_does_not_exist_is_not_found(signed_in: Callable, client: FlaskClient) -> None:
    assert signed_in("roles:view").get("/roles/9999").status_code == 404
