"""Workers of every kind, and above all behind RabbitMQ and Redis: the rows are the truth there too, whatever becomes of messages and
processes (I1 to I6)."""

import signal
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from outside.nursery import Child, Nursery
from outside.office import MOODLE, Office
from outside.waiting import eventually
from sqlalchemy import select

from rolecall.store.tables import Link, Run, Slot
from rolecall.work import heartbeat
from rolecall.work.broker import Broker
from rolecall.work.heartbeat import Work

pytestmark = [pytest.mark.kill, pytest.mark.timeout(200)]

BROKERS = {"rabbitmq": "amqp://guest:guest@127.0.0.1:5672", "redis": "redis://127.0.0.1:6379/9"}
CREATE, UPDATE = "core_user_create_users", "core_user_update_users"
OpenOffice = Callable[..., Office]


@pytest.fixture
def behind(open_office: OpenOffice, nursery: Nursery, requires_service: Callable[[str], None]) -> Iterator[OpenOffice]:
    """Opens a school whose workers are woken by a broker. Its queues are called by its key, so no other test's are meant."""
    opened: list[Office] = []

    def open_one(service: str, **more: int) -> Office:
        requires_service("postgresql")
        requires_service(service)
        opened.append(open_office(ROLECALL_BROKER_URL=BROKERS[service], ROLECALL_SECRET_KEY=uuid4().hex * 2, **more))
        return opened[-1]

    yield open_one
    nursery.kill_all()
    for office in opened:
        broker = _broker(office)
        with broker.celery.connection_for_write() as connection, connection.channel() as channel:
            for lane in broker.lanes:
                channel.queue_delete(broker.queue(lane))
            channel.exchange_delete(broker.celery.conf.task_default_exchange)


@pytest.fixture(params=["threads", "several", *BROKERS])
def any_office(
    request: pytest.FixtureRequest, behind: OpenOffice, open_office: OpenOffice, requires_service: Callable[[str], None]
) -> Office:
    """A school with each kind of engine; with ``several``, two more workers are at work beside whoever the test starts."""
    if request.param in BROKERS:
        return behind(request.param)
    if request.param == "threads":
        return open_office()
    requires_service("postgresql")
    office = open_office()
    for name in ("second", "third"):
        office.worker(name)
    eventually("two are at work", lambda: _work(office).workers == 2)
    return office


@pytest.fixture(params=BROKERS)
def office(request: pytest.FixtureRequest, behind: OpenOffice) -> Office:
    """A school with each kind of broker."""
    return behind(request.param)


def test_changes_and_runs_reach_the_provider_whatever_the_engine_and_however_often_it_is_nudged(any_office: Office) -> None:
    office = any_office
    others = _work(office).workers
    worker = _worker(office)
    ids = office.enrol(3)
    for name, argument in (("drain", MOODLE), ("drain", MOODLE), ("drain", "nobody"), ("advance", "999"), ("explode", "")):
        office.app.nudge(name, argument, 0.01)
    office.until_in_step()

    run = office.start("account.deactivate", ids)

    assert office.until_ended(run).state == "done"
    office.until_in_step()
    office.check_in_step()
    eventually("it is seen to work", lambda: _work(office).workers == others + 1 and not _work(office).idle)
    assert [user["suspended"] for user in office.site.users] == [True] * 3
    assert len(office.site.calls(CREATE)) == 1
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, office.log
    assert _work(office).workers == others


def _work(office: Office) -> Work:
    with office.app.db.read() as session:
        return heartbeat.work(session)


@pytest.mark.slow
def test_nothing_is_lost_or_made_twice_when_a_worker_is_killed_in_a_call(office: Office) -> None:
    ids = office.enrol(3)

    for function, phase in ((CREATE, "after_commit"), (UPDATE, "during_reply")):
        office.site.arm("SIGKILL", function, phase, office.folder / "worker.group")
        worker = _worker(office)
        eventually(f"killed in {function}", lambda worker=worker: office.hurry() or worker.has_ended, between=0.25)  # type: ignore[misc]
        office.school.change(*ids, person={"first_name": phase})

    assert office.site.struck == 2
    _worker(office, "calm")
    office.until_in_step()
    office.check_in_step()
    assert len(office.site.users) == 3


