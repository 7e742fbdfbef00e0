"""``/metrics``: read by the library's own parser, by a token, without anybody's name."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as families
from sqlalchemy import event, update

from rolecall.accounts import tokens
from rolecall.config import load
from rolecall.errors import Misconfigured, Permanent, Transient
from rolecall.store.tables import Delivery, Run, SignIn, Worker
from rolecall.testing.providers import MemoryProvider, memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work.application import Application

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def provider() -> type[MemoryProvider]:
    return memory_provider()


@pytest.fixture
def core(database_url: str, tmp_path: Path, provider: type[MemoryProvider]) -> Iterator[Application]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"memory": plugin_of(provider)}) as application:
        yield application


@pytest.fixture
def scrape(application: Flask, core: Application, signed_in: Callable) -> Callable[..., str]:
    """A function that reads the figures with a token of somebody who holds these permissions."""
    made: dict[tuple[str, ...], str] = {}

    def read(*permissions: str, accept: str = "", status: int = 200) -> str:
        if permissions not in made:
            account = signed_in(*permissions).account_id
            with core.db.write() as session:
                made[permissions], _ = tokens.create(session, account, name="monitoring", now=datetime.now(UTC))
        headers = {"Authorization": f"Bearer {made[permissions]}", "Accept": accept}
        answer = application.test_client().get("/metrics", headers=headers)
        assert answer.status_code == status, answer.text
        return answer.text

    return read


def numbers(text: str) -> Figures:
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families(text) for sample in family.samples}


def of(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted(labels.items()))


def test_without_a_token_or_the_permission_nobody_reads_them(application: Flask, signed_in: Callable, scrape: Callable) -> None:
    anybody: FlaskClient = application.test_client()

    assert anybody.get("/metrics").status_code == 401
    assert signed_in("integrations:view").get("/metrics").status_code == 401, "a cookie opens no address of programs"
    scrape("accounts:view", status=403)


def test_what_waits_is_told_by_provider_with_its_age(scrape: Callable, school: School, provider: type[MemoryProvider]) -> None:
    school.enable(provider)
    anna, ben, cleo, dan = (school.student(name) for name in ("Anna", "Ben", "Cleo", "Dan"))
    school.sync(anna, ben, cleo, dan)
    hour = datetime.now(UTC) - timedelta(hours=1)
    school.set_link(anna, provider, changed_at=hour)
    school.set_link(ben, provider, blocked=True, changed_at=hour - timedelta(hours=5))
    school.set_link(cleo, provider, goal="suspended", brake="held", changed_at=hour - timedelta(hours=5))

    found = numbers(scrape("integrations:view"))

    where = {"provider": "memory"}
    assert found[of("rolecall_sync_pending", **where)] == 4
    assert found[of("rolecall_sync_blocked", **where)] == found[of("rolecall_sync_held", **where)] == 1
    assert found[of("rolecall_sync_links", type="account", state="queued", **where)] == 2
    assert 3600 <= found[of("rolecall_sync_oldest_seconds", **where)] < 3600 + 3600, "what waits for somebody does not count"
    assert found[of("rolecall_sync_state", rolecall_sync_state="held", **where)] == 1
    assert of("rolecall_sync_last_success_seconds", **where) not in found


def test_what_came_of_changes_is_counted_by_kind_and_never_less(scrape: Callable, school: School, provider: type[MemoryProvider]) -> None:
    school.enable(provider)
    school.student("Anna", linked_to=provider)
    ben = school.student("Ben")
    school.sync(ben)
    provider.service.fail("create", Transient("Busy."))
    school.work()
    provider.service.fail("create", Permanent("The name is too long."))
    school.hurry(provider)
    school.work()

    found = numbers(scrape("integrations:view"))

    changes = {
        outcome: found.get(of("rolecall_sync_changes_total", provider="memory", outcome=outcome))
        for outcome in ("done", "transient", "permanent")
    }
    assert changes == {"done": 1, "transient": 1, "permanent": 1}
    assert 0 <= found[of("rolecall_sync_last_success_seconds", provider="memory")] < 600
    assert found[of("rolecall_sync_requests_total", provider="memory", answer="ok")] == 0


def test_refused_credentials_and_a_provider_that_is_down_are_states(
    scrape: Callable, school: School, provider: type[MemoryProvider]
) -> None:
    school.enable(provider)
    school.set_provider(provider, state="open")
    assert numbers(scrape("integrations:view"))[of("rolecall_sync_circuit_open", provider="memory")] == 1
    school.set_provider(provider, state="ok")
    school.sync(school.student("Anna"), school.student("Ben"))
    provider.service.fail("create", Misconfigured("The key was refused."), times=None)
    school.work()

    found = numbers(scrape("integrations:view"))

    assert found[of("rolecall_sync_circuit_open", provider="memory")] == 0
    assert found[of("rolecall_sync_state", provider="memory", rolecall_sync_state="refused")] == 1
    assert found[of("rolecall_sync_changes_total", provider="memory", outcome="misconfigured")] == 1, "once, whoever was next"


def test_runs_messages_sign_ins_and_workers_are_told(scrape: Callable, school: School, core: Application) -> None:
    now = datetime.now(UTC)
    anna = school.student("Anna")
    with core.db.write() as session:
        run = {"kind": "action", "action": "account.activate", "actor": "worker", "actor_label": "w", "state": "queued"}
        session.add(Run(**run, created_at=now - timedelta(minutes=5)))
        for number, state in enumerate(("queued", "bounced", "unknown", "sent")):
            message = {"kind": "x", "channel": "email", "account_id": anna, "address": "secret@example.org", "dedupe_key": str(number)}
            session.add(Delivery(**message, state=state, created_at=now))
        for result, minutes in (("wrong", 1), ("wrong", 2), ("throttled", 3), ("ok", 4), ("wrong", 60), ("code", 1)):
            session.add(SignIn(account_id=anna, at=now - timedelta(minutes=minutes), method="password", result=result))
        for name, seconds in (("here", 5), ("gone", 500)):
            seen = now - timedelta(seconds=seconds)
            session.add(Worker(name=name, engine="threads", started_at=seen, seen_at=seen, looked_at=seen))

    found = numbers(scrape("integrations:view"))

    assert (found[of("rolecall_runs", state="queued")], found[of("rolecall_runs", state="running")]) == (1, 0)
    assert 300 <= found[of("rolecall_runs_oldest_seconds")] < 900
    deliveries = [found[of("rolecall_deliveries", channel="email", state=state)] for state in ("queued", "unknown", "bounced")]
    assert deliveries == [1, 1, 1]
    assert found[of("rolecall_recent_sign_ins", result="wrong")] == 2
    assert found[of("rolecall_recent_sign_in_failures")] == 3
    assert found[of("rolecall_workers")] == 1
    assert 5 <= found[of("rolecall_work_last_look_seconds")] < 300


def test_nobody_is_named(scrape: Callable, school: School, provider: type[MemoryProvider]) -> None:
    school.enable(provider)
    anna = school.student("Xanthippe")
    school.sync(anna)
    school.set_link(anna, provider, error="Xanthippe is taken.", blocked=True)

    text = scrape("integrations:view")

    assert "xanthippe" not in text.lower()
    assert "@" not in text


def test_openmetrics_is_written_for_whoever_asks_for_it(scrape: Callable, school: School, provider: type[MemoryProvider]) -> None:
    school.enable(provider)

    text = scrape("integrations:view", accept="application/openmetrics-text; version=1.0.0")

    assert {"rolecall_sync_pending", "rolecall_sync_changes", "rolecall_workers"} <= {family.name for family in open_families(text)}
    assert text.endswith("# EOF\n")


def test_the_number_of_statements_does_not_grow_with_what_there_is(
    scrape: Callable, school: School, core: Application, provider: type[MemoryProvider]
) -> None:
    school.enable(provider)
    scrape("integrations:view")
    seen: list[str] = []
    event.listen(core.db.engine, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
    scrape("integrations:view")
    few = len(seen)
    school.sync(*school.students(40))
    with core.db.write() as session:
        session.execute(update(Worker).values(ended_at=None))
    seen.clear()

    scrape("integrations:view")

    assert len(seen) <= few
