"""What each action on the account changes, what it leaves alone, and what stands against it (R20, R21, R29-R31, R49)."""

import pytest
from sqlalchemy import select

from rolecall.errors import Invalid, Refused
from rolecall.store.tables import Person, UsernameClaim
from rolecall.testing.factories import make_account, make_period, make_role
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import CsvSource
from rolecall.work.imports.stage import Options, stage

PENDING = ("moodle", "present", None, True)


@pytest.mark.parametrize(
    ("action_id", "state", "params", "changed"),
    [
        ("account.activate", {"active": False}, {}, {"active": True}),
        ("account.deactivate", {}, {}, {"active": False}),
        ("account.username", {}, {"username": "Anna.S"}, {"username": "Anna.S", "username_key": "anna.s"}),
        (
            "account.profile_name",
            {},
            {"first_name": " Annie ", "last_name": "S."},
            {"first_name": "Annie", "last_name": "S.", "name_by_hand": True},
        ),
        ("account.verify_email", {}, {"reason": "known"}, {"email_verified": True, "email_verified_by": "admin"}),
        (
            "account.unverify_email",
            {"email_verified": True, "email_verified_by": "user"},
            {},
            {"email_verified": False, "email_verified_by": None},
        ),
        ("account.restore", {"deleted": True}, {}, {"deleted_at": None}),
        ("account.protect", {}, {}, {"protected": True}),
        ("account.unprotect", {"protected": True}, {}, {"protected": False}),
    ],
)
def test_it_changes_this_and_nothing_else(case, action_id, state, params, changed):
    if state.pop("deleted", False):
        case.act("account.delete")
    case.set(**state) if state else None
    roles = case.roles

    assert case.changed_by(action_id, **params) == changed
    assert case.roles == roles


def test_deleting_marks_the_account_and_keeps_all_it_has(case):
    roles, before = case.roles, case.columns()

    changed = case.changed_by("account.delete")

    assert set(changed) == {"deleted_at"}
    assert case.roles == roles
    with case.office.app.db.read() as session:
        assert session.scalar(select(UsernameClaim.account_id).where(UsernameClaim.key == before["username_key"])) == case.id


@pytest.mark.parametrize(
    ("action_id", "state", "params", "code", "sentence"),
    [
        ("account.activate", {}, {}, "already-active", "is active already"),
        ("account.deactivate", {"active": False}, {}, "not-active", "is not active"),
        ("account.deactivate", {"is_owner": True}, {}, "owner", "Global Owner cannot be closed"),
        ("account.delete", {"is_owner": True}, {}, "owner", "Global Owner cannot be closed"),
        ("account.restore", {}, {}, "not-deleted", "is not deleted"),
        ("account.protect", {"protected": True}, {}, "already-protected", "is protected already"),
        ("account.unprotect", {}, {}, "not-protected", "is not protected"),
        ("account.verify_email", {"email": None}, {"reason": ""}, "no-email", "no e-mail address"),
        ("account.verify_email", {"email_verified": True}, {"reason": ""}, "already-verified", "verified already"),
        ("account.unverify_email", {"email_verified": False}, {}, "not-verified", "No e-mail of this account is verified"),
        ("account.username", {}, {"username": "taken.name"}, "refused", "is taken"),
    ],
)
def test_it_is_refused_in_words(case, action_id, state, params, code, sentence):
    case.office.make(make_account, "Ben", username="taken.name")
    case.set(**state) if state else None

    refused = case.refusal(action_id, **params)

    assert sentence in str(refused)
    assert refused.code == code


@pytest.mark.parametrize(
    "action_id",
    ["account.activate", "account.deactivate", "account.username", "account.profile_name", "account.verify_email", "account.delete"],
)
def test_a_deleted_account_is_left_alone(case, action_id):
    case.act("account.delete")
    params = {"account.username": {"username": "x.y"}, "account.profile_name": {"first_name": "X", "last_name": "Y"}}

    assert case.refusal(action_id, **params.get(action_id, {})).code == "deleted"


@pytest.mark.parametrize("action_id", ["account.deactivate", "account.delete"])
def test_nobody_closes_the_account_they_work_with(case, action_id):
    oneself = case.acting(f"act:{action_id}")

    with pytest.raises(Refused, match="the account you are working with"):
        case.office.act(action_id, case.id, actor=oneself, agreed=True)


