"""A service in trouble, as a worker in a process of its own lives through it (FI-10, FI-11, FI-13)."""

from itertools import count

import pytest
from outside.office import MOODLE, Office
from outside.waiting import eventually

pytestmark = [pytest.mark.kill, pytest.mark.timeout(200)]

CREATE, UPDATE = "core_user_create_users", "core_user_update_users"
EDITS = 20


@pytest.fixture
def office(open_office) -> Office:  # type: ignore[no-untyped-def]
    """A school with the leases that it has in earnest."""
    opened: Office = open_office(lease_seconds=120)
    return opened


def test_a_change_during_the_call_and_twenty_more_are_sent_as_one(office: Office) -> None:
    (anna,) = office.enrol(1)
    office.worker()
    office.until_in_step()
    office.site.arm("hold", UPDATE, "before_commit")

    office.school.change(anna, person={"first_name": "Edit 0"})
    eventually("the call is under way", lambda: office.site.struck)
    for number in range(1, EDITS + 1):
        office.school.change(anna, person={"first_name": f"Edit {number}"})
    assert office.school.pending(anna) == [MOODLE]
    office.site.release()
    office.until_in_step()

    assert [_first_name(call) for call in office.site.calls(UPDATE)] == ["Edit 0", f"Edit {EDITS}"]
    office.check_in_step()


@pytest.mark.parametrize("number", [1, 2])
def test_accounts_that_always_fail_are_blocked_with_their_reason_and_delay_nobody(office: Office, number: int) -> None:
    ids = office.enrol(60)
    bad, good = ids[:number], ids[number:]
    office.site.poison(*(office.school.snapshot(each).username for each in bad))
    office.worker()

    eventually("all the others are done", lambda: office.behind() == number or office.hurry())
    edits = count()

    def work_on() -> None:
        """The office goes on: if nothing but them was sent any more, and nothing succeeded, the service would seem to be down."""
        if office.behind() <= number:
            office.school.change(good[0], person={"first_name": f"Edit {next(edits)}"})
        office.hurry()

    eventually("they are blocked", lambda: set(office.blocked()) == set(bad) or work_on())
    # The tenth attempt is the last, unless the service seems to be down just then.
    assert {office.school.link(each, MOODLE).attempts for each in bad} <= {10, 11, 12}
    assert all("500" in (reason or "") for reason in office.blocked().values())

    office.school.change(*good, person={"first_name": "Still served"})
    eventually("all the others are done again", lambda: office.behind() == number)
    office.site.poison()
    office.school.change(*bad, person={"first_name": "Cured"})
    office.until_in_step()
    office.check_in_step()


def test_a_service_that_is_down_is_left_alone_and_gets_the_last_state_when_it_is_back(office: Office) -> None:
    ids = office.enrol(30)
    office.worker()
    office.until_in_step()
    office.site.kill()

    for number in range(5):
        office.school.change(*ids, person={"first_name": f"Edit {number}"})
    eventually("the service is left alone", lambda: office.school.provider_state(MOODLE).state == "open")
    assert office.behind() == len(ids)
    assert office.blocked() == {}
    office.school.change(*ids, person={"first_name": "Last"})
    office.site.start()
    office.until_in_step()

    sent = [name for call in office.site.calls(UPDATE) for name in _first_names(call)]
    assert sent == ["Last"] * len(ids)
    assert office.school.provider_state(MOODLE).state == "ok"
    office.check_in_step()


def _first_names(call: dict[str, list[list[str]]]) -> list[str]:
    return [value for name, value in call["fields"] if name.endswith("[firstname]")]


def _first_name(call: dict[str, list[list[str]]]) -> str:
    (name,) = _first_names(call)
    return name
