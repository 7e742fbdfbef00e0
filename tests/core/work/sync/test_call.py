"""Whatever a plugin does in ``apply``, every change has exactly one outcome."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from rolecall.errors import Ambiguous, Misconfigured, Transient
from rolecall.sdk.provider import Change, Limits, Provider, Result, Verb
from rolecall.sdk.snapshots import AccountSnapshot, PersonSnapshot
from rolecall.work.leases import Lease, NotCalledError
from rolecall.work.sync.call import Caller, Planned
from rolecall.work.sync.claim import Claimed
from rolecall.work.sync.outcome import Outcome, experience, judge

Apply = Callable[[Sequence[Change]], Any]
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def planned(number: int, **values: Any) -> Planned:
    person = PersonSnapshot(id=number, list="students", code=str(number), first_name="A", last_name="B")
    account = AccountSnapshot(id=number, key=f"k{number}", type="student", username=f"u{number}", person=person)
    facts = {"sent": None, "sealed_password": None, "attempts": 0, "error_class": None, "settled_at": None} | values
    link = Claimed(
        id=number, account_id=number, provider="odd", goal="present", external_id="r", wanted=1, fence=1, changed_at=NOW, **facts
    )
    return Planned(link=link, change=Change(link_id=number, verb=Verb.UPDATE, account=account, external_id=f"r{number}"))


def provider_that(apply: Apply, batch: int = 10) -> Provider:
    kind = type("Odd", (Provider,), {"id": "odd", "label": "Odd", "limits": Limits(batch=batch), "apply": lambda self, plan: apply(plan)})
    return kind({}, None)  # type: ignore[no-any-return]


def carry(provider: Provider, plan: Sequence[Planned], *, seconds: float = 1, left: float = 100, **options: Any) -> dict[int, Outcome]:
    lease = Lease(SimpleNamespace(attempt=lambda unit: False), {1: 1}, length=timedelta(seconds=left), begun=time.monotonic())  # type: ignore[arg-type]
    outcomes = list(Caller(provider, lease, seconds=seconds, **options).carry_out(plan))
    assert sorted(outcome.link.id for outcome in outcomes) == sorted(each.link.id for each in plan)
    return {outcome.link.id: outcome for outcome in outcomes}


def done(change: Change) -> Result:
    return Result(change=change, external_id=change.external_id)


def test_results_may_come_in_any_order() -> None:
    outcomes = carry(provider_that(lambda plan: (done(each) for each in reversed(plan))), [planned(1), planned(2)])

    assert [outcomes[each].error for each in (1, 2)] == [None, None]
    assert outcomes[1].external_id == "r1"


def test_a_change_that_was_forgotten_is_unclear() -> None:
    outcomes = carry(provider_that(lambda plan: [done(plan[0])]), [planned(1), planned(2)])

    assert outcomes[1].error is None
    assert isinstance(outcomes[2].error, Ambiguous)


@pytest.mark.parametrize("strange", [None, "done", 7, Result(change=planned(99).change), Result(change=None)])  # type: ignore[arg-type]
def test_results_of_nobody_are_ignored(strange: Any) -> None:
    outcomes = carry(provider_that(lambda plan: [*([strange] if strange is not None else []), *map(done, plan)]), [planned(1)])

    assert outcomes[1].error is None


def test_a_second_result_is_ignored() -> None:
    def twice(plan: Sequence[Change]) -> Iterator[Result]:
        yield done(plan[0])
        yield Result(change=plan[0], error=ValueError("no"))
        yield done(plan[1])

    outcomes = carry(provider_that(twice), [planned(1), planned(2)])

    assert [outcomes[each].error for each in (1, 2)] == [None, None]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3), Transient("busy")])
def test_an_exception_in_the_middle_concerns_those_without_a_result(error: BaseException) -> None:
    def breaks(plan: Sequence[Change]) -> Iterator[Result]:
        yield done(plan[0])
        raise error

    outcomes = carry(provider_that(breaks), [planned(1), planned(2), planned(3)])

    assert outcomes[1].error is None
    assert outcomes[2].error is not None
    assert outcomes[3].error is not None


@pytest.mark.parametrize("answer", [None, 7, "text"])
def test_an_answer_that_is_no_list_of_results_is_a_bug(answer: Any) -> None:
    outcomes = carry(provider_that(lambda plan: answer), [planned(1)])

    assert outcomes[1].error is not None


@pytest.mark.parametrize("external_id", ["", "x" * 201, "a\nb", 7])
def test_an_id_that_cannot_be_kept_is_unclear(external_id: Any) -> None:
    outcomes = carry(provider_that(lambda plan: [Result(change=plan[0], external_id=external_id)]), [planned(1)])

    assert isinstance(outcomes[1].error, Ambiguous)


def test_plans_are_no_larger_than_the_provider_takes() -> None:
    sizes: list[int] = []

    def count(plan: Sequence[Change]) -> Iterator[Result]:
        sizes.append(len(plan))
        return map(done, plan)

    carry(provider_that(count, batch=4), [planned(number) for number in range(10)])

    assert sizes == [4, 4, 2]


def test_what_broke_a_batch_before_goes_alone() -> None:
    sizes: list[int] = []

    def count(plan: Sequence[Change]) -> Iterator[Result]:
        sizes.append(len(plan))
        return map(done, plan)

    carry(provider_that(count), [planned(1, error_class="error"), planned(2), planned(3, error_class="ambiguous"), planned(4)])

    assert sizes == [2, 1, 1]


def stepwise(fail: dict[int, Exception]) -> tuple[Provider, list[str]]:
    called: list[str] = []

    def update(self: Provider, external_id: str, changes: Any) -> None:
        called.append(external_id)
        if int(external_id[1:]) in fail:
            raise fail[int(external_id[1:])]

    kind = type("Steps", (Provider,), {"id": "odd", "label": "Odd", "limits": Limits(batch=10), "update": update})
    return kind({}, None), called


@pytest.mark.parametrize(
    "error", [Misconfigured("refused"), Transient("busy", retry_after=timedelta(seconds=9)), NotCalledError("no time")]
)
def test_some_errors_stop_the_calls(error: Exception) -> None:
    provider, called = stepwise({2: error})

    outcomes = carry(provider, [planned(number) for number in range(1, 6)])

    assert called == ["r1", "r2"]
    assert [outcomes[number].left for number in (3, 4, 5)] == [True] * 3


def test_ten_failures_in_a_row_stop_the_calls() -> None:
    provider, called = stepwise({number: Transient("busy") for number in range(1, 30)})

    carry(provider, [planned(number) for number in range(1, 30)], failures=4)

    assert len(called) == 6


def test_without_time_nobody_is_called() -> None:
    provider, called = stepwise({})

    outcomes = carry(provider, [planned(1)], seconds=30, left=20)

    assert called == []
    assert outcomes[1].left


def outcome(error: Exception, verb: Verb = Verb.UPDATE, **values: Any) -> Outcome:
    each = planned(1, **values)
    return Outcome(link=each.link, change=Change(link_id=1, verb=verb, account=each.change.account), error=error)


def test_a_probe_costs_no_attempt_and_a_provider_that_is_down_blocks_nobody() -> None:
    tired = outcome(Transient("busy"), attempts=9)

    assert judge(tired, NOW, settling=timedelta(0)).blocked
    assert not judge(tired, NOW, settling=timedelta(0), down=True).blocked
    assert judge(tired, NOW, settling=timedelta(0), down=True, probe=True).attempts == 9


def test_what_calls_teach_about_the_provider() -> None:
    fine = Outcome(link=planned(1).link, change=planned(1).change, external_id="r1")
    busy = outcome(Transient("busy", retry_after=timedelta(seconds=5)))

    learned = experience(
        [busy, fine, busy, outcome(Misconfigured("refused")), outcome(NotCalledError("later", retry_after=timedelta(days=9)))]
    )

    assert (learned.succeeded, learned.failures, learned.reason) == (True, 1, "busy")
    assert (learned.hold, learned.refusal) == (timedelta(seconds=5), "refused")
