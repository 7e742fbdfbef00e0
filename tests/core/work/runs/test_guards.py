"""No action, undo or plugin gets around what the actor reaches, holds and may give (R58; Z-04, Z-05, Z-10, Z-11)."""

import pytest
from sqlalchemy import or_, select, true, update

from rolecall.errors import Forbidden, Invalid, Refused, Unknown
from rolecall.sdk.lists import Filter
from rolecall.store.tables import Account, Role, RolePeriod, RolePermission
from rolecall.testing.factories import give_role, make_account, make_clerk, make_period, make_person, make_role
from rolecall.work.runs.control import resume, stop
from rolecall.work.runs.opening import start_opening
from rolecall.work.runs.plan import make_plan
from rolecall.work.runs.selection import of_ids, of_words
from rolecall.work.runs.undo import start_undo

ACTS = ("act:account.deactivate", "act:account.activate", "act:roles.assign", "act:roles.disable_period", "runs:view", "runs:edit")


@pytest.fixture
def anna(office):
    return office.make(make_account, "Anna", active=True)


@pytest.fixture
def tina(office):
    return office.make(make_account, "Tina", type="teacher")


@pytest.fixture
def boss(office):
    """Somebody who may do more than any clerk here."""
    return office.make(make_clerk, "settings:edit")


@pytest.fixture
def strong(office):
    """A role of students that holds something."""

    def make(session):
        role = make_role(session, "Strong")
        session.add(RolePermission(role_id=role.id, permission="settings:edit"))
        make_period(session)
        return role

    return office.make(make)


def outcomes(office, run_id):
    return {item["account"]["id"]: item["code"] or item["outcome"] for item in office.items(run_id)}


def role_of(office, account_id):
    with office.app.db.read() as session:
        row = session.query(RolePeriod).filter_by(account_id=account_id).one_or_none()
        return row and (row.role_id, row.enabled)


def test_one_account_that_may_do_more_is_forbidden_and_among_several_it_is_skipped(office, anna, boss):
    clerk = office.clerk(*ACTS)

    with pytest.raises(Forbidden, match="may do more than you may") as refused:
        office.act("account.deactivate", boss, actor=clerk)
    run_id = office.act("account.deactivate", anna, boss, actor=clerk)

    assert refused.value.code == "higher-rights"
    assert outcomes(office, run_id) == {anna.id: "done", boss.id: "higher-rights"}
    assert office.account(boss).active
    assert not office.account(anna).active


def test_the_plan_counts_who_may_do_more(office, anna, boss):
    clerk = office.clerk(*ACTS)

    with office.app.db.read() as session:
        view = office.app.plugins.view(session)
        plan = make_plan(session, view, clerk, "account.deactivate", of_ids([anna.id, boss.id]))

    assert (plan.total, plan.will, [(each.code, each.count) for each in plan.skipped]) == (2, 1, [("higher-rights", 1)])


def test_a_hundred_mixed_accounts_are_each_judged(office, boss):
    def many(session):
        ids = [make_account(session).id for _ in range(60)]
        role = session.get_one(RolePeriod, session.query(RolePeriod.id).filter_by(account_id=boss.id).scalar()).role_id
        higher = [make_account(session, type="administrator") for _ in range(40)]
        for each in higher:
            give_role(session, each, session.get_one(Role, role), make_period(session))
        return ids, [each.id for each in higher]

    lower, higher = office.make(many)

    run_id = office.act("account.deactivate", *lower, *higher, actor=office.clerk(*ACTS))
    office.work()

    assert outcomes(office, run_id) == dict.fromkeys(lower, "done") | dict.fromkeys(higher, "higher-rights")


def test_whom_the_rights_do_not_reach_is_unknown_and_never_matched(office, anna, tina):
    clerk = office.clerk(*ACTS, limited_to=["student"])

    errors = []
    for ids in ([tina], [anna, tina], [tina.id + 1_000]):
        with pytest.raises(Unknown) as refused:
            office.act("account.deactivate", *ids, actor=clerk)
        errors.append(refused.value.message.replace(str(tina.id + 1_000), "N").replace(str(tina.id), "N"))
    run_id = office.act("account.deactivate", words={}, actor=clerk)

    assert set(errors) == {"There is no account with the id N."}
    assert outcomes(office, run_id) == {anna.id: "done"}
    assert office.account(tina).active


