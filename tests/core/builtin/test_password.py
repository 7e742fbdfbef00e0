"""What each action on passwords changes, and that none of them is sent anywhere or seen by anybody else (R16-R18, R45, R46)."""

import pytest

from rolecall.accounts import passwords
from rolecall.accounts.passwords import sealed_place
from rolecall.errors import Invalid, Refused
from rolecall.testing.factories import make_account, set_plain
from rolecall.work.runs.secrets import fetch_secrets

TYPED = {"password": "Zebra-Kanu-8812-Quilt", "confirm": "Zebra-Kanu-8812-Quilt"}


def test_a_typed_password_takes_the_place_of_what_was_there(case):
    case.act("password.reset")

    changed = case.changed_by("password.change", **TYPED)

    assert set(changed) == {"password_hash", "sealed_password", "sealed_at", "must_change_password"}
    assert passwords.verify(changed["password_hash"], TYPED["password"])
    assert changed["sealed_password"] is None
    assert not changed["must_change_password"]


def test_a_reset_makes_a_first_password_that_must_be_changed(case):
    case.act("password.change", **TYPED)

    changed = case.changed_by("password.reset")

    assert changed["password_hash"] is None
    assert changed["must_change_password"]
    (handed,) = fetch_secrets(case.office.app, case.office.actor, 2)
    assert case.office.app.keyring.open(changed["sealed_password"], sealed_place(case.id)) == handed.secret


def test_whether_it_must_be_changed_is_the_institutions_word(case):
    case.office.make(set_plain, "core", must_change_first_password=False)

    case.act("password.reset")

    assert not case.columns()["must_change_password"]


def test_a_reset_of_many_gives_each_its_own(case):
    ids = [case.id, *(case.office.make(make_account).id for _ in range(4))]

    run_id = case.office.act("password.reset", *ids)

    handed = fetch_secrets(case.office.app, case.office.actor, run_id)
    assert sorted(each.account_id for each in handed) == sorted(ids)
    assert len({each.secret for each in handed}) == 5


@pytest.mark.parametrize("must_change", [True, False])
def test_asking_for_a_new_password_is_a_flag(case, must_change):
    case.set(must_change_password=not must_change)

    assert case.changed_by("password.at_next_logon", must_change=must_change) == {"must_change_password": must_change}


def test_asking_can_be_taken_back_and_new_passwords_cannot(case):
    case.undo(case.act("password.at_next_logon"))

    assert not case.columns()["must_change_password"]
    for run_id in (case.act("password.reset"), case.act("password.change", **TYPED)):
        with pytest.raises(Refused, match="cannot be taken back"):
            case.undo(run_id)


@pytest.mark.parametrize(
    ("action_id", "params", "left"),
    [("password.change", TYPED, 0), ("password.reset", {}, 0), ("password.at_next_logon", {}, 1)],
)
def test_a_new_password_ends_the_sessions(case, action_id, params, left):
    case.act(action_id, **params)

    assert case.sessions == left


@pytest.mark.parametrize(("action_id", "params"), [("password.change", TYPED), ("password.reset", {}), ("password.at_next_logon", {})])
def test_no_provider_hears_of_it(case, action_id, params):
    case.link()

    case.act(action_id, **params)

    assert case.links == [("moodle", "present", "77", False)]


@pytest.mark.parametrize(("action_id", "params"), [("password.change", TYPED), ("password.reset", {}), ("password.at_next_logon", {})])
@pytest.mark.parametrize(("state", "code"), [({"sso_provider": "o365"}, "sso"), ("deleted", "deleted")])
def test_it_is_refused_in_words(case, action_id, params, state, code):
    case.act("account.delete") if state == "deleted" else case.set(**state)

    refused = case.refusal(action_id, **params)

    assert refused.code == code


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"password": "short", "confirm": "short"}, "password"),
        ({"password": "AnnaSmith", "confirm": "AnnaSmith"}, "password"),
        ({"password": "Zebra-Kanu-8812", "confirm": "Zebra-Kanu-8813"}, "confirm"),
        ({"password": "Zebra-Kanu-8812"}, "confirm"),
    ],
)
def test_a_password_that_breaks_the_rules_changes_nothing(case, typed, field):
    with pytest.raises(Invalid) as wrong:
        case.act("password.change", **typed)

    assert field in wrong.value.fields
    assert case.columns()["version"] == 1


def test_the_history_tells_that_it_was_changed_and_not_into_what(case):
    run_id = case.act("password.change", **TYPED)

    (item,) = case.office.items(run_id)
    assert item["after"]["password"] in ("own", "set by an administrator")
    assert "argon2" not in str(item)
