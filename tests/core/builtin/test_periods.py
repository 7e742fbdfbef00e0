"""Copying roles into a period and rolling over: who gets what, who is left and why, the current period, undo (R59a)."""

import pytest
from sqlalchemy import func, select, update

from rolecall.accounts import periods as period_rules
from rolecall.accounts.actors import Actor
from rolecall.errors import ConsentRequired, Forbidden, Invalid, Refused
from rolecall.store.tables import Account, AuditEntry, Period, Role, RolePeriod, RolePermission
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.work import period_changes
from rolecall.work.runs.control import resume
from rolecall.work.runs.selection import of_words, select_accounts
from rolecall.work.runs.undo import start_undo

YEARS = ("Year 1", "Year 2", "Year 3")


class Year:
    """A school at the turn of the year: a role per year of students, teachers, and the period that comes next."""

    def __init__(self, office):
        self.office = office
        with office.app.db.write() as session:
            self.old, self.new = make_period(session, "2026"), make_period(session, "2027", current=False)
            for name in YEARS:
                make_role(session, name)
            make_role(session, "Teacher", user_type="teacher")

    def account(self, role=None, *, period="2026", enabled=True, **values):
        """Make an account with a role in a period."""
        with self.office.app.db.write() as session:
            account = make_account(session, **values)
            if role:
                found = make_role(session, role, user_type=values.get("type", "student"))
                give_role(session, account, found, make_period(session, period), enabled=enabled)
            return account.id

    def give(self, account_id, role, period, *, enabled=True):
        with self.office.app.db.write() as session:
            give_role(
                session, session.get_one(Account, account_id), make_role(session, role), make_period(session, period), enabled=enabled
            )

    def has(self, account_id, period="2027"):
        """The role in a period, in brackets where it is disabled."""
        with self.office.app.db.read() as session:
            row = session.execute(
                select(Role.name, RolePeriod.enabled)
                .join(Role, Role.id == RolePeriod.role_id)
                .join(Period, Period.id == RolePeriod.period_id)
                .where(RolePeriod.account_id == account_id, Period.code == period)
            ).one_or_none()
            return None if row is None else row.name if row.enabled else f"({row.name})"

    def copy(self, *ids, **params):
        return self.office.act("roles.copy", *ids, from_period="2026", period="2027", **params)

    def roll_over(self, *ids, actor=None, **params):
        words = None if ids else {}
        given = {"from_period": "2026", "period": "2027"} | params
        return self.office.act("roles.rollover", *ids, words=words, actor=actor, agreed=True, **given)

    def why(self, run_id):
        """Account id -> (code, sentence) of those that were left."""
        return {each["account"]["id"]: (each["code"], each["message"]) for each in self.office.items(run_id) if each["outcome"] != "done"}

    def conclusion(self, run_id):
        return self.office.run(run_id)["facts"]["conclusion"]

    @property
    def current(self):
        with self.office.app.db.read() as session:
            return period_rules.current(session).code

    def deactivate_role(self, name):
        with self.office.app.db.write() as session:
            session.execute(update(Role).where(Role.name == name).values(active=False))

    def acting(self, *permissions):
        """An administrator who holds exactly these rights, in both periods."""
        account_id = self.account(type="administrator")
        with self.office.app.db.write() as session:
            role = make_role(session, f"Clerk {account_id}", user_type="administrator")
            session.add_all(RolePermission(role_id=role.id, permission=each) for each in permissions)
            give_role(session, session.get_one(Account, account_id), role, session.get_one(Period, self.old.id))
        return Actor(name=f"account:{account_id}", label="Clerk", account_id=account_id, permissions=frozenset(permissions))


@pytest.fixture
def year(office):
    return Year(office)


def test_roles_are_copied_as_they_are_and_others_are_left_with_the_reason(year):
    pupil, teacher = year.account("Year 1"), year.account("Teacher", type="teacher")
    nobody, disabled = year.account(), year.account("Year 1", enabled=False)
    has_one = year.account("Year 1")
    year.give(has_one, "Year 3", "2027")

    run_id = year.copy(pupil, teacher, nobody, disabled, has_one)

    assert (year.has(pupil), year.has(teacher), year.has(has_one)) == ("Year 1", "Teacher", "Year 3")
    assert year.why(run_id) == {
        nobody: ("no-role", "Has no role in 2026."),
        disabled: ("role-disabled", "The role Year 1 in 2026 is disabled."),
        has_one: ("has-role", "Has the role Year 3 in 2027 already."),
    }