def test_an_account_that_leaves_the_reach_before_its_batch_is_left_alone(office, anna):
    clerk = office.clerk(*ACTS, limited_to=["student"])
    others = office.make(lambda session: [make_account(session).id for _ in range(60)])
    run_id = office.act("account.deactivate", anna, *others, actor=clerk)
    office.make(lambda session: session.execute(update(Account).where(Account.id == anna.id).values(type="staff")))

    office.work()

    assert outcomes(office, run_id)[anna.id] == "out-of-reach"
    assert office.account(anna).active


def test_rights_that_somebody_gets_before_the_batch_protect_them(office, anna, strong):
    clerk = office.clerk(*ACTS)
    others = office.make(lambda session: [make_account(session).id for _ in range(60)])
    run_id = office.act("account.deactivate", anna, *others, actor=clerk)
    office.act("roles.assign", anna, mode="add", period="2026", role="Strong")

    office.work()

    assert outcomes(office, run_id)[anna.id] == "higher-rights"
    assert office.account(anna).active


@pytest.mark.parametrize("limited", [None, ["student"]])
def test_a_role_that_holds_or_reaches_more_is_not_assigned(office, anna, strong, limited):
    # With a limit the clerk holds the permission; what is too much then is the reach.
    clerk = office.clerk(*ACTS, *(["settings:edit"] if limited else []), limited_to=limited)

    with pytest.raises(Forbidden, match="“Strong” holds permissions that you do not have"):
        office.act("roles.assign", anna, mode="add", period="2026", role="Strong", actor=clerk)

    assert role_of(office, anna.id) is None


def test_remembered_roles_come_back_by_who_may_give_them(office, anna, strong):
    office.act("roles.assign", anna, mode="add", period="2026", role="Strong")
    office.act("roles.disable_period", anna, periods=["2026"])

    with pytest.raises(Forbidden):
        office.act("account.activate", anna, actor=office.clerk(*ACTS))

    assert role_of(office, anna.id) == (strong.id, False)


def test_an_undo_gives_no_role_back_that_one_may_not_give(office, anna, strong):
    office.act("roles.assign", anna, mode="add", period="2026", role="Strong")
    removed = office.act("roles.assign", anna, mode="remove", period="2026")

    undone = start_undo(office.app, office.clerk(*ACTS), removed)
    again = start_undo(office.app, office.clerk(*ACTS, "settings:edit"), removed)

    assert outcomes(office, undone) == {anna.id: "forbidden"}
    assert outcomes(office, again) == {anna.id: "done"}


def test_an_undo_leaves_who_may_do_more_and_whom_one_does_not_reach(office, anna, tina, strong):
    run_id = office.act("account.deactivate", anna, tina)
    office.make(lambda session: give_role(session, session.get_one(Account, anna.id), strong, make_period(session)))

    limited = start_undo(office.app, office.clerk(*ACTS, limited_to=["student"]), run_id)

    assert outcomes(office, limited) == {anna.id: "higher-rights"}
    assert not office.account(tina).active


FORGETFUL = {
    "gives a role": lambda context, accounts, params: context.session.execute(
        update(RolePeriod)
        .where(RolePeriod.account_id.in_(accounts.ids))
        .values(role_id=select(Role.id).where(Role.name == "Strong").scalar_subquery())
    ),
    "makes an owner": lambda context, accounts, params: context.session.execute(
        update(Account).where(Account.id.in_(accounts.ids)).values(is_owner=True)
    ),
}


@pytest.mark.parametrize("forgets", FORGETFUL)
def test_a_plugin_that_forgets_every_check_gives_nothing_more(office, plugin_action, anna, strong, forgets):
    weak = office.make(lambda session: make_role(session, "Weak").id)
    office.make(lambda session: give_role(session, session.get_one(Account, anna.id), session.get_one(Role, weak), make_period(session)))
    plugin_action(FORGETFUL[forgets])

    with pytest.raises(Forbidden):
        office.act("trial.go", anna, actor=office.clerk("act:trial.go"))

    assert role_of(office, anna.id) == (weak, True)
    assert not office.account(anna).is_owner


def test_a_plugin_draws_nobody_in_who_may_do_more(office, plugin_action, anna, boss):
    def handler(context, accounts, params):
        context.include([boss.id])
        context.session.execute(update(Account).where(Account.id.in_([*accounts.ids, boss.id])).values(active=False))

    plugin_action(handler)

    with pytest.raises(Forbidden, match="may do more"):
        office.act("trial.go", anna, actor=office.clerk("act:trial.go"))

    assert office.account(boss).active
    assert office.account(anna).active


