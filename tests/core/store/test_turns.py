"""Threads write one after the other in the order in which they came, and nobody is left in the line (R-13)."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread, main_thread
from time import sleep

import pytest

from rolecall.store.engine import Database
from rolecall.store.turns import Turns

#: Seconds after which a test is stuck, not slow.
LONG = 60.0


@pytest.fixture
def turns() -> Turns:
    return Turns()


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        sleep(0.001)


def test_the_turn_goes_to_whoever_came_first(turns: Turns) -> None:
    order = []

    def come(number: int) -> None:
        with turns.turn(LONG):
            order.append(number)

    with ThreadPoolExecutor(8) as pool, turns.turn(LONG):
        for number in range(8):
            pool.submit(come, number)
            until(lambda expected=number + 1: turns.waiting == expected)

    assert order == list(range(8))


def test_who_has_waited_long_enough_goes_on_without_a_turn_and_is_in_nobodys_way(turns: Turns) -> None:
    with turns.turn(LONG) as first, turns.turn(0) as second:
        assert (first, second) == (True, False)
        assert turns.waiting == 0

    with turns.turn(0) as third:
        assert third


def test_an_error_in_the_block_passes_the_turn_on(turns: Turns) -> None:
    with pytest.raises(ZeroDivisionError), turns.turn(LONG):
        raise ZeroDivisionError

    with turns.turn(0) as mine:
        assert mine


def test_who_is_interrupted_in_the_line_is_not_waited_for(turns: Turns) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    taken, let_go = Event(), Event()

    def hold() -> None:
        with turns.turn(LONG):
            taken.set()
            until(lambda: turns.waiting == 1)
            signal.pthread_kill(main_thread().ident, signal.SIGUSR1)
            let_go.wait(LONG)

    thread = Thread(target=hold)
    thread.start()
    try:
        taken.wait(LONG)
        with pytest.raises(KeyboardInterrupt), turns.turn(LONG):
            pytest.fail("the turn was somebody else's")
    finally:
        let_go.set()
        thread.join()
        signal.signal(signal.SIGUSR1, before)

    with turns.turn(0) as mine:
        assert mine


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/turns.db")
    yield database
    database.close()


def test_units_that_write_take_turns_and_those_that_read_do_not(sqlite: Database) -> None:
    def write() -> str:
        with sqlite.write():
            return "written"

    with ThreadPoolExecutor(1) as pool:
        with sqlite.write():
            waiting: Future[str] = pool.submit(write)
            until(lambda: sqlite.turns.waiting == 1)
            with sqlite.read():
                assert not waiting.done()
        assert waiting.result(LONG) == "written"


def test_a_forked_process_begins_a_line_of_its_own(sqlite: Database) -> None:
    with sqlite.turns.turn(LONG):
        former = sqlite.turns
        sqlite.forked()

        assert sqlite.turns is not former
        with sqlite.turns.turn(0) as mine:
            assert mine
