"""The engine finds what is due, is woken by nudges, and stops when it is told to."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rolecall.config import load
from rolecall.errors import Transient
from rolecall.sdk.provider import Limits
from rolecall.testing.providers import MemoryProvider, memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work import engine, jobs
from rolecall.work.application import Application
from rolecall.work.threads import Threads

#: Far longer than anything here takes; whoever waits so long has waited in vain.
PATIENCE = 20


@pytest.fixture
def provider() -> type[MemoryProvider]:
    return memory_provider(limits=Limits(concurrency=2))


@pytest.fixture
def school(database_url: str, tmp_path: Path, provider: type[MemoryProvider]) -> Iterator[School]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s", encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={provider.id: plugin_of(provider)}) as app:
        school = School(app)
        school.enable(provider)
        yield school


@pytest.fixture
def running(school: School) -> Iterator[Threads]:
    worker = Threads(school.app)
    worker.start()
    yield worker
    assert worker.stop()


def happens(provider: type[MemoryProvider], verb: str = "create", times: int = 1) -> Callable[[], bool]:
    """Returns a function that waits until a verb was called so often."""
    done, seen = threading.Event(), []

    def note() -> None:
        seen.append(1)
        if len(seen) >= times:
            done.set()

    provider.service.fail(verb, note, after=True, times=None)
    return lambda: done.wait(PATIENCE)


def test_what_is_due_is_found_without_a_nudge(school: School, provider: type[MemoryProvider], running: Threads) -> None:
    created = happens(provider)
    anna = school.student("Anna")

    school.sync(anna)

    assert created()


def test_an_action_reaches_the_provider(school: School, provider: type[MemoryProvider], running: Threads) -> None:
    anna = school.student("Anna", linked_to=provider)
    suspended = happens(provider, "suspend")

    school.act("account.deactivate", anna)

    assert suspended()


def test_a_nudge_may_be_doubled_wrong_or_late(school: School, provider: type[MemoryProvider], running: Threads) -> None:
    created = happens(provider)
    anna = school.student("Anna")
    for name, argument, after in (
        ("drain", "memory", 0),
        ("drain", "memory", 0),
        ("drain", "nobody", 0),
        ("advance", "999", 0.01),
        ("explode", "", 0),
    ):
        running.nudge(name, argument, after)

    school.sync(anna)

    assert created()
    assert provider.service.made[school.key(anna)] == 1


def test_a_stop_waits_for_the_call_under_way_and_claims_nothing_more(school: School, provider: type[MemoryProvider]) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        go_on.wait(PATIENCE)

    provider.service.fail("create", wait, times=1)
    ids = school.students(10)
    school.sync(*ids)
    worker = Threads(school.app)
    worker.start()
    assert entered.wait(PATIENCE)

    threading.Timer(0.2, go_on.set).start()
    ended = worker.stop()

    assert ended
    assert 1 <= len(provider.service.calls("create")) <= 2
    assert all(school.link(each, provider).leased_until is None for each in ids)


def test_a_stop_does_not_wait_for_ever_for_a_plugin_that_hangs(school: School, provider: type[MemoryProvider]) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        go_on.wait(PATIENCE)

    provider.service.fail("create", hang)
    school.sync(*school.students(1))
    worker = Threads(school.app)
    worker.start()
    assert entered.wait(PATIENCE)

    assert not worker.stop(grace=0.1)
    go_on.set()
    assert worker.stop()


def test_a_plugin_that_raises_everywhere_does_not_end_the_engine(school: School, provider: type[MemoryProvider], running: Threads) -> None:
    bad = school.student("Bad")
    provider.service.unmappable.add(school.snapshot(bad).username)
    provider.service.fail("*", SystemError("a bug"), who=school.snapshot(bad).username, times=None)
    school.sync(bad)
    created = happens(provider)

    school.sync(school.student("Good"))

    assert created()


def test_once_works_until_nothing_is_due(school: School, provider: type[MemoryProvider]) -> None:
    ids = school.students(70)
    school.sync(*ids)
    provider.service.fail("create", Transient("busy"), who=school.snapshot(ids[0]).username, times=None)

    jobs.run_once(school.app)

    assert [each for each in ids if school.pending(each)] == [ids[0]]
    assert school.sync_state(ids[0], provider) == "retrying"


def test_once_advances_runs_and_then_what_they_made_due(school: School, provider: type[MemoryProvider]) -> None:
    school.save(provider, suspensions_percent=100, suspensions_number=100)
    ids = school.students(60)
    school.sync(*ids)
    school.work()
    run = school.act("account.deactivate", *ids)

    jobs.run_once(school.app)

    assert run.state == "done"
    assert all(remote.suspended for remote in provider.service.accounts.values())


def test_a_signal_ends_the_worker(school: School, provider: type[MemoryProvider]) -> None:
    created = happens(provider)
    school.sync(school.student("Anna"))

    def ask() -> None:
        assert created()
        os.kill(os.getpid(), signal.SIGTERM)

    asker = threading.Thread(target=ask)
    asker.start()

    assert engine.run_forever(school.app)
    asker.join()
