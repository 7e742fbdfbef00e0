"""Nobody grants more than they hold, and nobody's record or account is changed by somebody who may do less (R58; Z-04, Z-05)."""

import pytest
from sqlalchemy import select, update

from rolecall.accounts import escalation, roles
from rolecall.accounts.actors import Actor, operator
from rolecall.errors import Forbidden, Invalid, Refused, Unknown
from rolecall.store.tables import Account, Person, Role, RolePeriod
from rolecall.testing.factories import give_role, make_account, make_clerk, make_period, make_person, make_role

OPERATOR = operator("office")


def clerk(*permissions, types=None, account_id=None):
    """Somebody who holds exactly this."""
    reached = None if types is None else frozenset(types)
    return Actor(name="account:0", label="Clerk", account_id=account_id, permissions=frozenset(permissions), types=reached)


def role(session, name="Strong", *, by=OPERATOR, **values):
    """Make a role by the rules."""
    return roles.create(session, **({"name": name, "user_type": "administrator", "actor": by} | values))


@pytest.mark.parametrize(
    ("permissions", "limited_to", "actor", "may"),
    [
        (["accounts:view"], None, clerk("accounts:view"), True),
        (["accounts:view"], None, clerk("people:view"), False),
        (["accounts:view"], None, clerk("accounts:view", types=["student"]), False),
        (["accounts:view"], ["student", "teacher"], clerk("accounts:view", types=["student"]), False),
        (["accounts:view"], ["student"], clerk("accounts:view", types=["student", "teacher"]), True),
        (["accounts:view"], ["student"], clerk("accounts:view"), True),
        ([], None, clerk(types=["student"]), True),
        (["act:moodle.enrol"], ["agent"], OPERATOR, True),
    ],
)
def test_a_role_is_made_assigned_and_made_the_default_by_who_holds_and_reaches_as_much(db, permissions, limited_to, actor, may):
    facts = {"permissions": permissions, "limited_to": limited_to}
    attempts = {
        "create": lambda session, _: role(session, "Other", by=actor, **facts),
        "default": lambda session, there: roles.edit(session, there, actor=actor, is_default=True),
        "activate": lambda session, there: roles.edit(session, there, actor=actor, active=True),
        "assign": lambda session, there: roles.require_grantable(session, [there], actor),
    }
    refused = set()
    for name, attempt in attempts.items():
        with db.write() as session:
            there = role(session, f"Strong {name}", **facts)
            there.active = name != "activate"
            session.flush()
            try:
                attempt(session, there.id)
            except Forbidden:
                refused.add(name)

    assert refused == (set() if may else set(attempts))


def test_a_role_is_not_widened_beyond_ones_own_reach(db):
    actor = clerk("accounts:view", types=["student", "teacher"])
    with db.write() as session:
        there = role(session, permissions=["accounts:view"], limited_to=["student"]).id
        roles.edit(session, there, actor=actor, limited_to=["student", "teacher"])

        for wider in (None, ["staff"], ["student", "administrator"]):
            with pytest.raises(Forbidden, match="yours reach students, teachers"):
                roles.edit(session, there, actor=actor, limited_to=wider)
        roles.edit(session, there, actor=actor, limited_to=["teacher"])

        assert roles.get(session, there).limited_to == ["teacher"]


def test_widening_a_role_gives_its_permissions_for_more_accounts(db):
    with db.write() as session:
        there = role(session, permissions=["accounts:delete"], limited_to=["student"]).id

        with pytest.raises(Forbidden, match="accounts:delete"):
            roles.edit(session, there, actor=clerk("roles:edit"), limited_to=None)


def test_a_permission_is_not_added_to_a_role_that_reaches_further(db):
    with db.write() as session:
        there = role(session, permissions=["accounts:view"]).id

        with pytest.raises(Forbidden, match="reach further"):
            roles.edit(session, there, actor=clerk("people:view", types=["student"]), add=["people:view"])


@pytest.mark.parametrize(("given", "kept"), [(["teacher", "student"], ["student", "teacher"]), (None, None)])
def test_the_reach_is_kept_in_the_order_of_the_types(db, given, kept):
    with db.write() as session:
        assert role(session, limited_to=given).limited_to == kept


def test_all_user_types_are_no_limit(db):
    with db.write() as session:
        every = roles.create(session, name="Everybody", user_type="staff", actor=OPERATOR, limited_to=list(roles.USER_TYPES))

        assert every.limited_to is None


@pytest.mark.parametrize("wrong", [[], ["pupil"], ["student", ""]])
def test_a_reach_that_is_none_is_a_mistake(db, wrong):
    with db.write() as session, pytest.raises(Invalid) as refused:
        role(session, limited_to=wrong)

    assert set(refused.value.fields) == {"limited_to"}


