"""Linking, syncing and letting go; what was let go stays so until it is converted (R23, R24, R38, R39)."""

import pytest
from sqlalchemy import update

from rolecall.accounts import let_go
from rolecall.accounts.passwords import sealed_place
from rolecall.errors import Invalid
from rolecall.store.tables import Person
from rolecall.testing.factories import set_plain
from rolecall.work.runs.secrets import count_secrets, fetch_secrets

RELEASED = ("moodle", "released", None, False)


@pytest.fixture
def school(case):
    """The case, with the fake provider's plugin enabled for real, so that it is offered."""
    case.office.enable("moodle")
    return case


def test_converting_links_the_account_whatever_the_scope_says(school):
    school.office.make(set_plain, "moodle", user_types=["teacher"])

    assert school.changed_by("external.convert", provider="moodle") == {}

    assert school.links == [("moodle", "present", None, True)]


def test_converting_what_is_linked_brings_it_up_to_date(school):
    school.link()

    school.act("external.convert", provider="moodle")

    assert school.links == [("moodle", "present", "77", True)]


def test_syncing_puts_every_provider_behind_within_its_scope(school):
    school.act("external.sync")
    assert school.links == [("moodle", "present", None, True)]


def test_syncing_makes_no_link_outside_the_scope(school):
    school.office.make(set_plain, "moodle", user_types=["teacher"])

    school.act("external.sync")

    assert school.links == []


def test_letting_go_calls_nobody_and_forgets_the_remote_account(school):
    school.link()

    assert school.changed_by("external.disconnect") == {}

    assert school.links == [RELEASED]
    with school.office.app.db.read() as session:
        assert [each.method for each in let_go.of_account(session, school.id)] == [let_go.EVERY]
    (item,) = school.office.items(1)
    assert (item["before"], item["after"]) == ({"link:moodle": "linked"}, {"link:moodle": "released"})


@pytest.mark.parametrize(
    ("action_id", "params"),
    [
        ("account.profile_name", {"first_name": "X", "last_name": "Y"}),
        ("account.deactivate", {}),
        ("account.username", {"username": "x.y"}),
        ("roles.disable_period", {"periods": ["2026"]}),
        ("external.sync", {}),
        ("account.delete", {}),
    ],
)
def test_what_was_let_go_is_not_linked_again_by_later_edits_and_syncs(school, action_id, params):
    school.link()
    school.act("external.disconnect")

    school.act(action_id, **params)

    assert school.links == [RELEASED]


def test_converting_links_it_again_without_the_old_remote_account(school):
    school.link()
    school.act("external.disconnect")

    school.act("external.convert", provider="moodle")

    assert school.links == [("moodle", "present", None, True)]
    with school.office.app.db.read() as session:
        assert let_go.of_account(session, school.id) == []


def test_letting_go_of_another_provider_is_refused_in_words(school):
    school.link()

    with pytest.raises(Invalid, match="providers"):
        school.act("external.disconnect", providers=["google"])
    assert school.links == [("moodle", "present", "77", False)]


@pytest.mark.parametrize("action_id", ["external.convert", "external.sync", "external.disconnect"])
@pytest.mark.parametrize("state", ["deleted", "kept out"])
def test_it_is_refused_in_words(school, action_id, state):
    school.link()
    if state == "deleted":
        school.act("account.delete")
    else:
        with school.office.app.db.write() as session:
            session.execute(update(Person).values(no_sync=True))
    links = school.links
    params = {"provider": "moodle"} if action_id == "external.convert" else {}

    if (action_id, state) == ("external.disconnect", "kept out"):
        # Letting go calls nobody, so it is no sync.
        school.act(action_id, **params)
        assert school.links == [RELEASED]
        return
    assert school.refusal(action_id, **params).code == {"deleted": "deleted", "kept out": "kept-out-of-sync"}[state]
    assert school.links == links


def test_an_account_that_is_linked_nowhere_cannot_be_let_go(school):
    assert school.refusal("external.disconnect").code == "not-linked"


def test_an_account_signed_in_elsewhere_becomes_a_local_one(school):
    school.set(sso_provider="o365")

    assert school.changed_by("external.disconnect") == {"sso_provider": None}


def test_going_back_to_first_passwords_keeps_the_one_that_is_there_and_makes_the_one_that_is_gone(school):
    school.link()
    school.act("password.reset")
    kept = school.columns()["sealed_password"]
    run_id = school.act("external.disconnect", reset_passwords=True)

    assert school.columns()["sealed_password"] == kept
    with school.office.app.db.read() as session:
        assert count_secrets(session, run_id) == 0
    assert school.sessions == 0


def test_a_first_password_that_is_gone_is_made_anew_and_handed_out(school):
    school.set(sso_provider="o365", password_hash=None)

    run_id = school.act("external.disconnect", reset_passwords=True)

    (handed,) = fetch_secrets(school.office.app, school.office.actor, run_id)
    columns = school.columns()
    assert school.office.app.keyring.open(columns["sealed_password"], sealed_place(school.id)) == handed.secret
    assert (columns["sso_provider"], columns["must_change_password"]) == (None, True)


def test_without_asking_for_it_passwords_and_sessions_stay(school):
    school.link()

    school.act("external.disconnect")

    assert school.sessions == 1
