"""Who comes by a service for the first time gets an account where that is wanted, and never more than that (R5, R66, F-10, A-16)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from rolecall.accounts import let_go, newcomers, sign_in
from rolecall.accounts.admission import CLOSED
from rolecall.errors import Forbidden, Invalid
from rolecall.sdk.login import ExternalIdentity
from rolecall.sdk.snapshots import Refusal
from rolecall.sdk.words import USER_TYPES
from rolecall.store.tables import Account, AuditEntry, Delivery, LinkedIdentity, Listing, Person, Role, RolePeriod, RolePermission, SignIn
from rolecall.testing.factories import make_account, make_clerk, make_period, make_person, make_role, make_status, set_plain
from rolecall.work import changes
from rolecall.work.newcomers import Welcome

ISSUER, EMAIL = "https://login.school.example", "anna.k@school.example"
OFF: dict[str, Any] = {"new_accounts": "nobody"}
LISTED: dict[str, Any] = {"new_accounts": "listed"}
EVERYBODY: dict[str, Any] = {"new_accounts": "everybody", "new_account_type": "student"}


class Door:
    """The way in by a service called school, and what became of whoever came."""

    def __init__(self, office: Any) -> None:
        self.office, self.app, self.db = office, office.app, office.app.db
        with self.db.write() as session:
            make_status(session)
            make_period(session)

    def make(self, factory: Callable, *args: Any, **values: Any) -> Any:
        return self.office.make(factory, *args, **values)

    def role(self, name: str, user_type: str, *permissions: str) -> str:
        """Make a role and return its id as the settings hold it."""
        with self.db.write() as session:
            role = make_role(session, name, user_type=user_type)
            session.add_all(RolePermission(role_id=role.id, permission=each) for each in permissions)
            return str(role.id)

    def come(self, settings: dict[str, Any], *, speaks_for: bool = True, **facts: Any) -> sign_in.Outcome:
        told = {
            "issuer": ISSUER, "subject": "sub-anna", "email": EMAIL, "email_verified": True, "first_name": "Anna", "last_name": "Karras",
        } | facts  # fmt: skip
        found, now = ExternalIdentity(**told), datetime.now(UTC)
        welcome = Welcome(app=self.app, method="school", settings=settings, found=found, address="192.0.2.7", now=now)
        return sign_in.by_identity(
            self.db, "school", found, speaks_for=speaks_for, address="192.0.2.7", agent="Firefox", now=now,
            opens=welcome if welcome.is_wanted else None,
        )  # fmt: skip

    def accounts(self) -> list[Account]:
        with self.db.read() as session:
            return list(session.scalars(select(Account).order_by(Account.id)))

    def count(self, table: Any) -> int:
        with self.db.read() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def roles_of(self, account: Account) -> list[str]:
        with self.db.read() as session:
            rows = select(Role.name).join(RolePeriod, RolePeriod.role_id == Role.id).where(RolePeriod.account_id == account.id)
            return list(session.scalars(rows))


@pytest.fixture
def door(office: Any) -> Door:
    return Door(office)


def test_nobody_gets_an_account_unless_the_institution_wants_it(door: Door) -> None:
    door.make(make_person, "Anna", email=EMAIL)

    for settings in ({}, OFF):
        assert door.come(settings).result == "unlinked"

    assert door.accounts() == []


def test_somebody_of_the_lists_gets_the_account_of_their_type_with_the_role_that_was_chosen(door: Door) -> None:
    person = door.make(make_person, "Anna", list="teachers", email=EMAIL.upper(), last_name="Κάρρα")
    role = door.role("Class teacher", "teacher", "accounts:view")

    outcome = door.come({**LISTED, "new_account_roles": [role]}, first_name="Another", last_name="Name")

    (account,) = door.accounts()
    assert outcome == sign_in.Outcome(result="ok", account_id=account.id)
    assert (account.person_id, account.type, account.first_name, account.sso_provider) == (person.id, "teacher", "Anna", "school")
    assert not account.must_change_password
    assert door.roles_of(account) == ["Class teacher"]
    with door.db.read() as session:
        assert session.scalars(select(LinkedIdentity.how)).all() == ["opened"]
        assert session.get(Listing, account.id).external
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == "account.open")).one()
        assert (entry.actor, entry.account_id) == ("sign-in:school", account.id)
        assert (entry.payload["subject"], entry.payload["new_person"], entry.payload["after"]["type"]) == ("sub-anna", False, "teacher")


def test_an_address_is_found_by_its_index(door: Door) -> None:
    wanted = newcomers.perhaps("ÄNNA@School.example", "änna@school.example")
    with door.db.read() as session:
        if not door.db.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN" if door.db.is_sqlite else "EXPLAIN"
        sql = wanted.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = " ".join(str(row) for row in session.connection().exec_driver_sql(f"{explain} {sql}"))

    assert "ix_person_email_lower" in plan


@pytest.mark.parametrize(
    ("kept", "told"), [(EMAIL.upper(), EMAIL), (EMAIL, EMAIL.upper()), ("Jürgen@school.example", "JÜRGEN@school.example"),
                       ("JÜRGEN@school.example", "JÜRGEN@school.example")],
)  # fmt: skip
def test_an_address_is_the_same_in_any_case(door: Door, kept: str, told: str) -> None:
    person = door.make(make_person, "Anna", list="teachers", email=kept)

    door.come(LISTED, email=told)

    assert [each.person_id for each in door.accounts()] == [person.id]


def test_who_gets_no_role_has_an_account_and_waits_for_the_office(door: Door) -> None:
    door.make(make_person, "Anna", list="teachers", email=EMAIL)
    door.make(make_role, "Default teacher", user_type="teacher", is_default=True)

    outcome = door.come({**LISTED, "new_account_roles": [door.role("Pupil", "student")]})

    (account,) = door.accounts()
    assert (outcome.result, door.roles_of(account)) == ("no-role", [])


def test_who_comes_is_invited_once_where_new_accounts_of_the_type_are(door: Door) -> None:
    door.make(set_plain, "core", invite_new_teacher=True)
    door.make(make_person, "Anna", list="teachers", email=EMAIL)

    for _ in range(2):
        door.come(LISTED)

    with door.db.read() as session:
        (message,) = session.scalars(select(Delivery))
        told = session.scalars(select(AuditEntry.payload).where(AuditEntry.kind == "account.open")).one()
    assert (message.kind, message.address) == ("invitation.account", EMAIL)
    assert told["after"]["invitation"] == "queued"


def test_the_code_finds_who_has_another_address_on_the_record(door: Door) -> None:
    door.make(make_person, "Ben", list="teachers")
    person = door.make(make_person, "Anna", code="T-7", list="teachers", email="anna@home.example")

    door.come(LISTED, code="t-7")

    (account,) = door.accounts()
    assert (account.person_id, account.email, account.email_verified) == (person.id, "anna@home.example", False)


def test_who_is_in_no_list_gets_a_record_and_an_account_of_the_type_of_the_settings(door: Door) -> None:
    role = door.role("Pupil", "student")

    assert door.come(LISTED).message == newcomers.UNLISTED
    outcome = door.come({**EVERYBODY, "new_account_roles": [role]}, first_name=" Zoë\u202e ", last_name="O\u2019Néill")

    assert outcome.ok
    (account,) = door.accounts()
    with door.db.read() as session:
        person = session.scalars(select(Person)).one()
        kinds = session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)).all()
    assert (person.list, person.first_name, person.last_name, person.email) == ("students", "Zoë", "O\u2019Néill", EMAIL)
    assert person.code.startswith("sso-")
    assert (account.type, account.is_owner, door.roles_of(account)) == ("student", False, ["Pupil"])
    assert kinds.index("person.create") < kinds.index("account.open") < kinds.index("identity.link")
    assert door.come(EVERYBODY).account_id == account.id, "the second time it is the same"


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_is_not_really_verified_opens_nothing(door: Door, verified: Any) -> None:
    assert door.come(EVERYBODY, email_verified=verified).result == "unlinked"
    assert door.come(EVERYBODY, speaks_for=False).result == "unlinked"
    assert (door.accounts(), door.count(Person)) == ([], 0)


def gone(**facts: Any) -> Callable[[Door], Any]:
    return lambda door: door.make(make_account, "Anna", **facts)


DOUBTS: dict[str, tuple[Callable[[Door], Any], dict[str, Any], str]] = {
    "two people have the address": (lambda d: [d.make(make_person, n, email=EMAIL) for n in ("Anna", "Ben")], {}, newcomers.DOUBTFUL),
    "code and address name two": (
        lambda d: [d.make(make_person, "Anna", email=EMAIL), d.make(make_person, "Ben", code="S9")], {"code": "S9"}, newcomers.DOUBTFUL,
    ),
    "two lists have the code": (
        lambda d: [d.make(make_person, "Anna", code="7"), d.make(make_person, "Ben", code="7", list="alumni")], {"code": "7"},
        newcomers.DOUBTFUL,
    ),
    "an account holds the address unverified": (gone(email=EMAIL, type="teacher"), {}, newcomers.TAKEN),
    "it is somebody's user name": (gone(username=EMAIL, email=None), {}, newcomers.TAKEN),
    "an account had it before": (gone(email="new@school.example", former_email=EMAIL, former_email_key=EMAIL), {}, newcomers.TAKEN),
    "the owner holds it": (gone(email=EMAIL, type="administrator", is_owner=True), {}, newcomers.TAKEN),
    "the account was deleted": (gone(email=EMAIL, deleted_at=datetime(2026, 1, 1, tzinfo=UTC)), {}, CLOSED),
    "the account was closed": (gone(email="other@school.example", active=False, code="S9"), {"code": "S9"}, CLOSED),
    "the person has an account": (gone(email="other@school.example", code="S9"), {"code": "S9"}, newcomers.KNOWN),
    "the person has left": (lambda d: d.make(make_person, "Anna", email=EMAIL, active=False), {}, newcomers.NOT_NOW),
    "the student was withdrawn": (
        lambda d: d.make(make_person, "Anna", email=EMAIL, status=d.make(make_status, "Withdrawn", type="withdrawn")), {},
        newcomers.NOT_NOW,
    ),
    "there is no last name": (lambda d: None, {"last_name": "\u202e "}, newcomers.NAMELESS),
    "the name cannot be shown": (lambda d: None, {"first_name": "An\x00na"}, newcomers.NAMELESS),
    "the name is endless": (lambda d: None, {"first_name": "a" * 5_000}, newcomers.NAMELESS),
    "the code cannot be one": (lambda d: None, {"code": "x" * 500}, newcomers.DOUBTFUL),
    "the address cannot be one": (lambda d: None, {"email": "anna,k@school.example"}, newcomers.DOUBTFUL),
}  # fmt: skip


@pytest.mark.parametrize("case", DOUBTS)
def test_in_doubt_nothing_is_opened_or_linked_and_nothing_is_left(door: Door, case: str) -> None:
    given, facts, sentence = DOUBTS[case]
    given(door)
    before = door.count(Account), door.count(Person)

    outcome = door.come(EVERYBODY, **facts)

    assert (outcome.account_id, outcome.message) == (None, sentence)
    assert (door.count(Account), door.count(Person), door.count(LinkedIdentity)) == (*before, 0)
    with door.db.read() as session:
        assert session.scalars(select(SignIn.result).order_by(SignIn.id)).all()[-1] in ("not-opened", "deleted", "disabled", "unlinked")


def test_whose_account_was_disconnected_gets_no_second_one(door: Door) -> None:
    made = door.make(make_account, "Anna", email=EMAIL, email_verified=True)
    with door.db.write() as session:
        let_go.note(session, [made.id], None, now=datetime.now(UTC))

    outcome = door.come(EVERYBODY)

    assert (outcome.account_id, outcome.message) == (None, newcomers.TAKEN)
    assert (door.count(Account), door.count(LinkedIdentity)) == (1, 0)


def test_a_closed_account_is_not_opened_a_second_time_by_another_identity(door: Door) -> None:
    outcome = door.come({**EVERYBODY, "new_account_roles": [door.role("Pupil", "student")]})
    with door.db.write() as session:
        session.execute(update(Account).values(deleted_at=datetime.now(UTC)))

    again = [door.come(EVERYBODY), door.come(EVERYBODY, subject="sub-anna-2")]

    assert outcome.ok
    assert [each.message for each in again] == [CLOSED, CLOSED]
    assert door.count(Account) == 1


def test_a_role_that_may_do_more_by_now_is_not_given(door: Door) -> None:
    door.make(make_person, "Anna", list="teachers", email=EMAIL)
    role = door.role("Class teacher", "teacher", "accounts:view")
    with door.db.write() as session:
        session.add(RolePermission(role_id=int(role), permission="act:password.reset"))

    door.come({**LISTED, "new_account_roles": [role]})

    (account,) = door.accounts()
    assert door.roles_of(account) == []


@pytest.mark.parametrize("user_type", ["administrator", "owner", ""])
def test_settings_that_name_an_administrator_cannot_be_saved(office: Any, user_type: str) -> None:
    with pytest.raises(Invalid):
        changes.set_plugin(office.app, office.actor, "oidc", values={"new_account_type": user_type})


def test_only_roles_that_change_nothing_can_be_chosen_and_one_of_a_type(door: Door) -> None:
    def save(*chosen: str, actor: Any = None) -> None:
        good = {"issuer": ISSUER, "client_id": "rolecall", "new_account_roles": list(chosen)}
        changes.set_plugin(door.app, actor or door.office.actor, "oidc", values=good, untested=True)

    looks, pupil, other = door.role("Looks", "teacher", "people:view"), door.role("Pupil", "student"), door.role("Other", "student")
    save(looks, pupil)
    bad = [door.role(f"Bad {n}", "teacher", each) for n, each in enumerate(("people:edit", "act:password.reset", "audit:view"))]
    for chosen in (*((each,) for each in bad), (door.role("Head", "administrator"),), (pupil, other)):
        with pytest.raises(Invalid):
            save(*chosen)
    clerk = door.office.actor_of(door.make(make_clerk, "integrations:edit"))
    with pytest.raises(Forbidden, match="more than you may give"):
        save(looks, actor=clerk)


def test_so_many_within_a_day_and_not_one_more(door: Door) -> None:
    few = {**EVERYBODY, "new_accounts_per_day": 2}

    outcomes = [door.come(few, subject=f"sub-{n}", email=f"p{n}@school.example") for n in range(4)]

    assert [each.message.startswith("So many people") for each in outcomes] == [False, False, True, True]
    assert door.count(Account) == 2


def test_refusals_use_nothing_of_the_day_up(door: Door) -> None:
    few = {**EVERYBODY, "new_accounts_per_day": 1}
    for _ in range(3):
        door.come(few, last_name="")

    door.come(few)

    assert door.count(Account) == 1


def test_a_plugin_may_refuse_and_then_nothing_is_left(office: Any) -> None:
    office.use("strict", validate_accounts=lambda changes: [Refusal(account_id=each.after.id, message="Not here.") for each in changes])
    door = Door(office)

    assert door.come(EVERYBODY).message == newcomers.NOT_NOW
    assert (door.count(Account), door.count(Person)) == (0, 0)


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "new"])
def test_of_eight_first_sign_ins_at_once_there_is_one_account(door: Door, listed: bool) -> None:
    if listed:
        door.make(make_person, "Anna", email=EMAIL)
    settings = {**EVERYBODY, "new_account_roles": [door.role("Pupil", "student")]}

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda n: door.come(settings, subject="sub-anna" if n % 2 else "sub-other"), range(8)))

    assert (door.count(Account), door.count(Person), door.count(LinkedIdentity)) == (1, 1, 1)
    assert sorted(each.result for each in outcomes) == ["ok"] * 4 + ["unlinked"] * 4


@pytest.mark.parametrize("user_type", [each for each in USER_TYPES if each != "administrator"])
def test_every_type_but_administrators_has_its_list(user_type: str) -> None:
    found = ExternalIdentity(issuer=ISSUER, subject="x", email=EMAIL, first_name="A", last_name="K")

    assert newcomers.record(found, user_type)["list"] != ""