@pytest.mark.parametrize("change", [{"remove": ["roles:edit"]}, {"permissions": ["accounts:view"]}, {"active": False}])
def test_nobody_edits_the_own_role_so_that_roles_cannot_be_edited(db, change):
    with db.write() as session:
        mine = make_clerk(session, "roles:edit", "accounts:view")
        own = session.scalars(select(RolePeriod.role_id).where(RolePeriod.account_id == mine.id)).one()
        actor = clerk("roles:edit", "accounts:view", account_id=mine.id)

        with pytest.raises(Refused, match="your own role") as refused:
            roles.edit(session, own, actor=actor, **change)
        roles.edit(session, own, actor=actor, remove=["accounts:view"])
        roles.edit(session, own, actor=OPERATOR, **change)

    assert refused.value.code == "own-role"


@pytest.fixture
def lower(db):
    """A clerk for students who may reset passwords, as (actor, ids by what the account is)."""
    with db.write() as session:
        period, closed = make_period(session), make_period(session, "2020", current=False, is_open=False)
        equal = make_role(session, "Equal")
        strong = role(session, "Teacher", user_type="teacher", permissions=["accounts:view"])
        off = role(session, "Off", user_type="teacher", permissions=["accounts:view"])
        off.active = False
        ids = {}
        for name, of, where, enabled in (
            ("equal", equal, period, True), ("higher", strong, period, True), ("remembered", strong, period, False),
            ("closed period", strong, closed, True), ("inactive role", off, period, True),
        ):  # fmt: skip
            account = make_account(session, type=of.user_type)
            give_role(session, account, of, where, enabled=enabled)
            ids[name] = account.id
        ids["inactive account"] = make_account(session, type="teacher", active=False).id
        give_role(session, session.get_one(Account, ids["inactive account"]), strong, period)
        ids["owner"] = make_account(session, type="administrator", is_owner=True).id
        mine = make_clerk(session, "people:edit", type="staff")
        ids["oneself"] = mine.id
        return clerk("act:password.reset", "people:edit", account_id=mine.id), ids


HIGHER = {"higher", "inactive account", "owner"}


def test_who_may_do_more_is_told_by_enabled_roles_in_open_periods_and_by_ownership(db, lower):
    actor, ids = lower
    with db.read() as session:
        found = set(session.scalars(select(Account.id).where(escalation.may_do_more(session, actor))))

    assert {name for name, account_id in ids.items() if account_id in found} == HIGHER


def test_accounts_and_records_of_who_may_do_more_are_left_alone(db, lower):
    actor, ids = lower
    refused = {"account": set(), "person": set()}
    with db.read() as session:
        for name, account_id in ids.items():
            person_id = session.get_one(Account, account_id).person_id
            for what, ask in (
                ("account", lambda a=account_id: escalation.require_account(session, actor, a)),
                ("person", lambda p=person_id: escalation.require_person(session, actor, p)),
            ):
                try:
                    ask()
                except Forbidden as error:
                    refused[what].add((name, error.code))

    forbidden = {(name, "higher-rights") for name in HIGHER}
    assert refused == {"account": forbidden, "person": forbidden}


def test_whoever_is_not_reached_does_not_exist(db, lower):
    actor, ids = lower
    limited = clerk(*actor.permissions, types=["student"], account_id=actor.account_id)
    with db.read() as session:
        teacher = session.get_one(Account, ids["higher"])

        with pytest.raises(Unknown):
            escalation.require_account(session, limited, teacher.id)
        with pytest.raises(Unknown):
            escalation.require_person(session, limited, teacher.person_id)
        escalation.require_account(session, limited, ids["equal"])


def test_the_operator_and_the_owner_are_asked_nothing(db, lower, statements):
    with db.read() as session, statements(db) as sent:
        assert escalation.requirements(session, OPERATOR) == ()
        assert escalation.roles_beyond(session, OPERATOR) == frozenset()
        assert escalation.people_beyond(session, OPERATOR, [1]) == frozenset()
        assert escalation.lists_not_to_open(session, OPERATOR) == {}

    assert sent == []


def test_accounts_whose_default_role_one_may_not_give_are_not_opened(db):
    with db.write() as session:
        make_period(session)
        role(session, "Default teacher", user_type="teacher", permissions=["accounts:view"], is_default=True)
        role(session, "Default student", user_type="student", is_default=True)

        lists = escalation.lists_not_to_open(session, clerk("accounts:create"))
        free = escalation.lists_not_to_open(session, clerk("accounts:view"))
        session.execute(update(Role).values(active=False))
        inactive = escalation.lists_not_to_open(session, clerk("accounts:create"))

    assert set(lists) == {"teachers"}
    assert "Default teacher" in lists["teachers"]
    assert free == inactive == {}


def test_people_without_an_account_are_reached_by_their_list(db):
    with db.write() as session:
        people = {each: make_person(session, list=each).id for each in ("students", "employees")}
        boss = make_account(session, type="administrator").person_id
        outside = escalation.people_out_of_reach(session, clerk(types=["staff"]), [*people.values(), boss])

    assert outside == {people["students"], boss}
    with db.read() as session:
        assert session.get_one(Person, boss).list == "employees"
