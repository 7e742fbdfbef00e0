"""Choosing from which of the institution's addresses an account sends invitations (R25)."""

import pytest
from sqlalchemy import select

from rolecall.builtin.sender import SenderEmail
from rolecall.errors import Invalid
from rolecall.sdk.fields import describe
from rolecall.store.tables import RunItem
from rolecall.testing.factories import set_plain
from rolecall.work.runs.forms import Form

OFFICE, SECOND = "office@school.example", "second@school.example"


@pytest.fixture
def listed(case):
    """An institution with two addresses."""
    with case.office.app.db.write() as session:
        set_plain(session, "core", sender_addresses=[OFFICE, SECOND])
    return case


def field(case):
    with case.office.app.db.read() as session:
        form = Form(session=session, view=case.office.app.plugins.view(session), account_ids=(case.id,))
        (found,) = describe(SenderEmail, form)
        return found


def test_one_of_the_institutions_is_chosen_whatever_its_case_and_nothing_else_changes(listed):
    before = listed.links

    assert listed.changed_by("account.sender_email", email="SECOND@school.example") == {"sender_email": SECOND}
    assert listed.links == before, "no provider is told"
    assert field(listed).default == SECOND


@pytest.mark.parametrize("email", ["boss@elsewhere.example", "", "second@school.example, boss@elsewhere.example"])
def test_no_other_address_is_taken(listed, email):
    with pytest.raises(Invalid) as refused:
        listed.act("account.sender_email", email=email)

    assert listed.columns()["sender_email"] is None
    assert SECOND in str(refused.value.fields)


def test_the_choice_goes_back_to_the_institutions_first(listed):
    listed.act("account.sender_email", email=SECOND)

    assert listed.changed_by("account.sender_email", email="-") == {"sender_email": None}
    assert field(listed).options[0] == ("-", f"The institution's first ({OFFICE})")


def test_it_is_in_the_history_and_can_be_undone(listed):
    run = listed.act("account.sender_email", email=SECOND)

    with listed.office.app.db.read() as session:
        item = session.scalars(select(RunItem).order_by(RunItem.run_id.desc())).first()
    listed.undo(getattr(run, "id", run))

    assert (item.before, item.after) == ({"sender_email": None}, {"sender_email": SECOND})
    assert listed.columns()["sender_email"] is None


def test_without_any_address_there_is_nothing_to_choose(case):
    assert [value for value, _ in field(case).options] == ["-"]
    with pytest.raises(Invalid):
        case.act("account.sender_email", email=OFFICE)


def test_an_address_that_is_listed_no_more_is_not_offered_as_the_present_one(listed):
    listed.act("account.sender_email", email=SECOND)
    with listed.office.app.db.write() as session:
        set_plain(session, "core", sender_addresses=[OFFICE])

    assert field(listed).default == "-"
