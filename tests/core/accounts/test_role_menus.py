"""What a role hides and renames in the menu, and copies of roles (R57)."""

import pytest

from rolecall.accounts import role_menus, roles
from rolecall.accounts.actors import Actor, operator
from rolecall.accounts.role_menus import MenuChange
from rolecall.errors import Forbidden, Invalid

OPERATOR = operator("office")
CLERK = Actor(name="account:7", label="Clerk", account_id=7, permissions=frozenset({"accounts:view"}))
MENUS = [
    {"id": "people", "hidden": True},
    {"id": "accounts", "label": "  Our   pupils "},
    {"id": "runs"},
    {"id": "audit", "label": "Audit"},
]


def make(session, **facts):
    return roles.create(session, name="Tutor", user_type="teacher", actor=OPERATOR, **facts)


def test_a_role_remembers_what_it_hides_and_renames(db):
    with db.write() as session:
        role = make(session, menus=MENUS)

        assert role_menus.of_role(session, role.id) == (
            MenuChange(item="accounts", label="Our pupils"),
            MenuChange(item="people", hidden=True),
        )
        assert roles.every(session, user_type="teacher")[0].menus == role_menus.of_role(session, role.id)
        roles.edit(session, role.id, actor=OPERATOR, name="Form tutor")
        assert len(role_menus.of_role(session, role.id)) == 2
        roles.edit(session, role.id, actor=OPERATOR, menus=[{"id": "sync", "hidden": True}])
        assert role_menus.of_role(session, role.id) == (MenuChange(item="sync", hidden=True),)
        roles.remove(session, role.id)
        assert role_menus.of_roles(session) == {}


@pytest.mark.parametrize(
    "entries",
    [
        [{"id": "acounts"}],
        [{}],
        [{"id": "runs"}, {"id": "runs", "hidden": True}],
        [{"id": "runs", "label": "x" * 41}],
        [{"id": "runs", "label": "a\u202eb"}],
    ],
)
def test_what_the_menu_does_not_have_is_refused(entries):
    with pytest.raises(Invalid) as refusal:
        role_menus.read(entries)

    assert list(refusal.value.fields) == ["menus"]


def test_a_copy_allows_reaches_and_shows_the_same(db):
    with db.write() as session:
        role = make(session, permissions=["accounts:view", "people:view"], limited_to=["student"], menus=MENUS, is_default=True)

        copy = roles.copy(session, role.id, actor=OPERATOR)
        named = roles.copy(session, role.id, actor=OPERATOR, name="House tutor")

        assert (copy.name, copy.user_type, copy.is_default, copy.limited_to) == ("Tutor (copy)", "teacher", False, ["student"])
        assert named.name == "House tutor"
        assert roles.held(session, copy.id) == {"accounts:view", "people:view"}
        assert role_menus.of_role(session, copy.id) == role_menus.of_role(session, role.id)
        with pytest.raises(Invalid, match="already"):
            roles.copy(session, role.id, actor=OPERATOR)
        with pytest.raises(Forbidden):
            roles.copy(session, role.id, actor=CLERK, name="Mine")
