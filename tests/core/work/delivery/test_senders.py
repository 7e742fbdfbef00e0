"""From which address a message comes: for invitations that of whoever sent them, and never one that the institution does not list (R25)."""

import pytest

from rolecall.accounts.actors import Actor
from rolecall.work import changes
from rolecall.work.runs.selection import of_ids
from rolecall.work.runs.start import Request, start

OFFICE, SECOND = "office@school.example", "Second@school.example"


@pytest.fixture
def adam(school):
    """An administrator who invites, and whose invitations come from the second address."""
    lists(school, OFFICE, SECOND)
    adam = school.account("Adam", type="administrator", is_owner=True)
    school.act("account.sender_email", adam, email=SECOND)
    return adam


def lists(school, *addresses):
    changes.set_plugin(school.app, school.actor, "core", values={"sender_addresses": list(addresses)})


def invites(school, who, account, **params):
    actor = Actor(name=f"account:{who}", label="Adam", account_id=who, permissions=None)
    start(school.app, actor, Request(action="invitation.send", selection=of_ids([account]), params=params))
    school.work()


def test_an_invitation_comes_from_the_address_of_who_sends_it_and_everything_else_from_the_first(post, school, adam):
    anna, ben = school.student("Anna"), school.student("Ben")

    invites(school, adam, anna)
    school.act("invitation.send", ben)
    post.change_email(anna)
    school.work()

    first, *others = post.outbox.messages
    assert (post.all()[0].account_id, first.sender) == (anna, SECOND)
    assert {each.sender for each in others} == {OFFICE}
    assert len(others) >= 2


def test_an_address_that_was_taken_from_the_list_meanwhile_gives_way_to_the_first_until_it_is_back(post, school, adam):
    anna = school.student("Anna")

    for addresses in ([OFFICE], [OFFICE, SECOND.lower()], []):
        lists(school, *addresses)
        invites(school, adam, anna, again=True)

    senders = [each.sender for each in post.outbox.messages]
    assert senders[:2] == [OFFICE, SECOND.lower()], "as the list writes it now"
    assert senders[2].startswith("rolecall@")


def test_an_address_written_past_the_list_is_never_used(post, school, adam):
    school.change(adam, sender_email="boss@elsewhere.example")

    invites(school, adam, school.student("Anna"))

    assert [each.sender for each in post.outbox.messages] == [OFFICE]
