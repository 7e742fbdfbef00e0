"""What each action on passwords changes, and that none of them is sent anywhere or seen by anybody else (R16-R18, R44-R46, R48)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from rolecall.accounts import passwords
from rolecall.accounts.first_password import GUESSES
from rolecall.accounts.passwords import sealed_place
from rolecall.builtin.password import ChosenPassword
from rolecall.errors import Invalid, Refused
from rolecall.sdk.fields import describe
from rolecall.store.tables import Person
from rolecall.testing.factories import make_account, set_plain
from rolecall.work.runs.forms import Form
from rolecall.work.runs.secrets import fetch_secrets

PHONE, DIGITS = "+30 691 234-5678", "306912345678"
TYPED = {"password": "Zebra-Kanu-8812-Quilt", "confirm": "Zebra-Kanu-8812-Quilt"}


def test_a_typed_password_takes_the_place_of_what_was_there(case):
    case.act("password.reset")

    changed = case.changed_by("password.change", **TYPED)

    assert set(changed) == {"password_hash", "password_changed_at", "sealed_password", "sealed_at", "must_change_password"}
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


def _phones(case, is_allowed=True, phone=PHONE):
    case.office.make(set_plain, "core", phone_first_password=is_allowed)
    with case.office.app.db.write() as session:
        session.execute(update(Person).values(phone=phone))


def _first_password(case):
    sealed = case.columns()["sealed_password"]
    return sealed and case.office.app.keyring.open(sealed, sealed_place(case.id))


def test_who_never_signed_in_gets_the_phone_as_password(case):
    _phones(case)
    case.act("password.reset")
    version = case.columns()["version"]

    run_id = case.act("password.first_is_phone")

    assert _first_password(case) == DIGITS
    account = case.columns()
    assert (account["password_hash"], account["first_is_phone"], account["must_change_password"]) == (None, True, True)
    assert account["version"] == version + 1
    (item,) = case.office.items(run_id)
    assert item["after"]["first_password"] == "the phone number, which signs in"
    assert DIGITS not in str(item)


def test_for_who_uses_the_account_only_the_way_back_changes(case):
    _phones(case)
    case.act("password.change", **TYPED)
    case.set(last_login_at=datetime.now(UTC))

    changed = case.changed_by("password.first_is_phone")

    assert set(changed) == {"sealed_password", "first_is_phone"}
    assert _first_password(case) == DIGITS


def test_a_session_goes_on_when_only_the_way_back_changes(case):
    _phones(case)
    case.set(password_hash="$argon2id$own", last_login_at=datetime.now(UTC))

    case.act("password.first_is_phone")

    assert case.sessions == 1


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"allowed": False}, "disabled"),
        ({"type": "administrator"}, "administrator"),
        ({"is_owner": True}, "administrator"),
        ({"phone": "+30 69"}, "no-phone"),
        ({"phone": None}, "no-phone"),
        ({"sso_provider": "o365"}, "sso"),
    ],
)
@pytest.mark.parametrize(("action_id", "params"), [("password.first_is_phone", {}), ("password.change", {"from_phone": "yes"})])
def test_a_phone_as_password_is_refused_in_words(case, action_id, params, facts, code):
    facts = dict(facts)
    _phones(case, facts.pop("allowed", True), facts.pop("phone", PHONE))
    if facts:
        case.set(**facts)

    refused = case.refusal(action_id, **params)

    assert refused.code == code


def test_a_password_from_a_reset_that_waits_is_not_replaced_by_the_phone(case):
    _phones(case)
    case.set(last_login_at=datetime.now(UTC))
    case.act("password.reset")

    assert case.refusal("password.first_is_phone").code == "waits"


def test_of_many_those_without_a_phone_are_skipped(case):
    case.office.make(set_plain, "core", phone_first_password=True)
    with_phone = case.office.make(make_account, phone=PHONE).id
    without = case.office.make(make_account).id

    run_id = case.office.act("password.first_is_phone", with_phone, without)

    outcomes = {item["account"]["id"]: (item["outcome"], item["code"]) for item in case.office.items(run_id)}
    assert outcomes == {with_phone: ("done", None), without: ("skipped", "no-phone")}


def test_the_phone_can_be_set_as_password_of_an_account_in_use(case):
    _phones(case)
    case.act("password.change", **TYPED)
    case.set(last_login_at=datetime.now(UTC))

    run_id = case.act("password.change", from_phone="yes")

    account = case.columns()
    assert _first_password(case) == DIGITS
    assert (account["password_hash"], account["first_is_phone"], account["must_change_password"]) == (None, True, True)
    assert account["phone_guesses_left"] == GUESSES
    assert case.sessions == 0
    (item,) = case.office.items(run_id)
    assert item["after"]["password"] == "the phone number"
    assert DIGITS not in str(item)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "password"),
        ({"from_phone": "no"}, "password"),
        ({"password": "", "confirm": ""}, "password"),
        ({"from_phone": "yes", **TYPED}, "from_phone"),
    ],
)
def test_a_password_or_the_phone_and_not_both(case, params, field):
    _phones(case)

    with pytest.raises(Invalid) as wrong:
        case.act("password.change", **params)

    assert field in wrong.value.fields
    assert case.columns()["version"] == 1


@pytest.mark.parametrize(
    ("is_allowed", "kind", "phone"),
    [(True, "student", PHONE), (False, "student", PHONE), (True, "administrator", PHONE), (True, "student", None)],
)
def test_the_phone_is_offered_only_where_it_may_be_had(case, is_allowed, kind, phone):
    _phones(case, is_allowed, phone)
    case.set(type=kind)

    with case.office.app.db.read() as session:
        context = Form(session=session, view=case.office.app.plugins.view(session), account_ids=[case.id])
        offered = [each.name for each in describe(ChosenPassword, context)]

    expected = is_allowed and kind == "student" and phone is not None
    assert offered == ["password", "confirm", *["from_phone"] * expected]


def test_a_phone_that_signs_in_must_be_changed_whatever_is_asked(case):
    _phones(case)
    case.act("password.change", from_phone="yes")

    refused = case.refusal("password.at_next_logon", must_change=False)

    assert refused.code == "phone-password"
    assert case.columns()["must_change_password"]


def test_disconnecting_goes_back_to_the_kept_phone(case):
    _phones(case)
    case.set(password_hash="$argon2id$own", last_login_at=datetime.now(UTC))
    case.act("password.first_is_phone")
    case.link()

    case.act("external.disconnect", reset_passwords=True)

    account = case.columns()
    assert (_first_password(case), account["password_hash"], account["phone_guesses_left"]) == (DIGITS, None, GUESSES)
    assert account["must_change_password"]
