"""The Global Owner: at most one whatever happens at one moment, and only the present one or the command line passes it on (R26, Z-06)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.accounts import audit, sessions
from rolecall.accounts.actors import Actor
from rolecall.errors import ConsentRequired, Forbidden, Refused, RolecallError
from rolecall.store.tables import Account, Role, RolePeriod, RolePermission, Run, RunItem
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.work.runs.plan import why_not
from rolecall.work.runs.undo import start_undo
from rolecall.work.timeline import timeline

ACTION = "account.global_owner"


class Institution:
    """An owner without any role, administrators with one, and roles to give."""

    def __init__(self, office, administrators=1, *, owner=True):
        self.office, self.db = office, office.app.db
        with self.db.write() as session:
            self.period = make_period(session)
            self.role = make_role(session, "Deputy", user_type="administrator")
            self.main = make_role(session, "Office", user_type="administrator")
            session.add_all(RolePermission(role_id=self.main.id, permission=each) for each in ("accounts:view", f"act:{ACTION}"))
            self.owner = make_account(session, "Olga", type="administrator", is_owner=True).id if owner else None
            self.others = []
            for _ in range(administrators):
                account = make_account(session, type="administrator")
                give_role(session, account, self.main, self.period)
                self.others.append(account.id)

    def acting(self, account_id):
        """An account as an actor, with the rights it has now."""
        with self.db.read() as session:
            held = session.scalars(select(RolePermission.permission).join(
                RolePeriod, RolePeriod.role_id == RolePermission.role_id).where(RolePeriod.account_id == account_id))  # fmt: skip
            permissions = None if session.get_one(Account, account_id).is_owner else frozenset(held)
        return Actor(name=f"account:{account_id}", label="Somebody", account_id=account_id, permissions=permissions)

    def pass_on(self, to, *, actor=None, former_role="Deputy"):
        return self.office.act(ACTION, to, actor=actor, agreed=True, former_role=former_role)

    @property
    def owners(self):
        with self.db.read() as session:
            return list(session.scalars(select(Account.id).where(Account.is_owner)))

    def role_of(self, account_id):
        with self.db.read() as session:
            return session.scalar(
                select(Role.name).join(RolePeriod).where(RolePeriod.account_id == account_id, RolePeriod.period_id == self.period.id)
            )


@pytest.mark.parametrize("by", ["owner", "operator"])
def test_the_new_owner_has_everything_and_the_old_one_the_named_role(office, by):
    place = Institution(office)

    place.pass_on(place.others[0], actor=place.acting(place.owner) if by == "owner" else None)

    assert place.owners == place.others
    assert place.role_of(place.owner) == "Deputy"
    assert office.account(place.owner).type == "administrator"


def test_open_sessions_have_the_new_rights_at_the_next_request(office):
    place = Institution(office)
    (heir,) = place.others
    with place.db.write() as session:
        tokens = [sessions.create(session, each, address=None, agent=None, now=datetime.now(UTC)) for each in (place.owner, heir)]

    place.pass_on(heir)

    with place.db.read() as session:
        old, new = (sessions.actor_for(sessions.load(session, token, datetime.now(UTC))) for token in tokens)
    assert (old.permissions, new.permissions) == (frozenset(), None)


def test_a_role_that_the_owner_had_is_replaced_in_the_current_period_only(office):
    place = Institution(office)
    with place.db.write() as session:
        owner = session.get_one(Account, place.owner)
        before = make_period(session, "2025", current=False)
        for period in (before, place.period):
            give_role(session, owner, place.main, period)

    place.pass_on(place.others[0])

    assert place.role_of(place.owner) == "Deputy"
    with place.db.read() as session:
        roles = session.scalars(select(RolePeriod.role_id).where(RolePeriod.account_id == place.owner).order_by(RolePeriod.period_id))
        assert sorted(roles) == sorted([place.role.id, place.main.id])


def test_a_role_that_holds_the_permission_is_not_enough(office):
    place = Institution(office, 2)
    clerk, other = place.others

    for target in (clerk, other):
        with pytest.raises(Forbidden, match="Only the present Global Owner"):
            place.pass_on(target, actor=place.acting(clerk))

    assert place.owners == [place.owner]
    with place.db.read() as session:
        action = office.app.plugins.view(session).actions[ACTION]
        said = [why_not(session, place.acting(each), [action], other)[ACTION] for each in (clerk, place.owner)]
    assert said == ["Only the present Global Owner, or the operator at the command line, can do this.", None]


def test_nobody_but_the_operator_makes_the_first_owner(office):
    place = Institution(office, 1, owner=False)
    (heir,) = place.others

    with pytest.raises(Forbidden):
        place.pass_on(heir, actor=place.acting(heir))
    assert place.owners == []

    place.pass_on(heir, former_role="")
    assert place.owners == [heir]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"type": "staff"}, "wrong-type"),
        ({"type": "teacher"}, "wrong-type"),
        ({"active": False}, "not-active"),
        ({"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, "deleted"),
    ],
)
def test_only_an_active_administrator_can_become_the_owner(office, facts, code):
    place = Institution(office)
    target = office.make(make_account, "Tom", **({"type": "administrator"} | facts))

    with pytest.raises(Refused) as refused:
        place.pass_on(target)

    assert refused.value.code == code
    assert place.owners == [place.owner]


def test_the_owner_cannot_become_it_again(office):
    place = Institution(office)

    with pytest.raises(Refused, match="is the Global Owner already"):
        place.pass_on(place.owner)

    assert place.role_of(place.owner) is None


@pytest.mark.parametrize(
    ("former_role", "sentence"),
    [("", "needs a role to stay an administrator with"), ("Nothing", "not one of the choices"), ("Old", "not one of the choices")],
)
def test_the_present_owner_must_keep_an_active_role_of_administrators(office, former_role, sentence):
    place = Institution(office)
    office.make(make_role, "Old", user_type="administrator", active=False)

    with pytest.raises(Refused, match=sentence):
        place.pass_on(place.others[0], former_role=former_role)

    assert place.owners == [place.owner]


def test_without_a_current_period_the_present_owner_could_have_no_role(office):
    place = Institution(office)
    with place.db.write() as session:
        session.merge(place.period).is_current = False

    with pytest.raises(Refused, match="No academic period is current"):
        place.pass_on(place.others[0])

    assert place.owners == [place.owner]


@pytest.mark.parametrize("action_id", ["account.to_staff", "account.deactivate", "account.delete"])
def test_the_owner_cannot_be_closed_deleted_or_converted(office, action_id):
    place = Institution(office)
    office.make(make_role, "Main staff", user_type="staff")

    with pytest.raises(Refused) as refused:
        office.act(action_id, place.owner, agreed=True)

    assert refused.value.code == "owner"
    assert place.owners == [place.owner]


def test_it_asks_for_consent_and_cannot_be_undone(office):
    place = Institution(office)
    with pytest.raises(ConsentRequired, match="every right in every area"):
        office.act(ACTION, place.others[0], former_role="Deputy")
    run_id = place.pass_on(place.others[0])

    with pytest.raises(Refused, match="cannot be taken back"):
        start_undo(office.app, office.actor, run_id)


def test_the_history_shows_both_accounts_and_the_audit_verifies(office):
    place = Institution(office)
    (heir,) = place.others

    run_id = place.pass_on(heir)

    (item,) = office.items(run_id)
    assert (item["before"]["owner"], item["after"]["owner"]) == (False, True)
    old = item["after"][f"account:{place.owner}"]
    assert (old["owner"], old["role:2026"]["role"]) == (False, "Deputy")
    with place.db.read() as session:
        assert audit.verify(session).ok
        assert [each["run"] for each in timeline(session, heir).items] == [run_id]
        (event,) = timeline(session, place.owner).items
    assert (event["run"], event["kind"], event["after"]["owner"]) == (run_id, "account.drawn_in", False)


@pytest.mark.parametrize("by", ["owner", "operator", "operator without an owner"])
def test_twenty_transfers_at_one_moment_leave_exactly_one_owner(office, by):
    place = Institution(office, 20, owner=by != "operator without an owner")
    actor = place.acting(place.owner) if by == "owner" else None

    def pass_on(to):
        try:
            return place.pass_on(to, actor=actor)
        except RolecallError as error:
            return str(error)

    with ThreadPoolExecutor(20) as pool:
        ended = list(pool.map(pass_on, place.others))

    assert len(place.owners) == 1
    with place.db.read() as session:
        won = set(session.scalars(select(RunItem.account_id).where(RunItem.outcome == "done")))
        lost = [(run.error, item.message) for item, run in session.execute(
            select(RunItem, Run).join(Run, Run.id == RunItem.run_id).where(RunItem.outcome != "done"))]  # fmt: skip
    assert set(place.owners) <= won
    assert all(ended), "a run, or a sentence"
    for error, message in lost:
        assert error or message
        assert "unexpected" not in f"{error} {message}"
    if by == "owner":
        assert len(won) == 1
        assert place.role_of(place.owner) == "Deputy"
