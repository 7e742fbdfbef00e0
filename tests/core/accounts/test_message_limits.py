"""Limits to messages that cost money: counted in the database, so that no number of workers sends more (T-13)."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from rolecall.accounts import message_limits
from rolecall.sdk.channel import MessageLimits
from rolecall.store.engine import Database
from rolecall.store.tables import AuditEntry, Throttle

LIMITS = MessageLimits(an_hour=3, a_day=100)


def take(db: Database, address: str, at: datetime, limits: MessageLimits = LIMITS) -> str | None:
    return db.attempt(lambda session: message_limits.take(session, "sms", address, limits, now=at, account_id=1))


def told(db: Database) -> list[tuple[str, int]]:
    with db.read() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.kind == message_limits.REACHED).order_by(AuditEntry.seq))
        return [(row.payload["limit"], row.payload["count"]) for row in rows]


@pytest.mark.parametrize(("limits", "most"), [(LIMITS, 100), (MessageLimits(an_hour=3, a_day=1_000), 150)])
def test_two_hundred_requests_at_once_over_fifty_numbers_send_no_more_than_the_limits(
    db: Database, noon: datetime, limits: MessageLimits, most: int
) -> None:
    numbers = [f"+3069100000{number:02}" for number in range(50)] * 4
    random.Random(7).shuffle(numbers)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: take(db, number, noon, limits), numbers))

    sent = Counter(number for number, why in zip(numbers, answers, strict=True) if why is None)
    assert sent.total() == most
    assert max(sent.values()) <= limits.an_hour
    with db.read() as session:
        assert message_limits.used_today(session, "sms", now=noon) == most


@given(waits=st.lists(st.integers(0, 90), min_size=1, max_size=25), an_hour=st.integers(1, 4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_hour_has_more_messages_to_one_number_than_the_limit(db: Database, noon: datetime, waits: list[int], an_hour: int) -> None:
    with db.write() as session:
        session.execute(delete(Throttle))
    at, sent = noon, list[datetime]()
    for minutes in waits:
        at += timedelta(minutes=minutes)
        if take(db, "+306912345678", at, MessageLimits(an_hour=an_hour, a_day=1_000)) is None:
            sent.append(at)

    for begun in sent:
        assert sum(begun <= each < begun + timedelta(hours=1) for each in sent) <= an_hour


def test_a_limit_that_is_reached_is_told_once_and_says_what_to_do(db: Database, noon: datetime) -> None:
    for _ in range(3):
        take(db, "+306912345678", noon)

    first, second = take(db, "+306912345678", noon), take(db, "+306912345678", noon)

    assert first == second
    assert "within an hour" in str(first)
    assert told(db) == [("number", 3)]
    few = MessageLimits(an_hour=3, a_day=4)
    assert take(db, "+306912345679", noon, few) is None
    assert "today's limit of 4" in str(take(db, "+306912345670", noon, few))
    assert told(db) == [("number", 3), ("day", 4)]
    assert take(db, "+306912345679", noon + timedelta(days=1), few) is None


def test_what_the_day_refuses_uses_up_nothing_of_the_number(db: Database, noon: datetime) -> None:
    few = MessageLimits(an_hour=1, a_day=1)
    take(db, "+306912345678", noon, few)
    take(db, "+306912345679", noon, few)

    with db.write() as session:
        message_limits.give_back(session, "sms", "+306912345678", few, now=noon)

    assert take(db, "+306912345679", noon, few) is None


def test_no_number_stands_in_the_counters(db: Database, noon: datetime) -> None:
    take(db, "+306912345678", noon)

    with db.read() as session:
        assert not any("6912345678" in key for key in session.scalars(select(Throttle.key)))
