"""Messages: in whose queue, how many, and what becomes of an application whose broker is down. The broker is one in memory."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from rolecall.config import load
from rolecall.errors import ConfigurationError
from rolecall.sdk.provider import Limits
from rolecall.testing.providers import MemoryProvider, memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work import jobs
from rolecall.work.application import Application
from rolecall.work.broker import CLOCK, RUNS, Broker
from rolecall.work.engine import engine_of, run_forever


@pytest.fixture
def provider() -> type[MemoryProvider]:
    return memory_provider(limits=Limits(concurrency=2))


@pytest.fixture
def school(database_url: str, tmp_path: Path, provider: type[MemoryProvider]) -> Iterator[School]:
    # Queues are called by the key, and everybody's are in the same memory.
    keys = {"secret_key": uuid4().hex, "encryption_keys": Fernet.generate_key().decode()}
    with Application(load({}, data=str(tmp_path), database_url=database_url, **keys), plugins={provider.id: plugin_of(provider)}) as app:
        school = School(app)
        school.enable(provider)
        yield school


@pytest.fixture
def broker(school: School) -> Iterator[Broker]:
    with_queues = Broker(school.app, "memory://")
    with_queues.start()
    yield with_queues
    assert with_queues.stop()


@pytest.fixture
def task(broker: Broker) -> Callable[..., Any]:
    """Carries a message out as a worker would."""
    return lambda name, *arguments: broker.celery.tasks[f"rolecall.{name}"].apply(arguments, throw=True)


@pytest.mark.parametrize(
    ("job", "lane"),
    [
        (("drain", "memory"), "memory"),
        (("compare", "memory"), "memory"),
        (("advance", "7"), RUNS),
        (("tick", ""), CLOCK),
        (("drain", "nobody"), CLOCK),
    ],
)
def test_each_provider_has_a_queue_and_what_is_nobodys_goes_with_the_clock(
    school: School, broker: Broker, job: tuple[str, str], lane: str
) -> None:
    school.app.nudge(*job, 0)

    assert {each: broker.waiting(each) for each in broker.lanes if broker.waiting(each)} == {lane: 1}


def test_an_action_sends_a_message_and_the_message_reaches_the_provider(
    school: School, broker: Broker, provider: type[MemoryProvider], task: Callable[..., Any]
) -> None:
    anna = school.student("Anna", linked_to=provider)

    school.act("account.deactivate", anna)

    assert broker.waiting("memory") == 1
    task("drain", "memory")
    assert provider.service.calls("suspend")
    assert school.pending(anna) == []


def test_a_look_sends_what_is_due_as_often_as_is_useful_and_not_before_what_waits_already(
    school: School, broker: Broker, task: Callable[..., Any]
) -> None:
    school.sync(*school.students(3))
    broker.celery.control.purge()

    task("look")
    task("look")

    assert {each: broker.waiting(each) for each in broker.lanes if broker.waiting(each)} == {"memory": 2}


@pytest.mark.parametrize(("name", "argument", "again"), [("drain", "memory", 1), ("compare", "memory", 0)])
def test_what_its_turn_was_too_short_for_queues_again(school: School, name: str, argument: str, again: int) -> None:
    broker = Broker(school.app, "memory://", turn=0)
    anna = school.student("Anna")
    school.sync(anna)

    broker.celery.tasks[f"rolecall.{name}"].apply((argument,), throw=True)

    assert school.pending(anna) == ["memory"]
    assert broker.waiting(argument) == again


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://guest:guest@127.0.0.1:1"])
def test_a_broker_that_is_down_bothers_nobody_and_the_row_is_there(school: School, provider: type[MemoryProvider], url: str) -> None:
    broker = Broker(school.app, url)
    broker.start()
    anna = school.student("Anna", linked_to=provider)

    school.act("account.deactivate", anna)
    school.app.nudge("drain", "memory", 0)

    assert school.pending(anna) == ["memory"]
    assert jobs.due(school.app) == [("drain", "memory")]
    assert broker.stop()


def test_nothing_may_take_for_ever_and_only_text_is_taken(broker: Broker) -> None:
    tasks = [each for name, each in broker.celery.tasks.items() if name.startswith("rolecall.")]

    assert {each.name for each in tasks} == {f"rolecall.{name}" for name in (*jobs.JOBS, "look")}
    assert all(0 < each.soft_time_limit < each.time_limit for each in tasks)
    assert broker.celery.conf.accept_content == ["json"]


def test_an_installation_has_queues_of_its_own(school: School, broker: Broker, tmp_path: Path, database_url: str) -> None:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="another", encryption_keys=Fernet.generate_key().decode())
    with Application(config) as other:
        assert Broker(other, "memory://").queue(CLOCK) != broker.queue(CLOCK)


def test_a_queue_that_does_not_exist_is_refused_with_those_that_do(broker: Broker) -> None:
    with pytest.raises(ConfigurationError, match=r"no queue called moodl.*clock, runs, .*memory"):
        broker.serve(queues=["moodl"])


def test_without_a_broker_there_are_threads_or_nobody(school: School) -> None:
    assert engine_of(school.app, work=False) is None
    with pytest.raises(ConfigurationError, match="ROLECALL_BROKER_URL"):
        run_forever(school.app, processes=2)


def test_a_missing_library_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "rolecall.work.broker")
    monkeypatch.setitem(sys.modules, "celery", None)
    config = load(
        {},
        data=str(tmp_path),
        database_url="postgresql+psycopg://nobody@127.0.0.1:1/none",
        broker_url="redis://127.0.0.1",
        secret_key="s",
        encryption_keys=Fernet.generate_key().decode(),
    )

    with Application(config) as app, pytest.raises(ConfigurationError, match=r"rolecall\[celery\]"):
        engine_of(app, work=True)
