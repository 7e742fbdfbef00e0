"""Waits grow, are jittered and bounded, and what the server asks for wins."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall.work.sync import backoff


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (9, 1280), (10, 2560), (11, 3600), (10_000, 3600)])
def test_the_ceiling_doubles_up_to_an_hour(attempts: int, seconds: int) -> None:
    assert backoff.ceiling(attempts) == timedelta(seconds=seconds)


@given(st.integers(1, 100))
def test_a_wait_is_never_longer_than_its_ceiling(attempts: int) -> None:
    assert timedelta(0) <= backoff.wait(attempts) <= backoff.ceiling(attempts)


def test_waits_of_accounts_that_failed_together_differ() -> None:
    assert len({backoff.wait(5) for _ in range(20)}) > 10


@pytest.mark.parametrize(("asked", "seconds"), [(0, 0), (-1, 0), (7, 7), (99_999_999, 86_400)])
def test_what_the_server_asks_for_wins_up_to_a_day(asked: int, seconds: int) -> None:
    assert backoff.wait(1, timedelta(seconds=asked)) == timedelta(seconds=seconds)
