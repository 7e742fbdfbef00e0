"""A provider's HTTP client calls only under a lease, and not while the service asked to wait; providers are built behind a guard."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from marshmallow import Schema, fields

from rolecall.sdk.provider import Limits, Provider
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.testing.wire import Wire
from rolecall.work import leases
from rolecall.work.leases import Lease, NotCalledError
from rolecall.work.sync.instances import Instance
from rolecall.work.sync.transport import LeasedHttp

Open = Callable[..., School]


def fine(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire(fine) as wire:
        yield wire


@pytest.fixture
def http(wire: Wire) -> Iterator[LeasedHttp]:
    client = LeasedHttp(seconds=5, allow=[wire.host], deadline=5)
    yield client
    client.close()


def lease(left: float) -> Lease:
    return Lease(SimpleNamespace(attempt=lambda unit: False), {1: 1}, length=timedelta(seconds=left), begun=time.monotonic())  # type: ignore[arg-type]


def test_without_a_lease_calls_are_made(wire: Wire, http: LeasedHttp) -> None:
    assert http.get(wire.url).status == 200


def test_a_call_that_fits_into_the_lease_is_made(wire: Wire, http: LeasedHttp) -> None:
    with leases.under(lease(60)):
        assert http.get(wire.url).status == 200


def test_a_call_that_may_outlast_the_lease_is_not_made(wire: Wire, http: LeasedHttp) -> None:
    with leases.under(lease(3)), pytest.raises(NotCalledError):
        http.get(wire.url)

    assert wire.journal == []


@pytest.mark.parametrize("status", [429, 503])
def test_after_retry_after_nobody_calls(wire: Wire, http: LeasedHttp, status: int) -> None:
    wire.fail(status=status, headers={"Retry-After": "60"})
    http.get(wire.url)

    with pytest.raises(NotCalledError) as refused:
        http.get(wire.url)

    assert len(wire.journal) == 1
    assert refused.value.retry_after is not None
    assert timedelta(seconds=55) < refused.value.retry_after <= timedelta(seconds=60)


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}, {"Retry-After": "-1"}, {"Retry-After": "soon"}])
def test_an_answer_that_asks_for_no_pause_is_no_pause(wire: Wire, http: LeasedHttp, headers: dict[str, str]) -> None:
    wire.fail(status=503, headers=headers)
    http.get(wire.url)

    assert http.get(wire.url).status == 200


def built(school: School, provider: type[Provider]) -> Instance:
    with school.app.db.read() as session:
        instance = school.app.instances.get(session, school.app.plugins.view(session), provider.id)
    assert instance is not None
    return instance


@pytest.mark.parametrize(
    ("seconds", "settling", "deadline", "least"), [(120, 0, 30, 120), (120, 60, 30, 150), (2, 0, 0.5, 2), (2, 30, 0.5, 31)]
)
def test_the_lease_is_longer_than_a_call_and_the_time_until_its_effect_is_seen(
    open_school: Open, seconds: int, settling: int, deadline: float, least: float
) -> None:
    provider = memory_provider(limits=Limits(settling=timedelta(seconds=settling)))
    instance = built(open_school(provider, lease_seconds=seconds), provider)

    assert instance.deadline == deadline
    assert instance.call_seconds == deadline + settling
    assert instance.lease.total_seconds() >= least
    assert instance.lease.total_seconds() > instance.call_seconds


def test_a_provider_is_built_once_and_anew_after_its_settings_were_saved(school: School, provider: type[MemoryProvider]) -> None:
    first = built(school, provider)
    same = built(school, provider)
    school.save(provider, user_types=["student"])
    anew = built(school, provider)

    assert first is same
    assert anew is not first
    assert anew.provider is not None
    assert anew.provider.settings["user_types"] == ["student"]


def test_a_provider_that_is_not_configured_says_what_is_missing_and_calls_nobody(open_school: Open) -> None:
    class Settings(Schema):
        token = fields.String(required=True, metadata={"label": "Token"})

    provider = memory_provider(settings_schema=Settings)
    school = open_school(provider, settings={provider.id: Settings})
    anna = school.student("Anna")
    school.sync(anna)

    school.work()
    fault = school.provider_state(provider).fault
    school.save(provider, token="x")
    school.work()

    assert fault == "Fill in first: Token."
    assert school.provider_state(provider).fault is None
    assert school.pending(anna) == []


@pytest.mark.parametrize("error", [RuntimeError("with a secret"), SystemExit(1)])
def test_a_provider_that_cannot_be_built_is_a_fault_and_no_crash(open_school: Open, error: BaseException) -> None:
    def broken(self: MemoryProvider, settings: object, http: object) -> None:
        raise error

    provider = memory_provider(__init__=broken)
    school = open_school(provider)
    school.sync(school.student("Anna"))

    school.work()

    fault = school.provider_state(provider).fault or ""
    assert type(error).__name__ in fault
    assert "secret" not in fault
