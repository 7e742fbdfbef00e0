"""Reports that come over a channel's own line: heard while some are awaited, written down before they are acknowledged (R42)."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from rolecall.errors import Transient
from rolecall.sdk.channel import Report, SendResult
from rolecall.store.engine import now
from rolecall.store.tables import Delivery, MessagePart
from rolecall.testing.channels import channel_plugin, memory_channel
from rolecall.testing.fixtures import open_school
from rolecall.work import jobs, slots
from rolecall.work.delivery import listen

PHONE = "+306912345678"


@pytest.fixture
def channel():
    """A channel whose messages have two parts; ``told`` is what it says next, ``acknowledged`` what was taken in."""
    channel = memory_channel("smoke", address="phone")
    channel.told, channel.acknowledged, channel.closed = [], [], []

    def send(self, messages):
        for message in messages:
            self.outbox.messages.append(message)
            yield SendResult(message=message, reference="a", references=("a", "b"))

    def reports(self):
        while channel.told:
            told = channel.told.pop(0)
            if isinstance(told, Exception):
                raise told
            yield told
            channel.acknowledged.append(told.reference)

    channel.send, channel.reports = send, reports
    channel.listens = classmethod(lambda _cls, _settings: True)
    channel.close = lambda _self: channel.closed.append(1 / (len(channel.closed) - 1))
    return channel


@pytest.fixture
def school(database_url, tmp_path, channel):
    with open_school(database_url, tmp_path, plugins={channel.id: channel_plugin(channel)}) as school:
        school.enable(channel.id)
        anna = school.student("Anna")
        school.change(anna, person={"phone": PHONE})
        school.act("sms.credentials", anna)
        yield school


def state(school):
    with school.app.db.read() as session:
        return session.scalars(select(Delivery.state)).one()


def a_minute_passes(school):
    with school.app.db.write() as session:
        session.execute(update(slots.Row).values(leased_until=None, owner=None))


def test_it_is_asked_once_a_minute_until_every_part_was_reported(school, channel):
    assert ("listen", "smoke") not in jobs.due(school.app), "nothing was sent yet"
    jobs.do(school.app, ("deliver", "smoke"))
    channel.told = [Report(reference="a", arrived=True), Report(reference="other", arrived=True)]

    assert ("listen", "smoke") in jobs.due(school.app)
    assert jobs.do(school.app, ("listen", "smoke"))
    assert ("listen", "smoke") not in jobs.due(school.app), "once a minute"
    a_minute_passes(school)
    assert state(school) == "sent"
    channel.told = [Report(reference="b", arrived=False, reason="Off."), Report(reference="b", arrived=True)]
    jobs.do(school.app, ("listen", "smoke"))
    a_minute_passes(school)

    assert state(school) == "delivered"
    assert channel.acknowledged == ["a", "other", "b", "b"]
    assert ("listen", "smoke") not in jobs.due(school.app)


@pytest.mark.parametrize("error", [Transient("The line broke."), ZeroDivisionError()])
def test_a_line_that_breaks_is_asked_another_time_and_what_was_heard_stays(school, channel, error):
    jobs.do(school.app, ("deliver", "smoke"))
    channel.told = [Report(reference="a", arrived=True), error, Report(reference="b", arrived=True)]

    assert listen.listen(school.app, "smoke") == 1

    assert channel.acknowledged == ["a"]
    a_minute_passes(school)
    assert listen.listen(school.app, "smoke") == 1
    assert state(school) == "delivered"


def test_nobody_listens_while_messages_are_sent_nor_for_ever(school, channel):
    jobs.do(school.app, ("deliver", "smoke"))
    with school.app.db.write() as session:
        slots.take(session, "deliver:smoke", length=timedelta(minutes=1))
    assert listen.listen(school.app, "smoke") == 0

    a_minute_passes(school)
    with school.app.db.write() as session:
        session.execute(update(MessagePart).values(at=now(session) - listen.PATIENCE))
    assert ("listen", "smoke") not in jobs.due(school.app)
    assert listen.listen(school.app, "pigeons") == 0


def test_a_channel_is_closed_when_the_settings_change_whatever_it_raises(school, channel):
    jobs.do(school.app, ("deliver", "smoke"))

    school.app.channels.close()
    with school.app.db.read() as session:
        school.app.channels.get(session, school.app.plugins.view(session), "smoke")
    school.app.channels.close()

    assert channel.closed == [-1.0]