def test_replacing_sets_the_role_whatever_was_there(year):
    changed, again, same = (year.account("Year 1") for _ in range(3))
    year.give(changed, "Year 3", "2027")
    year.give(again, "Year 1", "2027", enabled=False)
    year.give(same, "Year 1", "2027")

    run_id = year.copy(changed, again, same, mode="replace")

    assert [year.has(each) for each in (changed, again, same)] == ["Year 1"] * 3
    assert year.why(run_id) == {same: ("has-role", "Has the role Year 1 in 2027 already.")}


def test_a_role_that_is_not_active_any_more_is_not_carried(year):
    pupil = year.account("Year 1")
    year.deactivate_role("Year 1")

    with pytest.raises(Refused, match="The role Year 1 is not active"):
        year.copy(pupil)

    assert year.has(pupil) is None


def test_a_role_of_a_former_type_is_not_carried(year):
    graduate = year.account("Year 3")
    with year.office.app.db.write() as session:
        session.execute(update(Account).where(Account.id == graduate).values(type="alumni"))

    with pytest.raises(Refused, match="Year 3 is for students only"):
        year.copy(graduate)


def test_everybody_moves_up_by_the_map_and_who_ends_without_a_role_is_listed(year):
    first, second, third = (year.account(name) for name in YEARS)
    teacher, nobody = year.account("Teacher", type="teacher"), year.account()
    closed = year.account("Year 1", active=False)

    run_id = year.roll_over(map=["Year 1=Year 2", "Year 2=Year 3", "Year 3=-"])

    assert [year.has(each) for each in (first, second, third, teacher, nobody, closed)] == [
        "Year 2", "Year 3", None, "Teacher", None, "Year 2",
    ]  # fmt: skip
    assert year.why(run_id) == {
        third: ("goes-without", "Whoever was Year 3 gets no role in 2027."),
        nobody: ("no-role", "Has no role in 2026."),
    }
    (listed,) = year.conclusion(run_id)["look_at"]
    assert listed == {"text": "2 accounts have no role in 2027.", "filter": {"role": "none", "period": "2027", "run": str(run_id)}}
    with year.office.app.db.read() as session:
        assert {each.id for each in find(session, year, listed["filter"])} == {third, nobody}
    assert year.current == "2026"


def find(session, year, words):
    return session.execute(select_accounts(session, year.office.app.plugins.view(session), of_words(words), year.office.actor)).all()


def test_a_second_rollover_gives_nobody_a_second_step(year):
    pupil = year.account("Year 1")
    year.roll_over(map=["Year 1=Year 2"])

    run_id = year.roll_over(map=["Year 1=Year 3"])

    assert year.has(pupil) == "Year 2"
    assert year.why(run_id)[pupil] == ("has-role", "Has the role Year 2 in 2027 already.")


def test_the_new_period_is_current_when_the_run_has_ended_and_the_old_one_again_after_its_undo(year):
    ids = [year.account("Year 1") for _ in range(60)]

    run_id = year.roll_over(map=["Year 1=Year 2"], make_current=True)
    assert year.current == "2026"
    year.office.work()

    assert year.current == "2027"
    assert year.conclusion(run_id)["facts"] == {"made_current": "2027", "was_current": "2026"}
    undo_id = start_undo(year.office.app, year.office.actor, run_id)
    year.office.work()
    assert year.current == "2026"
    assert year.conclusion(undo_id)["notes"] == ["2026 is the current period again."]
    assert {year.has(each) for each in ids} == {None}
    with year.office.app.db.read() as session:
        edits = session.scalars(select(AuditEntry.run_id).where(AuditEntry.kind == "period.edit").order_by(AuditEntry.seq)).all()
    assert edits == [run_id, undo_id]


def test_an_undo_leaves_a_period_current_that_somebody_else_made_so(year):
    year.account("Year 1")
    run_id = year.roll_over(make_current=True)
    third = year.office.make(make_period, "2028", current=False)
    period_changes.edit_period(year.office.app, year.office.actor, third.id, {}, is_current=True)

    undo_id = start_undo(year.office.app, year.office.actor, run_id)

    assert year.current == "2028"
    assert year.conclusion(undo_id)["notes"] == ["2027 is not the current period any more, so that stays as it is."]


def test_whoever_began_it_may_end_its_undo_although_their_own_role_goes_back_too(year):
    clerk = year.acting("act:roles.rollover", "periods:edit")
    ids = [year.account("Year 1") for _ in range(60)]
    run_id = year.roll_over(actor=clerk, make_current=True)
    year.office.work()
    assert year.current == "2027"

    undo_id = start_undo(year.office.app, clerk, run_id)
    year.office.work()

    assert (year.current, year.office.run(undo_id)["state"]) == ("2026", "done")
    assert {year.has(each) for each in ids} == {None}