def test_nobody_takes_the_own_role_away(office):
    clerk = office.clerk(*ACTS, "roles:edit")
    before = role_of(office, clerk.account_id)

    for action, params in (("roles.assign", {"mode": "remove", "period": "2026"}), ("roles.disable_period", {"periods": ["2026"]})):
        with pytest.raises(Refused, match="the role that you are working with") as refused:
            office.act(action, clerk.account_id, actor=clerk, **params)
        assert refused.value.code == "own-account"

    assert role_of(office, clerk.account_id) == before


def test_nobody_gives_oneself_a_role_without_the_right_to_edit_roles(office):
    clerk = office.clerk(*ACTS, "roles:edit")
    office.make(make_role, "Plain", user_type="administrator")

    with pytest.raises(Refused, match="the role that you are working with"):
        office.act("roles.assign", clerk.account_id, actor=clerk, mode="replace", period="2026", role="Plain")


def test_rights_that_are_taken_away_end_a_run_at_its_next_batch(office):
    clerk = office.clerk(*ACTS)
    ids = office.make(lambda session: [make_account(session).id for _ in range(60)])
    run_id = office.act("account.deactivate", *ids, actor=clerk)
    office.make(lambda session: session.query(RolePermission).delete())

    office.work()

    assert office.run(run_id)["state"] == "failed"
    assert office.run(run_id)["counts"]["waiting"] == 60


def test_runs_of_others_are_seen_and_ended_as_far_as_the_rights_reach(office, anna, tina):
    mixed = office.act("account.deactivate", words={})
    alone = office.act("account.activate", tina)
    clerk = office.clerk(*ACTS, limited_to=["student"])

    with pytest.raises(Unknown):
        stop(office.app, clerk, alone)
    with pytest.raises(Forbidden, match="does not reach"):
        resume(office.app, clerk, mixed, failed=True)


def test_a_run_without_any_reached_account_is_as_unknown_as_one_that_does_not_exist(office, tina):
    run_id = office.act("account.deactivate", tina)
    clerk = office.clerk(*ACTS, limited_to=["student"])

    told = []
    for number in (run_id, run_id + 1_000):
        with pytest.raises(Unknown) as refused:
            start_undo(office.app, clerk, number)
        told.append(refused.value.message.replace(str(number), "N"))

    assert set(told) == {"There is no run N."}


def test_people_of_other_lists_get_no_account(office):
    people = office.make(lambda session: {each: make_person(session, list=each).id for each in ("students", "teachers")})
    clerk = office.clerk("accounts:create", limited_to=["student"])

    with pytest.raises(Invalid, match="There is no person with the id"):
        start_opening(office.app, clerk, people=list(people.values()))
    with pytest.raises(Forbidden, match="does not reach the teachers"):
        start_opening(office.app, clerk, people_list="teachers")
    run_id = start_opening(office.app, clerk)

    assert [item["person"]["id"] for item in office.items(run_id)] == [people["students"]]


def test_an_account_with_a_stronger_default_role_is_not_opened(office, strong):
    def prepare(session):
        session.execute(update(Role).where(Role.id == strong.id).values(is_default=True))
        return make_person(session).id, make_person(session, list="teachers").id

    student, teacher = office.make(prepare)
    clerk = office.clerk("accounts:create")

    with pytest.raises(Forbidden, match="get the role Strong, which holds more than you may give") as one:
        start_opening(office.app, clerk, people=[student])
    with pytest.raises(Forbidden) as whole_list:
        start_opening(office.app, clerk, people_list="students")
    run_id = start_opening(office.app, clerk)

    assert one.value.code == whole_list.value.code == "higher-rights"
    assert {item["person"]["id"]: item["code"] or item["outcome"] for item in office.items(run_id)} == {
        student: "higher-rights", teacher: "done",
    }  # fmt: skip


def test_a_filter_of_a_plugin_cannot_widen_what_is_reached(office, anna, tina):
    wide = Filter(id="wide", label="Wide", clause=lambda value, context: or_(true(), true()), default="")
    office.use("wide", register_filters=lambda: [wide])
    clerk = office.clerk(*ACTS, limited_to=["student"])

    with office.app.db.read() as session:
        plan = make_plan(session, office.app.plugins.view(session), clerk, "account.deactivate", of_words({"wide": "yes"}))

    assert [example[0] for example in plan.examples] == [anna.id]
