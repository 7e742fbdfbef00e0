"""Opening accounts."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from rolecall.accounts import opening, passwords, periods, roles, seed, statuses
from rolecall.errors import Refused
from rolecall.store.tables import Account, Person, Role, RolePeriod, Setting, UsernameClaim
from rolecall.testing.factories import make_account, make_person, set_plain

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def institution(db):
    with db.write() as session:
        seed.seed(session, institution="School", academic_year=2025, now=NOON)


@pytest.fixture
def school(db, keyring):
    """A function that opens accounts for people and returns the outcomes."""

    def open_for(session, *people):
        return opening.open_accounts(session, [person.id for person in people], keyring=keyring, now=NOON)

    return open_for


def account_of(session, person):
    return session.scalars(select(Account).where(Account.person_id == person.id)).one()


def test_a_new_account_has_what_the_person_has(db, school, keyring):
    with db.write() as session:
        anna = make_person(session, "Άννα", last_name="Κάρρα", language="el", email="Anna@Home.example")
        (outcome,) = school(session, anna)
        account = account_of(session, anna)

        assert outcome == opening.Opened(person_id=anna.id, account_id=account.id)
        assert (account.username, account.type, account.first_name, account.last_name) == ("akarra", "student", "Άννα", "Κάρρα")
        assert (account.email, account.email_key, account.email_verified) == ("Anna@Home.example", "anna@home.example", False)
        assert (account.active, account.must_change_password, account.password_hash, account.is_owner) == (True, True, None, False)
        assert len(keyring.open(account.sealed_password, passwords.sealed_place(account.id))) == 20
        assert session.get_one(UsernameClaim, "akarra").account_id == account.id


@pytest.mark.parametrize(
    ("people_list", "user_type"),
    [
        ("students", "student"),
        ("teachers", "teacher"),
        ("employees", "staff"),
        ("guardians", "guardian"),
        ("partners", "partner"),
        ("alumni", "alumni"),
        ("agents", "agent"),
    ],
)
def test_the_list_makes_the_type_and_the_type_its_default_role(db, school, people_list, user_type):
    with db.write() as session:
        anna = make_person(session, list=people_list)
        school(session, anna)
        account = account_of(session, anna)
        held = select(Role.name, RolePeriod.enabled).join(Role, Role.id == RolePeriod.role_id).where(RolePeriod.account_id == account.id)

        assert account.type == user_type
        assert session.execute(held).all() == [(f"Default {user_type}", True)]


def test_the_default_role_is_given_for_the_current_period_only(db, school):
    with db.write() as session:
        periods.create(session, code="next", name="Next", starts_on=date(2026, 9, 1), ends_on=date(2027, 8, 31))
        anna = make_person(session)
        school(session, anna)

        assert session.scalars(select(RolePeriod.period_id)).all() == [periods.current(session).id]


def test_an_inactive_default_role_or_none_gives_none(db, school):
    with db.write() as session:
        role = roles.by_name(session, "student", "Default student")
        role.is_default = False
        anna = make_person(session)
        school(session, anna)

        assert session.scalars(select(RolePeriod.id)).all() == []


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        ({"active": False}, "not-eligible", "not active"),
        ({"status": "Withdrawn"}, "not-eligible", "has the status Withdrawn"),
        ({"status": "Admission"}, "not-eligible", "registered"),
        ({"status": None}, "not-eligible", "has no status"),
        ({"list": "teachers", "active": False}, "not-eligible", "not active"),
        ({"email": "аnna@home.example"}, "bad-email", "alphabets"),
        ({"email": "head@school.example"}, "email-is-username", "user name"),
    ],
)
def test_who_may_not_have_an_account_is_told_why(db, school, facts, code, words):
    with db.write() as session:
        make_account(session, username="head@school.example")
        if facts.get("status"):
            facts = facts | {"status": next(each for each in statuses.every(session) if each.label == facts["status"])}
        (outcome,) = school(session, make_person(session, **facts))

        assert (outcome.account_id, outcome.code) == (None, code)
        assert words in outcome.message


def test_many_are_opened_in_the_order_asked_and_nobody_twice(db, school):
    with db.write() as session:
        people = [make_person(session, "Anna", last_name="Karra") for _ in range(30)]
        having = make_account(session, "Boris")
        outcomes = school(session, *people[::-1], session.get_one(Person, having.person_id), people[0])

        assert [outcome.person_id for outcome in outcomes] == [person.id for person in people[::-1]] + [having.person_id]
        assert outcomes[-1].code == "has-account"
        assert account_of(session, people[-1]).username == "akarra"
        assert account_of(session, people[0]).username == "akarra30"
        assert [outcome.code for outcome in school(session, *people)] == ["has-account"] * 30


def test_somebody_who_is_gone_is_said_to_be_gone(db, keyring):
    with db.write() as session:
        (outcome,) = opening.open_accounts(session, [999], keyring=keyring, now=NOON)

    assert outcome.code == "not-found"


def test_five_hundred_take_as_many_statements_as_fifty(db, school, statements):
    with db.write() as session:
        people = [make_person(session) for _ in range(550)]
        with statements(db) as few:
            school(session, *people[:50])
        with statements(db) as many:
            outcomes = school(session, *people[50:])

    assert all(outcome.account_id for outcome in outcomes)
    assert len(many) <= len(few) + 6


def test_must_change_follows_the_setting(db, school):
    with db.write() as session:
        session.add(Setting(plugin="core", key="must_change_first_password", value={"value": False}, changed_at=NOON, changed_by="test"))
        anna = make_person(session)
        school(session, anna)

        assert account_of(session, anna).must_change_password is False


@pytest.mark.parametrize("is_allowed", [True, False])
def test_accounts_begin_with_the_phone_where_the_institution_wants_it_and_there_is_one(db, school, keyring, is_allowed):
    with db.write() as session:
        set_plain(session, "core", phone_first_password=is_allowed, must_change_first_password=False)
        people = [make_person(session, phone="+30 691 234-5678"), make_person(session, phone="+30 69"), make_person(session, phone=None)]
        school(session, *people)
        opened = [account_of(session, person) for person in people]
        first = [keyring.open(each.sealed_password, passwords.sealed_place(each.id)) for each in opened]

        assert (first[0] == "306912345678") is is_allowed
        assert [len(each) for each in first[1:]] == [20, 20]
        assert [each.first_is_phone for each in opened] == [is_allowed, False, False]
        assert [each.must_change_password for each in opened] == [is_allowed, False, False]
        assert {each.sealed_at for each in opened} == {NOON}


def test_a_new_institution_begins_as_promised(db):
    with db.read() as session:
        assert [(status.label, status.type) for status in statuses.every(session)] == [
            ("Registered", "registered"),
            ("Admission", "admission"),
            ("Graduated", "graduated"),
            ("Withdrawn", "withdrawn"),
        ]
        assert [(role.name, role.user_type, role.is_default) for role in roles.every(session)] == [
            (f"Default {each}", each, True)
            for each in ("administrator", "student", "teacher", "partner", "staff", "guardian", "alumni", "agent")
        ]
        assert (periods.current(session).code, periods.current(session).name) == ("2025", "2025/26")


def test_setting_up_twice_changes_nothing(db):
    with db.write() as session:
        seed.seed(session, institution="Other", academic_year=2030, now=NOON)

        assert len(roles.every(session)) == 8
        assert [period.code for period in periods.every(session)] == ["2025"]
        assert session.get_one(Setting, ("core", "institution_name")).value == {"value": "School"}


def test_the_owner_is_the_first_employee_with_an_administrators_role(db):
    with db.write() as session:
        owner = seed.create_owner(
            session, username="head", password_hash="x", first_name="Ada", last_name="Head", email="ada@home.example", now=NOON
        )
        person = session.get_one(Person, owner.person_id)

        assert (owner.type, owner.is_owner, owner.username, owner.email) == ("administrator", True, "head", "ada@home.example")
        assert (person.list, person.first_name) == ("employees", "Ada")
        assert session.get_one(UsernameClaim, "head").account_id == owner.id
        assert session.scalars(select(RolePeriod.account_id)).all() == [owner.id]
        with pytest.raises(Refused):
            seed.create_owner(session, username="second", password_hash="x", now=NOON)


def test_the_first_administrators_role_holds_every_area_and_no_action(db):
    with db.read() as session:
        assert roles.held(session, roles.by_name(session, "administrator", "Default administrator").id) == set(roles.AREA_PERMISSIONS)