def test_only_who_may_edit_periods_makes_one_current(year):
    pupil = year.account("Year 1")
    clerk = year.acting("act:roles.rollover")

    with pytest.raises(Forbidden, match="periods:edit"):
        year.roll_over(pupil, actor=clerk, make_current=True)
    run_id = year.roll_over(actor=clerk, make_current=True)

    assert {code for code, _ in year.why(run_id).values()} == {"forbidden"}
    assert (year.current, year.has(pupil)) == ("2026", None)


def test_nobody_carries_a_role_that_holds_more_than_they_do(year):
    pupil, teacher = year.account("Year 1"), year.account("Teacher", type="teacher")
    with year.office.app.db.write() as session:
        session.add(RolePermission(role_id=make_role(session, "Chief", user_type="teacher").id, permission="accounts:delete"))
    clerk = year.acting("act:roles.rollover")

    run_id = year.roll_over(actor=clerk, map=["Teacher=Chief"])

    assert (year.has(pupil), year.has(teacher)) == ("Year 1", None)
    assert year.why(run_id)[teacher] == ("forbidden", "The role Chief holds more than you may give.")


def test_a_period_is_not_made_current_while_accounts_failed_but_when_they_are_through(year):
    year.account("Year 1")
    state = {"works": False}

    def refuse(changes):
        if not state["works"]:
            raise RuntimeError("out of order")
        return ()

    year.office.use("picky", validate_accounts=refuse)
    run_id = year.roll_over(make_current=True)
    assert year.current == "2026"
    (note,) = year.conclusion(run_id)["notes"]
    assert note.startswith("2027 was not made the current period, because one account failed.")

    state["works"] = True
    resume(year.office.app, year.office.actor, run_id, failed=True)
    year.office.work()

    assert year.current == "2027"


def test_consent_is_asked_for(year):
    with pytest.raises(ConsentRequired, match="cannot sign in"):
        year.office.act("roles.rollover", words={}, from_period="2026", period="2027")


@pytest.mark.parametrize(
    ("params", "field", "sentence"),
    [
        ({"period": "2026"}, "period", "Choose another period"),
        ({"period": "1999"}, "period", "not one of the choices"),
        ({"map": ["Year 1"]}, "map", "no equals sign"),
        ({"map": ["Year 9=Year 2"]}, "map", "Did you mean Year"),
        ({"map": ["Year 1=Teacher"]}, "map", "a role of students and Teacher one of teachers"),
        ({"map": ["Year 1=Year 2", "year 1=-"]}, "map", "said twice"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_happens(year, params, field, sentence):
    with pytest.raises(Invalid) as refused:
        year.roll_over(**params)

    assert sentence in " ".join(refused.value.fields[field])


def test_a_period_that_was_closed_meanwhile_leaves_everybody_as_they_are(year):
    ids = [year.account("Year 1") for _ in range(60)]
    run_id = year.roll_over(make_current=True)
    period_changes.edit_period(year.office.app, year.office.actor, year.new.id, {}, is_open=False)

    year.office.work()

    assert {year.has(each) for each in ids} == {None}
    assert set(year.why(run_id).values()) == {("refused", "The period 2027 is closed. Open it again, or choose an open period.")}
    assert year.current == "2026"
    assert "is closed" in year.conclusion(run_id)["notes"][0]


def test_undo_puts_back_what_nobody_touched_since(year):
    moved, touched, replaced = (year.account("Year 1") for _ in range(3))
    year.give(replaced, "Year 3", "2027")
    run_id = year.copy(moved, touched, replaced, mode="replace")
    year.office.act("roles.assign", touched, mode="replace", period="2027", role="Year 2")

    start_undo(year.office.app, year.office.actor, run_id)

    assert [year.has(each) for each in (moved, touched, replaced)] == [None, "Year 2", "Year 3"]


def test_an_undo_says_when_the_period_is_called_otherwise_by_now(year):
    pupil = year.account("Year 1")
    run_id = year.copy(pupil)
    period_changes.edit_period(year.office.app, year.office.actor, year.new.id, {"code": "2027-28"})

    undo_id = start_undo(year.office.app, year.office.actor, run_id)

    assert year.why(undo_id) == {pupil: ("no-period", "There is no period 2027 any more, so the role in it is left as it is.")}
    assert year.has(pupil, "2027-28") == "Year 1"


def test_a_rollover_is_a_handful_of_statements_however_many_accounts(year, statements):
    few, many = 5, 45
    counted = []
    for number in (few, many):
        ids = [year.account("Year 1") for _ in range(number)]
        with statements(year.office.app.db) as sent:
            year.roll_over(*ids, map=["Year 1=Year 2"])
        counted.append(len(sent))

    assert counted[1] <= counted[0]
    with year.office.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(RolePeriod).where(RolePeriod.period_id == year.new.id)) == few + many
