"""The standard requirements: which accounts they hold for, and their sentences."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.accounts import requirements
from rolecall.sdk.requirement import Requirement
from rolecall.store.tables import Account, Link
from rolecall.testing.factories import give_role, make_account, make_period, make_person, make_role

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALL = [each for each in vars(requirements).values() if isinstance(each, Requirement)]


@pytest.fixture
def school(db):
    with db.write() as session:
        make_account(session, username="plain")
        make_account(session, username="deleted", deleted_at=NOON)
        make_account(session, username="closed", active=False)
        make_account(session, username="sso", sso_provider="o365")
        make_account(session, username="owner", type="administrator", is_owner=True)
        make_account(session, username="verified", email_verified=True)
        make_account(session, username="mute", email=None, person=make_person(session, email=None))
        make_account(session, username="kept", no_sync=True)
        disabled, linked, released = (make_account(session, username=name) for name in ("disabled", "linked", "released"))
        give_role(session, disabled, make_role(session), make_period(session), enabled=False)
        session.add(Link(account_id=linked.id, provider="moodle", goal="present", external_id="1", changed_at=NOON))
        session.add(Link(account_id=released.id, provider="moodle", goal="released", external_id="2", changed_at=NOON))


@pytest.mark.parametrize(
    ("requirement", "unmet"),
    [
        (requirements.NOT_DELETED, "deleted"),
        (requirements.ACTIVE, "closed"),
        (requirements.LOCAL_PASSWORD, "sso"),
        (requirements.NOT_OWNER, "owner"),
        (requirements.NOT_VERIFIED, "verified"),
        (requirements.HAS_EMAIL, "mute"),
        (requirements.HAS_PERSONAL_EMAIL, "mute"),
        (requirements.PERSON_SYNCS, "kept"),
        (requirements.TYPE("student"), "owner"),
    ],
)
def test_a_requirement_leaves_out_exactly_those_it_speaks_of(db, school, requirement, unmet):
    with db.read() as session:
        assert session.scalars(select(Account.username).where(~requirement.clause())).all() == [unmet]


@pytest.mark.parametrize(
    ("requirement", "met"),
    [
        (requirements.DELETED, ["deleted"]),
        (requirements.INACTIVE_OR_DISABLED_PERIODS, ["closed", "disabled"]),
        (requirements.LINKED(), ["linked"]),
        (requirements.LINKED("moodle"), ["linked"]),
        (requirements.LINKED("canvas"), []),
        (requirements.TYPE("administrator", "teacher"), ["owner"]),
    ],
)
def test_a_requirement_holds_for_exactly_those_it_speaks_of(db, school, requirement, met):
    with db.read() as session:
        assert session.scalars(select(Account.username).where(requirement.clause()).order_by(Account.username)).all() == met


@pytest.mark.parametrize("requirement", [*ALL, requirements.TYPE("student"), requirements.LINKED(), requirements.LINKED("moodle")])
def test_every_requirement_has_a_sentence_and_a_word(requirement):
    assert requirement.message[0].isupper()
    assert requirement.message.endswith(".")
    assert requirement.code.replace("-", "").isalpha()


def test_codes_tell_requirements_apart():
    assert len({each.code for each in ALL}) == len(ALL)


@pytest.mark.parametrize("types", [(), ("pupil",)])
def test_a_type_that_does_not_exist_is_a_mistake_of_the_plugin(types):
    with pytest.raises(ValueError):
        requirements.TYPE(*types)