def test_nothing_is_lost_or_made_twice_when_one_of_several_workers_is_killed_in_a_call(
    open_office: OpenOffice, requires_service: Callable[[str], None]
) -> None:
    requires_service("postgresql")
    office = open_office()
    ids = office.enrol(3)

    for number, (function, phase) in enumerate(((CREATE, "after_commit"), (UPDATE, "during_reply")), 1):
        office.site.arm("hold", function, phase)
        worker = office.worker()
        eventually("a call is under way", lambda number=number: office.site.struck == number)  # type: ignore[misc]
        others = [office.worker(name) for name in ("second", "third")]
        office.school.change(*ids, person={"first_name": phase})
        worker.kill()
        office.site.release()
        office.until_in_step()
        office.check_in_step()
        for each in others:
            each.kill()
        office.school.change(*ids, person={"first_name": "Again"})

    assert len(office.site.users) == 3
    assert len(office.site.calls(CREATE)) == 1


def test_a_lost_message_is_made_up_for_and_a_doubled_one_does_nothing(office: Office) -> None:
    ids = office.enrol(3)
    _broker(office).celery.control.purge()
    worker = _worker(office)
    office.until_in_step()
    worker.kill()
    office.school.change(*ids, person={"first_name": "Annika"})
    for _ in range(5):
        office.app.nudge("drain", MOODLE)

    _worker(office, "other")

    office.until_in_step()
    eventually("every message was taken", lambda: _broker(office).waiting("moodle") == 0)
    office.check_in_step()
    assert (len(office.site.calls(CREATE)), len(office.site.calls(UPDATE))) == (1, 1)


def test_a_worker_asked_to_end_finishes_its_call_and_gives_back_the_rest(behind: OpenOffice) -> None:
    office = behind("rabbitmq", lease_seconds=120)
    office.enrol(150)
    office.site.arm("hold", CREATE, "after_commit")
    worker = _worker(office)
    eventually("a call is under way", lambda: office.site.struck)

    worker.signal(signal.SIGTERM)
    eventually("it was told", lambda: "Warm shutdown" in office.log)
    office.site.release()

    assert worker.wait() == 0, office.log
    with office.app.db.read() as session:
        assert session.scalars(select(Link.id).where(Link.leased_until.is_not(None))).all() == []
        assert session.scalars(select(Slot.name).where(Slot.leased_until.is_not(None), Slot.name.not_in(["tick", "look"]))).all() == []
        assert session.scalars(select(Run.id).where(Run.leased_until.is_not(None))).all() == []
    assert 0 < len(office.site.users) < 150
    _worker(office, "next")
    office.until_in_step()
    office.check_in_step()


def test_a_worker_that_overslept_writes_nothing_back_over_a_newer_state(behind: OpenOffice) -> None:
    office = behind("redis")
    ids = office.enrol(3)
    office.site.arm("SIGSTOP", CREATE, "after_commit", office.folder / "worker.group")
    sleeper = _worker(office)
    eventually("the worker sleeps", lambda: office.site.struck)
    office.school.change(*ids, person={"first_name": "Newer"})
    _worker(office, "other")
    office.until_in_step()
    finished = _links(office)

    sleeper.signal_group(signal.SIGCONT)
    sleeper.signal(signal.SIGTERM)

    assert sleeper.wait() == 0, office.log
    assert _links(office) == finished
    assert len(office.site.calls(CREATE)) == 1
    office.check_in_step()


def test_the_processes_of_a_worker_end_with_it_even_when_it_alone_is_killed(behind: OpenOffice) -> None:
    office = behind("redis")
    office.enrol(1)
    worker = _worker(office)
    office.until_in_step()

    worker.signal(signal.SIGKILL)

    assert worker.wait() == -9
    eventually("its processes are gone", lambda: worker.is_group_gone)


def _worker(office: Office, name: str = "worker") -> Child:
    return office.worker(name, *(["--processes", "2"] if office.engine else []))


def _broker(office: Office) -> Broker:
    assert isinstance(office.engine, Broker)
    return office.engine


def _links(office: Office) -> list[dict[str, object]]:
    with office.app.db.read() as session:
        rows = session.scalars(select(Link).where(Link.provider == MOODLE).order_by(Link.id)).all()
        return [{column.key: getattr(row, column.key) for column in Link.__table__.columns} for row in rows]
