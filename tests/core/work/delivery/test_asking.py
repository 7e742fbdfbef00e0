"""What is asked of a channel before anything is queued; one that is missing or broken stops no other work (R42)."""

import pytest

from rolecall.errors import Refused
from rolecall.testing.channels import channel_plugin, memory_channel
from rolecall.testing.fixtures import open_school
from rolecall.work.delivery import asking


def answers(school):
    with school.app.db.read() as session:
        view = school.app.plugins.view(session)
        return asking.unusable(session, view, "phone", {1: "6912345678"}), asking.price(session, view, "sms.credentials")


def test_without_a_channel_nothing_can_be_sent_to_a_phone(school):
    reasons, price = answers(school)

    assert "No channel" in reasons[1]
    assert price == ""
    anna = school.student("Anna")
    school.change(anna, person={"phone": "6912345678"})
    with pytest.raises(Refused, match="No channel"):
        school.act("sms.credentials", anna)


@pytest.mark.parametrize("breaks", [False, True])
def test_a_channel_says_what_it_knows_and_one_that_fails_judges_when_it_sends(database_url, tmp_path, breaks):
    channel = memory_channel("smoke", address="phone")
    if breaks:
        channel.unusable = classmethod(lambda cls, *_, **__: 1 / 0)
        channel.price = classmethod(lambda cls, *_: 1 / 0)
    with open_school(database_url, tmp_path, plugins={channel.id: channel_plugin(channel)}) as school:
        school.enable(channel.id)

        assert answers(school) == ({}, "")
