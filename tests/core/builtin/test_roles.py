"""One role per period: what assigning, replacing, removing and closing periods do, and undo in any order (R15, R35, R37, R59)."""

import pytest
from sqlalchemy import select, update

from rolecall.builtin.choices import find_role
from rolecall.errors import Invalid, Refused
from rolecall.store.tables import Period, RolePermission
from rolecall.testing.factories import make_account, make_period, make_role


@pytest.fixture
def periods(case):
    case.office.make(make_period, "2027", current=False)
    case.office.make(make_role, "Guest")
    case.office.make(make_role, "Teacher", user_type="teacher")
    with case.office.app.db.read() as session:
        return dict(session.execute(select(Period.code, Period.id)).all())


def told(case, periods):
    names = {number: code for code, number in periods.items()}
    return {names[period]: state for period, state in case.roles.items()}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"period": "2027", "role": "Guest"}, {"2027": ("Guest", True)}),
        ({"period": "2027", "role": "Guest", "mode": "add"}, {"2027": ("Guest", True)}),
        ({"period": "2027", "role": "Guest", "mode": "replace"}, {"2027": ("Guest", True)}),
        ({"period": "2026", "role": "Guest", "mode": "replace"}, {"2026": ("Guest", True)}),
        ({"period": "2026", "role": "Main", "mode": "remove"}, {"2026": None}),
        ({"period": "2026", "mode": "remove"}, {"2026": None}),
    ],
)
def test_a_period_has_what_it_was_given_and_the_others_what_they_had(case, periods, params, expected):
    roles = {"Main": case.role.id, "Guest": case.office.make(make_role, "Guest").id}
    before = told(case, periods)

    case.act("roles.assign", **params)

    wanted = before | {code: value and (roles[value[0]], value[1]) for code, value in expected.items()}
    assert told(case, periods) == {code: value for code, value in wanted.items() if value}
    assert case.links == [("moodle", "present", None, True)]


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"period": "2026", "role": "Guest"}, "Has the role Main in 2026 already."),
        ({"period": "2026", "role": "Main", "mode": "replace"}, "Has the role Main in 2026 already."),
        ({"period": "2027", "mode": "remove"}, "Has no role in 2027."),
        ({"period": "2026", "role": "Guest", "mode": "remove"}, "Does not have the role Guest in 2026."),
    ],
)
def test_where_there_is_nothing_to_do_that_is_the_answer(case, periods, params, sentence):
    refused = case.refusal("roles.assign", **params)

    assert str(refused) == sentence


def test_a_role_is_for_its_user_type_only(case, periods):
    tom = case.office.make(make_account, "Tom", type="teacher")

    run_id = case.office.act("roles.assign", case.id, tom, period="2027", role="Guest")

    assert sorted((item["account"]["id"], item["outcome"]) for item in case.office.items(run_id)) == [
        (case.id, "done"),
        (tom.id, "skipped"),
    ]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"period": "1999", "role": "Guest"}, "period"),
        ({"period": "2027", "role": "Nobody"}, "role"),
        ({"period": "2027", "role": "Teacher"}, "role"),
        ({"period": "2027"}, "role"),
        ({"period": "2027", "role": "Guest", "mode": "swap"}, "mode"),
        ({"role": "Guest"}, "period"),
    ],
)
def test_what_does_not_exist_is_invalid_by_field(case, periods, params, field):
    with pytest.raises(Invalid) as wrong:
        case.act("roles.assign", **params)

    assert field in wrong.value.fields


@pytest.mark.parametrize(
    ("name", "shared", "word"),
    [
        ("Year 1/2", False, "Year 1/2"),
        ("Year 1/2", True, "student/Year 1/2"),
        ("Guest", True, "student/Guest"),
        ("a/b/c", True, "student/a/b/c"),
    ],
)
def test_a_role_is_found_by_the_word_that_is_offered_whatever_strokes_it_has(case, periods, name, shared, word):
    role = case.office.make(make_role, name)
    if shared:
        case.office.make(make_role, name, user_type="teacher")

    case.act("roles.assign", period="2027", role=word)

    assert told(case, periods)["2027"] == (role.id, True)


def test_a_word_that_has_come_to_mean_two_roles_is_neither(case, periods):
    case.office.make(make_role, "Guest", user_type="teacher")

    with case.office.app.db.read() as session, pytest.raises(Invalid, match="Several types") as refused:
        find_role(session, "Guest")

    assert refused.value.hint == "Choose student/Guest or teacher/Guest."


def test_a_closed_period_is_not_offered(case, periods):
    with case.office.app.db.write() as session:
        session.execute(update(Period).where(Period.code == "2025").values(is_open=False))

    with pytest.raises(Invalid, match="period"):
        case.act("roles.assign", period="2025", role="Guest", mode="replace")


def test_nobody_gives_a_role_that_holds_more_than_they_do(case, periods):
    guest = case.office.make(make_role, "Guest")
    with case.office.app.db.write() as session:
        session.add(RolePermission(role_id=guest.id, permission="settings:edit"))
    clerk = case.acting("act:roles.assign")
    anna, ben = (case.office.make(make_account, name) for name in ("Anna", "Ben"))

    with pytest.raises(Refused, match="permissions that you do not have"):
        case.office.act("roles.assign", anna, actor=clerk, period="2027", role="Guest")
    run_id = case.office.act("roles.assign", anna, ben, actor=clerk, period="2027", role="Guest")

    assert {item["code"] for item in case.office.items(run_id)} == {"forbidden"}


def test_closing_periods_remembers_the_roles(case, periods):
    before = told(case, periods)

    case.act("roles.disable_period", periods=["2026"])

    assert told(case, periods) == before | {"2026": (case.role.id, False)}
    assert case.columns()["active"]
    assert case.links == [("moodle", "present", None, True)]


def test_closing_a_period_without_a_role_changes_nothing(case, periods):
    assert str(case.refusal("roles.disable_period", periods=["2027"])) == "Has no enabled role in these periods."


def test_a_remembered_role_is_in_the_way_of_adding_and_not_of_replacing(case, periods):
    case.act("roles.disable_period", periods=["2026"])

    with pytest.raises(Refused, match="Has the role Main in 2026 already"):
        case.act("roles.assign", period="2026", role="Guest")
    case.act("roles.assign", period="2026", role="Main", mode="replace")

    assert told(case, periods)["2026"] == (case.role.id, True)


@pytest.mark.parametrize(
    ("action_id", "params"),
    [
        ("roles.assign", {"period": "2027", "role": "Guest"}),
        ("roles.assign", {"period": "2026", "role": "Guest", "mode": "replace"}),
        ("roles.assign", {"period": "2026", "mode": "remove"}),
        ("roles.disable_period", {"periods": ["2025", "2026"]}),
    ],
)
def test_undo_puts_the_periods_back(case, periods, action_id, params):
    before = case.roles
    run_id = case.act(action_id, **params)
    assert case.roles != before

    case.undo(run_id)

    assert case.roles == before
