"""What came of changes and requests is counted, whichever process did them."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from rolecall.errors import Ambiguous, Misconfigured, Permanent, Transient
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.sync import totals
from rolecall.work.sync.totals import Tally


def changes(school: School) -> dict[str, int]:
    with school.app.db.read() as session:
        return totals.read(session).get("memory", {}).get(totals.CHANGE, {})


@pytest.mark.parametrize(
    ("status", "word"),
    [(200, "ok"), (304, "ok"), (401, "refused"), (404, "refused"), (429, "busy"), (503, "busy"), (500, "failed"), (502, "failed")],
)
def test_a_status_is_a_word(status: int, word: str) -> None:
    assert totals.answer(status) == word


def test_each_change_counts_once_by_what_came_of_it(school: School, provider: type[MemoryProvider]) -> None:
    school.student("Anna", linked_to=provider)
    for error in (Transient("Busy."), Ambiguous("Who knows."), Permanent("Too long.")):
        ben = school.student("Ben")
        school.sync(ben)
        provider.service.fail("create", error)
        school.work()

    assert changes(school) == {"done": 1, "transient": 1, "ambiguous": 1, "permanent": 1}


def test_what_needs_no_call_does_not_count(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)

    school.sync(anna)
    school.work()

    assert changes(school) == {"done": 1}


def test_refused_credentials_count_once_and_what_was_left_does_not(school: School, provider: type[MemoryProvider]) -> None:
    school.sync(*school.students(5))
    provider.service.fail("create", Misconfigured("The key was refused."), times=None)

    school.work()

    assert changes(school) == {"misconfigured": 1}


def test_a_second_process_adds_to_the_same_totals(open_school: Callable[..., School], provider: type[MemoryProvider]) -> None:
    one, other = open_school(provider), open_school(provider)
    one.student("Anna", linked_to=provider)

    other.student("Ben", linked_to=provider)

    assert changes(one) == {"done": 2}
    assert totals.done_and_failed({"done": 2, "transient": 3, "error": 1}) == (2, 4)


def test_no_request_is_lost_between_threads_and_what_was_not_written_is_given_back() -> None:
    tally = Tally()
    threads = [threading.Thread(target=lambda: [tally.add("memory", "ok") for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    taken = [tally.take() for _ in range(50)]
    for thread in threads:
        thread.join()

    for each in taken:
        tally.give_back(each)

    assert tally.take() == Counter({("memory", "ok"): 2000})
    assert tally.take() == Counter()
