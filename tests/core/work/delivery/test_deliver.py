"""Who sends, and when not: as many workers as a channel takes, by the channel that serves, while it can be called."""

import pytest

from rolecall.errors import Misconfigured, Transient
from rolecall.testing.channels import channel_plugin, memory_channel
from rolecall.testing.fixtures import open_school
from rolecall.work import jobs
from rolecall.work.delivery import deliver


def test_a_message_is_sent_once_whoever_asks_how_often(post, anna):
    post.queue(anna)
    post.queue(anna)

    assert [post.send(), post.send()] == [1, 0]

    assert len(post.outbox.messages) == 1


@pytest.mark.parametrize("lines", [1, 2])
def test_as_many_workers_send_at_once_as_the_channel_takes(post, school, channel, monkeypatch, lines):
    monkeypatch.setattr(channel, "concurrency", lines)
    for number, account in enumerate(school.students(deliver.CLAIM + 1)):
        post.queue(account, address=f"p{number}@home.example")
    others: list[int] = []
    post.outbox.before["p0@home.example"] = lambda: others.append(post.send())

    post.send()

    assert others == [lines - 1], "a second worker has sent what the first did not claim, while that was sending"
    assert len(post.outbox.messages) == deliver.CLAIM + 1
    assert jobs.concurrency(post.app, ("deliver", "pigeons")) == lines


def test_a_worker_that_is_told_to_stop_gives_back_what_it_did_not_begin(post, school):
    for number, account in enumerate(school.students(3)):
        post.queue(account, address=f"p{number}@home.example")

    deliver.deliver(post.app, "pigeons", stop=lambda: len(post.outbox.messages) >= 1)

    assert post.states() == ["sent", "queued", "queued"]
    assert [each.leased_until for each in post.all()] == [None, None, None]


def test_the_first_channel_by_name_serves_its_kind_of_address(database_url, tmp_path):
    first, second, texts = memory_channel("aviary"), memory_channel("pigeons"), memory_channel("drums", address="phone")
    plugins = {each.id: channel_plugin(each) for each in (first, second, texts)}
    with open_school(database_url, tmp_path, plugins=plugins) as school:
        for each in plugins:
            school.enable(each)
        anna = school.student("Anna", email="old@home.example", email_verified=True)
        school.act("account.email", anna, email="new@home.example")

        school.work()

        assert deliver.deliver(school.app, "pigeons") == 0
        assert [len(each.outbox.messages) for each in (first, second, texts)] == [2, 0, 0]


def test_a_disabled_channel_is_asked_for_nothing(post, anna, school):
    post.queue(anna)
    school.disable("pigeons")

    school.work()

    assert jobs.due(school.app) == []
    assert post.states() == ["queued"]
    assert post.send() == 0


def test_a_refusal_of_us_stops_the_channel_until_the_settings_are_saved(post, school):
    for number, account in enumerate(school.students(3)):
        post.queue(account, address=f"p{number}@home.example")
    post.outbox.before["p0@home.example"] = Misconfigured("Wrong password.")

    post.send()
    assert post.school.provider_state("pigeons").state == "paused"
    assert post.send() == 0
    assert [each.attempts for each in post.all()] == [0, 0, 0]
    school.save("pigeons", anything="new")

    assert post.send() == 3


def test_a_server_that_is_down_is_left_alone_after_some_failures(post, school):
    def down():
        raise Transient("No connection.")

    for number, account in enumerate(school.students(12)):
        post.queue(account, address=f"p{number}@home.example")

    for _ in range(15):
        post.outbox.before.update({f"p{number}@home.example": down for number in range(12)})
        post.send()

    assert post.school.provider_state("pigeons").state == "open"
    assert sum(each.attempts for each in post.all()) == 10
    assert post.states() == ["queued"] * 12


@pytest.mark.parametrize("fault", [ValueError("oops"), SystemExit(3)])
def test_a_channel_that_fails_unexpectedly_says_nothing_secret(post, anna, fault):
    def crash():
        raise fault

    post.outbox.before["anna@home.example"] = crash
    post.queue(anna)

    post.send()

    row = post.one()
    assert (row.state, row.error_class) == ("queued", "error")
    assert "oops" not in row.error