@pytest.mark.parametrize(
    ("action_id", "left"), [("account.deactivate", 0), ("account.delete", 0), ("account.username", 1), ("account.profile_name", 1)]
)
def test_closing_ends_the_sessions_and_renaming_does_not(case, action_id, left):
    params = {"account.username": {"username": "x.y"}, "account.profile_name": {"first_name": "X", "last_name": "Y"}}

    case.act(action_id, **params.get(action_id, {}))

    assert case.sessions == left


@pytest.mark.parametrize(
    ("action_id", "params", "goal"),
    [
        ("account.deactivate", {}, "suspended"),
        ("account.delete", {}, "suspended"),
        ("account.username", {"username": "x.y"}, "present"),
        ("account.profile_name", {"first_name": "X", "last_name": "Y"}, "present"),
        ("account.verify_email", {"reason": ""}, "present"),
    ],
)
def test_the_provider_falls_behind(case, action_id, params, goal):
    case.link()

    case.act(action_id, **params)

    assert case.links == [("moodle", goal, "77", True)]


@pytest.mark.parametrize(
    ("action_id", "params"),
    [
        ("account.activate", {}),
        ("account.deactivate", {}),
        ("account.username", {"username": "x.y"}),
        ("account.profile_name", {"first_name": "X", "last_name": "Y"}),
        ("account.verify_email", {"reason": ""}),
        ("account.delete", {}),
        ("account.restore", {}),
    ],
)
def test_undo_puts_everything_back(case, action_id, params):
    if action_id == "account.activate":
        case.act("account.deactivate")
        case.act("roles.disable_period", periods=["2025"])
    if action_id == "account.restore":
        case.act("account.delete")
    before, roles = case.columns(), case.roles

    case.undo(case.act(action_id, **params))

    after = case.columns()
    # Taken back, a deletion is one of now; nothing else tells the time.
    differing = {name for name in after if after[name] != before[name]} - {"version"}
    assert differing <= ({"deleted_at"} if action_id == "account.restore" else set())
    assert (after["deleted_at"] is None) == (before["deleted_at"] is None)
    assert case.roles == roles


def test_activating_gives_the_remembered_roles_of_the_chosen_periods_back(case):
    case.act("roles.disable_period", periods=["2025", "2026"])

    case.act("account.activate", periods=["2026"])

    assert sorted(enabled for _, enabled in case.roles.values()) == [False, True]
    case.act("account.activate")
    assert {enabled for _, enabled in case.roles.values()} == {True}


def test_an_old_user_name_stays_its_owners_and_nobody_elses(case):
    old = case.columns()["username"]
    case.act("account.username", username="new.name")
    ben = case.office.make(make_account, "Ben")

    with pytest.raises(Refused, match="is taken"):
        case.office.act("account.username", ben, username=old.upper())

    case.act("account.username", username=old)
    assert case.columns()["username"] == old


@pytest.mark.parametrize("username", ["anna smith", "anna\u200bs", "аnna", "<script>", "x" * 101])
def test_a_user_name_that_cannot_be_one_is_refused(case, username):
    with pytest.raises(Refused):
        case.act("account.username", username=username)
    assert case.columns()["version"] == 1


def test_an_empty_profile_name_is_invalid(case):
    with pytest.raises(Invalid, match="first_name"):
        case.act("account.profile_name", first_name="", last_name="X")


def test_the_profile_name_is_neither_the_persons_nor_undone_by_an_import(case, tmp_path):
    case.act("account.profile_name", first_name="Annie", last_name="S.")
    with case.office.app.db.read() as session:
        person = session.scalar(select(Person))
    path = tmp_path / "people.csv"
    path.write_text(f"list,code,first_name,last_name\nstudents,{person.code},Anna,Jones\n")

    run_id = stage(case.office.app, case.office.actor, CsvSource(path=path, label="people.csv"), Options())
    confirm(case.office.app, case.office.actor, run_id)

    assert (person.first_name, person.last_name) == ("Anna", "Smith")
    assert (case.columns()["first_name"], case.columns()["last_name"]) == ("Annie", "S.")
    assert case.links == [PENDING]


def test_roles_of_a_closed_account_can_be_prepared(case):
    case.office.make(make_period, "2027", current=False)
    case.office.make(make_role, "Next")
    case.act("account.deactivate")

    case.act("roles.assign", period="2027", role="Next")

    assert len(case.roles) == 3
