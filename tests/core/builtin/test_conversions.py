"""Staff to administrator and back: every role goes, no right comes, and the way back (R33, Z-04, Z-07)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from rolecall.accounts import first_password, passwords, sessions, sign_in, tokens
from rolecall.accounts.actors import Actor
from rolecall.errors import ConsentRequired, Refused
from rolecall.store.tables import ApiToken, Link, Listing, Person, Role, RolePeriod, RolePermission, WebSession
from rolecall.testing.factories import enable_provider, give_role, make_account, make_period, make_role, set_plain
from rolecall.work.runs.plan import make_plan
from rolecall.work.runs.secrets import fetch_secrets
from rolecall.work.runs.selection import of_words
from rolecall.work.runs.undo import start_undo

RIGHT = "quiet-Tuesday-marmalade"
HASH = passwords.hash_password(RIGHT)
ACTIONS = ("account.to_admin", "account.to_staff")
FROM = {"account.to_admin": "staff", "account.to_staff": "administrator"}
TO = {"account.to_admin": "administrator", "account.to_staff": "staff"}


class Employee:
    """One account of a type, with a role in an open, a closed and the current period, a session and an API token."""

    def __init__(self, office, user_type, **values):
        self.office, self.db = office, office.app.db
        with self.db.write() as session:
            self.periods = [make_period(session, "2024", current=False, is_open=False), make_period(session, "2025", current=False),
                            make_period(session, "2026")]  # fmt: skip
            self.role = make_role(session, f"Main {user_type}", user_type=user_type)
            facts = {"password_hash": HASH, "username": "eva.m"} | values
            account = make_account(session, "Eva", type=user_type, **facts)
            for period in self.periods:
                give_role(session, account, self.role, period, enabled=period.code != "2025")
            self.id = account.id
            sessions.create(session, account.id, address=None, agent=None, now=datetime.now(UTC))
            self.token, _ = tokens.create(session, account.id, name="script", now=datetime.now(UTC))

    def act(self, action_id, **params):
        return self.office.act(action_id, self.id, agreed=True, **params)

    @property
    def type(self):
        return self.office.account(self.id).type

    @property
    def roles(self):
        with self.db.read() as session:
            rows = session.execute(select(RolePeriod.period_id, RolePeriod.role_id, RolePeriod.enabled).where(
                RolePeriod.account_id == self.id).order_by(RolePeriod.period_id))  # fmt: skip
            return [tuple(row) for row in rows]

    def count(self, table):
        with self.db.read() as session:
            living = [table.revoked_at.is_(None)] if table is ApiToken else []
            return session.scalar(select(func.count()).select_from(table).where(table.account_id == self.id, *living))

    def enters(self):
        outcome = sign_in.sign_in(
            self.db, self.office.app.keyring, identifier="eva.m", password=RIGHT, address=None, agent=None, now=datetime.now(UTC)
        )
        return outcome.result


@pytest.fixture
def institution(office):
    """One active role of either type, so that both conversions apply."""
    with office.app.db.write() as session:
        make_role(session, "Office", user_type="administrator")
        make_role(session, "Main staff", user_type="staff")
    return office


@pytest.mark.parametrize("action_id", ACTIONS)
def test_the_type_changes_and_every_role_goes(institution, action_id):
    eva = Employee(institution, FROM[action_id])
    with eva.db.read() as session:
        person = session.scalar(select(Person.list))

    eva.act(action_id)

    assert eva.type == TO[action_id]
    assert eva.roles == []
    assert eva.count(WebSession) == 0
    with eva.db.read() as session:
        assert session.scalar(select(Listing.type).where(Listing.account_id == eva.id)) == TO[action_id]
        assert session.scalar(select(Person.list)) == person


@pytest.mark.parametrize("action_id", ACTIONS)
def test_nobody_can_enter_until_a_role_of_the_new_type_is_given(institution, action_id):
    eva = Employee(institution, FROM[action_id])
    assert eva.enters() == "ok"

    eva.act(action_id)
    without = eva.enters()
    role = "Office" if action_id == "account.to_admin" else "Main staff"
    institution.act("roles.assign", eva.id, mode="add", period="2026", role=role)

    assert (without, eva.enters()) == ("no-role", "ok")


def test_being_an_administrator_gives_no_right(institution):
    eva = Employee(institution, "staff")
    with eva.db.write() as session:
        session.add(RolePermission(role_id=eva.role.id, permission="accounts:view"))

    eva.act("account.to_admin")

    with eva.db.read() as session:
        assert tokens.authenticate(session, eva.token, datetime.now(UTC)) is None


def test_api_tokens_end_on_the_way_down_and_not_on_the_way_up(institution):
    eva = Employee(institution, "staff")

    eva.act("account.to_admin")
    up = eva.count(ApiToken)
    eva.act("account.to_staff")

    assert (up, eva.count(ApiToken)) == (1, 0)


@pytest.mark.parametrize("action_id", ACTIONS)
@pytest.mark.parametrize("roles", ["none", "inactive"])
def test_it_is_refused_with_the_way_out_while_nobody_could_be_given_a_role(office, action_id, roles):
    eva = Employee(office, FROM[action_id])
    if roles == "inactive":
        office.make(make_role, "Old", user_type=TO[action_id], active=False)

    with pytest.raises(Refused, match="Create a role of this type first") as refused:
        eva.act(action_id)

    assert refused.value.code == "no-role-of-type"
    assert (eva.type, len(eva.roles)) == (FROM[action_id], 3)


@pytest.mark.parametrize(
    ("action_id", "user_type", "facts", "code"),
    [
        ("account.to_admin", "teacher", {}, "wrong-type"),
        ("account.to_admin", "administrator", {}, "wrong-type"),
        ("account.to_staff", "staff", {}, "wrong-type"),
        ("account.to_staff", "administrator", {"is_owner": True}, "owner"),
        ("account.to_admin", "staff", {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, "deleted"),
    ],
)
def test_it_does_not_apply_to_these(institution, action_id, user_type, facts, code):
    account = institution.make(make_account, "Eva", type=user_type, **facts)

    with pytest.raises(Refused) as refused:
        institution.act(action_id, account, agreed=True)

    assert refused.value.code == code
    assert institution.account(account).type == user_type


def test_nobody_converts_oneself_to_staff(institution):
    eva = Employee(institution, "administrator")
    with eva.db.write() as session:
        session.add(RolePermission(role_id=eva.role.id, permission="act:account.to_staff"))
    oneself = Actor(name=f"account:{eva.id}", label="Eva", account_id=eva.id, permissions=frozenset({"act:account.to_staff"}))

    with pytest.raises(Refused, match="the account you are working with"):
        institution.act("account.to_staff", eva.id, actor=oneself, agreed=True)

    assert eva.type == "administrator"


@pytest.mark.parametrize("action_id", ACTIONS)
def test_consent_says_that_all_roles_go(institution, action_id):
    eva = Employee(institution, FROM[action_id])

    with pytest.raises(ConsentRequired, match="lose every role they have, in every period"):
        institution.act(action_id, eva.id)


@pytest.mark.parametrize("action_id", ACTIONS)
def test_undo_restores_type_and_roles_and_no_way_in(institution, action_id):
    eva = Employee(institution, FROM[action_id])
    roles = eva.roles
    run_id = eva.act(action_id)
    with eva.db.write() as session:
        sessions.create(session, eva.id, address=None, agent=None, now=datetime.now(UTC))

    start_undo(institution.app, institution.actor, run_id)

    assert (eva.type, eva.roles) == (FROM[action_id], roles)
    assert (eva.count(WebSession), eva.count(ApiToken)) == (0, 0)


def test_undo_leaves_an_administrator_alone_who_has_been_given_a_role(institution):
    eva = Employee(institution, "staff")
    run_id = eva.act("account.to_admin")
    institution.act("roles.assign", eva.id, mode="add", period="2026", role="Office")

    start_undo(institution.app, institution.actor, run_id)

    assert eva.type == "administrator"


def test_the_provider_is_told(institution):
    institution.make(enable_provider, "moodle")
    eva = Employee(institution, "staff")
    with eva.db.write() as session:
        facts = {"goal": "present", "external_id": "77", "wanted": 3, "synced": 3, "changed_at": datetime.now(UTC)}
        session.add(Link(account_id=eva.id, provider="moodle", **facts))

    eva.act("account.to_admin")

    with eva.db.read() as session:
        link = session.scalars(select(Link)).one()
        assert link.synced < link.wanted


@pytest.mark.parametrize("in_use", [False, True])
def test_a_phone_number_is_nobodys_password_who_becomes_an_administrator(institution, in_use):
    institution.make(set_plain, "core", phone_first_password=True)
    eva = Employee(institution, "staff", password_hash=HASH if in_use else None, phone="+30 691 234 5678")
    with eva.db.write() as session:
        first_password.use_phones(session, institution.app.keyring, [eva.id], now=datetime.now(UTC), replace=not in_use)

    run_id = eva.act("account.to_admin")

    account = institution.account(eva.id)
    assert not account.first_is_phone
    if in_use:
        assert account.password_hash == HASH
        assert account.sealed_password is None
    else:
        (handed,) = fetch_secrets(institution.app, institution.actor, run_id)
        assert institution.app.keyring.open(account.sealed_password, passwords.sealed_place(eva.id)) == handed.secret
        assert "691" not in handed.secret


def test_many_are_converted_set_based_and_the_plan_counts_who_is_not(institution, statements):
    with institution.app.db.write() as session:
        period = make_period(session)
        role = session.scalar(select(Role).where(Role.name == "Main staff"))
        for _ in range(150):
            give_role(session, make_account(session, type="staff"), role, period)
        make_account(session, type="teacher")
    with institution.app.db.read() as session:
        plan = make_plan(session, institution.app.plugins.view(session), institution.actor, "account.to_admin", of_words({"active": "yes"}))
    assert (plan.will, [(each.code, each.count) for each in plan.skipped]) == (150, [("wrong-type", 1)])

    with statements(institution.app.db) as sent:
        run_id = institution.act("account.to_admin", words={"type": "staff"}, agreed=True)
        institution.work()

    assert institution.run(run_id)["counts"]["done"] == 150
    assert len(sent) < 80
    with institution.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(RolePeriod)) == 0
