"""Signing in by password, through the web application: whether its time tells who has an account, and what it costs beside the hash.

Whoever may not come in must be answered as late as whoever typed a wrong password. Each class of account is tried in turn with a wrong
password of an ordinary account, in an order that changes every round. Times are of the processor, because other programs do not count;
what an answer waits for besides is the database, so each class must commit as often. The clock's ratio is shown.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import sqrt

from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, event

from benchmarks.results import Result
from rolecall.accounts import passwords
from rolecall.config import load
from rolecall.store import schema
from rolecall.store.tables import Throttle
from rolecall.testing import factories
from rolecall.work.application import Application
from rolecall_webapp import create_app

PAIRS = 100
#: Of so many runs the most must not tell a class apart.
RUNS = 3
#: A class is told apart when the ratio of the medians is not between these, or the ranks differ by so many standard deviations.
RATIOS = (0.90, 1.10)
DEVIATIONS = 3.0
#: Milliseconds of the processor that a sign-in may take beside its hash.
BESIDE = 15.0
ORDINARY, WRONG = "ordinary", "wrong password"
CLASSES = ("unknown", "disabled", "SSO-only", "deleted", "first-time password", WRONG)
_RIGHT, _GUESS = "correct horse battery staple", "tr0ubador and three more"


def run(pairs: int = PAIRS) -> list[Result]:
    """Try each class ``pairs`` times in every run, and a right password as often."""
    with _office() as (core, flask):
        door = Door(core, flask)
        runs = [door.listen(pairs) for _ in range(RUNS)]
        return [*(_told_apart(runs, each) for each in CLASSES), door.beside_the_hash(pairs)]


@dataclass(slots=True)
class Heard:
    """What a stranger notices of one class: seconds of the processor and of the clock until each answer, and how often was committed."""

    worked: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    commits: set[int] = field(default_factory=set)


class Door:
    """The page of signing in, and somebody of each class before it."""

    def __init__(self, core: Application, flask: Flask) -> None:
        self._core, self._flask = core, flask
        self._stored = passwords.hash_password(_RIGHT)
        with core.db.write() as session:
            period, role = factories.make_period(session), factories.make_role(session)
            kinds: dict[str, dict[str, object]] = {
                ORDINARY: {}, WRONG: {}, "disabled": {"active": False}, "deleted": {"deleted_at": datetime.now(UTC)},
                "SSO-only": {"sso_provider": "o365", "password_hash": None}, "first-time password": {"password_hash": None},
            }  # fmt: skip
            accounts = {kind: factories.make_account(session, **{"password_hash": self._stored} | facts) for kind, facts in kinds.items()}
            for account in accounts.values():
                factories.give_role(session, account, role, period)
            passwords.seal_first(session, core.keyring, [accounts["first-time password"].id], now=datetime.now(UTC))
            self._names = {kind: account.username for kind, account in accounts.items()}
        self._commits = 0
        event.listen(core.db.engine, "commit", self._note_commit)

    def listen(self, pairs: int) -> dict[str, Heard]:
        """Let everybody in turn type a wrong password, so many times."""
        chance = random.Random(2026)
        order = [ORDINARY, *CLASSES]
        client = self._flask.test_client()
        token = _token(client)
        for heard in ({each: Heard() for each in order}, found := {each: Heard() for each in order}):
            # The first round only warms up.
            for _ in range(1 if heard is not found else pairs):
                with self._core.db.write() as session:
                    session.execute(delete(Throttle))  # or everybody would be told to wait
                chance.shuffle(order)
                for each in order:
                    name = self._names.get(each) or f"nobody{chance.randrange(10**6)}"
                    self._commits, worked, waited = 0, time.process_time(), time.perf_counter()
                    self._enter(client, token, name, _GUESS, expects=401)
                    heard[each].worked.append(time.process_time() - worked)
                    heard[each].waited.append(time.perf_counter() - waited)
                    heard[each].commits.add(self._commits)
        return found

    def beside_the_hash(self, times: int) -> Result:
        """The processor time of a right password, until the session is open, less that of its hash alone right after it."""
        hashing, beside = [], []
        for _ in range(times):
            client = self._flask.test_client()
            token = _token(client)
            begun = time.process_time()
            self._enter(client, token, self._names[ORDINARY], _RIGHT, expects=303)
            between = time.process_time()
            passwords.verify(self._stored, _RIGHT)
            hashing.append((time.process_time() - between) * 1000)
            beside.append((between - begun) * 1000 - hashing[-1])
        one = statistics.median(hashing)
        return Result(
            name="sign-in beside its hash", measured=statistics.median(beside), reference=one, bound=BESIDE,
            note="reference: the hash alone",
        )  # fmt: skip

    def _enter(self, client: FlaskClient, token: str, name: str, password: str, *, expects: int) -> None:
        status = client.post("/login", data={"csrf_token": token, "username": name, "password": password}).status_code
        if status != expects:
            raise SystemExit(f"{name} was answered {status}, not {expects}.")

    def _note_commit(self, _connection: object) -> None:
        self._commits += 1


def deviations(some: Sequence[float], others: Sequence[float]) -> float:
    """By how many standard deviations the ranks of two samples differ from those of one: the z of Mann and Whitney, ties at their mean."""
    values = sorted([*some, *others])
    first: dict[float, int] = {}
    count: dict[float, int] = {}
    for place, value in enumerate(values, start=1):
        first.setdefault(value, place)
        count[value] = count.get(value, 0) + 1
    n, m = len(some), len(others)
    ranks = sum(first[value] + (count[value] - 1) / 2 for value in some)
    ties = sum(each**3 - each for each in count.values()) / ((n + m) * (n + m - 1))
    spread = sqrt(n * m / 12 * (n + m + 1 - ties))
    return (ranks - n * (n + m + 1) / 2) / spread if spread else 0.0


def _told_apart(runs: Sequence[dict[str, Heard]], kind: str) -> Result:
    """The run in the middle, whether most runs told the class apart, and the ratio and z of each."""
    compared = [(_ratio(each[kind].worked, each[ORDINARY].worked), deviations(each[kind].worked, each[ORDINARY].worked)) for each in runs]
    alike = sum(RATIOS[0] <= ratio <= RATIOS[1] and abs(z) < DEVIATIONS for ratio, z in compared)
    middle = sorted(runs, key=lambda each: _ratio(each[kind].worked, each[ORDINARY].worked))[len(runs) // 2]
    clock = statistics.median(_ratio(each[kind].waited, each[ORDINARY].waited) for each in runs)
    commits = {each: frozenset.union(*(frozenset(run[each].commits) for run in runs)) for each in (kind, ORDINARY)}
    said = ", ".join(f"{ratio:.2f}x z {z:+.1f}" for ratio, z in compared)
    return Result(
        name=f"sign-in, {kind}, told from a wrong password",
        measured=statistics.median(middle[kind].worked) * 1000,
        reference=statistics.median(middle[ORDINARY].worked) * 1000,
        holds=alike > len(runs) // 2 and commits[kind] == commits[ORDINARY],
        note=f"{said}; clock {clock:.2f}x; commits {'as many' if commits[kind] == commits[ORDINARY] else 'differ'}",
    )


def _ratio(some: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(some) / statistics.median(others)


def _token(client: FlaskClient) -> str:
    return client.get("/login").get_data(as_text=True).split('name="csrf_token" value="')[1].split('"')[0]


@contextmanager
def _office() -> Iterator[tuple[Application, Flask]]:
    with tempfile.TemporaryDirectory() as data:
        config = load(
            {}, data=data, database_url=f"sqlite:///{data}/rolecall.db", secret_key="s" * 40,
            encryption_keys=Fernet.generate_key().decode(),
        )  # fmt: skip
        with Application(config) as core:
            schema.upgrade(core.db)
            yield core, create_app(core)
