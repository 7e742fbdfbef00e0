"""Roles and their permissions."""

import pytest

from rolecall.accounts import roles
from rolecall.accounts.actors import Actor, operator
from rolecall.errors import Forbidden, Invalid, Refused, Stale, Unknown
from rolecall.testing.factories import give_role, make_account, make_period

OPERATOR = operator("office")
CLERK = Actor(name="account:7", label="Clerk", account_id=7, permissions=frozenset({"accounts:view", "act:account.activate"}))


def test_a_role_has_a_name_a_type_and_permissions(db):
    with db.write() as session:
        role = roles.create(
            session, name="  Main   student ", user_type="student", actor=OPERATOR, permissions=["accounts:view", "act:a.b"]
        )

        assert (role.name, role.name_key, role.active, role.is_default) == ("Main student", "main student", True, False)
        assert roles.held(session, role.id) == {"accounts:view", "act:a.b"}
        assert roles.by_name(session, "student", "MAIN STUDENT").id == role.id


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "none"}, "name"),
        ({"name": "ALL"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "Teacher/Guest"}, "name"),
        ({"name": "gu\u200best"}, "name"),
        ({"name": "Guеst"}, "name"),
        ({"name": "guest"}, "name"),
        ({"user_type": "pupil"}, "user_type"),
        ({"permissions": ["accounts:fly"]}, "permissions"),
        ({"permissions": ["act:"]}, "permissions"),
        ({"is_default": True, "active": False}, "active"),
    ],
)
def test_a_wrong_field_is_named(db, facts, field):
    with db.write() as session:
        roles.create(session, name="Guest", user_type="student", actor=OPERATOR)

        with pytest.raises(Invalid) as refused:
            roles.create(session, **({"name": "New", "user_type": "student", "actor": OPERATOR} | facts))

    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("name", ["Year 1/2", "Pupil/Guest", "/", "Teacher"])
def test_a_name_may_have_a_stroke_that_does_not_look_like_a_type(db, name):
    with db.write() as session:
        assert roles.create(session, name=name, user_type="student", actor=OPERATOR).name == name


def test_the_same_name_may_be_used_for_another_type(db):
    with db.write() as session:
        roles.create(session, name="Guest", user_type="student", actor=OPERATOR)
        roles.create(session, name="Guest", user_type="teacher", actor=OPERATOR)

        with pytest.raises(Unknown, match="Did you mean Guest"):
            roles.by_name(session, "student", "Gest")


def test_nobody_grants_more_than_they_hold(db):
    with db.write() as session:
        role = roles.create(session, name="Viewer", user_type="staff", actor=CLERK, permissions=["accounts:view"])
        strong = roles.create(session, name="Strong", user_type="staff", actor=OPERATOR, permissions=["accounts:delete"])

        with pytest.raises(Forbidden, match="accounts:delete"):
            roles.create(session, name="Other", user_type="staff", actor=CLERK, permissions=["accounts:delete"])
        with pytest.raises(Forbidden):
            roles.edit(session, role.id, actor=CLERK, add=["act:account.delete"])
        with pytest.raises(Forbidden):
            roles.edit(session, strong.id, actor=CLERK, is_default=True)
        with pytest.raises(Forbidden):
            roles.require_grantable(session, [role.id, strong.id], CLERK)
        roles.edit(session, role.id, actor=CLERK, add=["act:account.activate"])
        # What somebody else granted may stay, and may be taken away.
        roles.edit(session, strong.id, actor=CLERK, name="Stronger", permissions=["accounts:delete", "accounts:view"])
        roles.edit(session, strong.id, actor=CLERK, remove=["accounts:delete"])

        assert roles.held(session, role.id) == {"accounts:view", "act:account.activate"}
        assert roles.held(session, strong.id) == {"accounts:view"}


def test_a_type_has_one_default_role(db):
    with db.write() as session:
        first = roles.create(session, name="First", user_type="student", actor=OPERATOR, is_default=True)
        second = roles.create(session, name="Second", user_type="student", actor=OPERATOR, is_default=True)
        session.refresh(first)

        assert (first.is_default, second.is_default) == (False, True)
        assert roles.default_roles(session) == {"student": second.id}
        with pytest.raises(Refused, match="default role"):
            roles.edit(session, second.id, actor=OPERATOR, active=False)
        with pytest.raises(Refused):
            roles.edit(session, second.id, actor=OPERATOR, is_default=False)
        with pytest.raises(Refused):
            roles.remove(session, second.id)


def test_a_role_in_use_is_not_deleted(db):
    with db.write() as session:
        role = roles.create(session, name="Guest", user_type="student", actor=OPERATOR, permissions=["accounts:view"])
        unused = roles.create(session, name="Unused", user_type="student", actor=OPERATOR, permissions=["accounts:view"])
        give_role(session, make_account(session), role, make_period(session), enabled=False)

        with pytest.raises(Refused, match="One account has the role Guest"):
            roles.remove(session, role.id)
        roles.remove(session, unused.id)

        assert [(each.name, each.accounts, each.permissions) for each in roles.every(session)] == [("Guest", 1, ("accounts:view",))]


def test_an_edit_of_an_older_version_is_refused(db):
    with db.write() as session:
        role = roles.create(session, name="Guest", user_type="student", actor=OPERATOR)
        roles.edit(session, role.id, actor=OPERATOR, version=1, name="Visitor", active=False)

        with pytest.raises(Stale):
            roles.edit(session, role.id, actor=OPERATOR, version=1, name="Caller")
        assert (role.name, role.active, role.version) == ("Visitor", False, 2)


def test_a_refused_edit_leaves_the_role_as_it_was(db):
    with db.write() as session:
        roles.create(session, name="Guest", user_type="student", actor=OPERATOR)
        role = roles.create(session, name="Other", user_type="student", actor=OPERATOR)

        with pytest.raises(Invalid):
            roles.edit(session, role.id, actor=OPERATOR, name="GUEST")

        assert role.name == "Other"


def test_a_conversion_can_ask_whether_the_type_has_a_role(db):
    with db.write() as session:
        roles.create(session, name="Guest", user_type="student", actor=OPERATOR)

        assert roles.type_has_role(session, "student") is True
        assert roles.type_has_role(session, "administrator") is False
