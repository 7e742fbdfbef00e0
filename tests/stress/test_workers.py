"""Several workers at one database: nothing is done twice (FI-04)."""

import time
from collections import Counter
from collections.abc import Callable

import pytest
from outside.fixtures import OpenOffice
from outside.office import Office

pytestmark = [pytest.mark.stress, pytest.mark.slow, pytest.mark.timeout(240)]

CREATE, UPDATE = "core_user_create_users", "core_user_update_users"
WORKERS = 4
LINKS = 400
#: Seconds that each call takes: enough that several workers are at work at the same time.
LATENCY = 0.05


def test_four_workers_do_nothing_twice(open_office: OpenOffice, requires_service: Callable[[str], None]) -> None:
    requires_service("postgresql")
    office = open_office(lease_seconds=120)
    ids = office.enrol(LINKS)
    office.site.slow_down(LATENCY)

    together = _seconds(office, WORKERS)
    office.school.change(*ids, person={"first_name": "Together"})
    again = _seconds(office, WORKERS)
    office.school.change(*ids, person={"first_name": "Alone"})
    alone = _seconds(office, 1)

    print(f"Seconds: four workers create {together}, four update {again}, one updates {alone}.")
    assert sorted(Counter(_values(office, CREATE, "idnumber")).values()) == [1] * LINKS
    for name in ("Together", "Alone"):
        assert Counter(_updated(office, name)) == {str(user["id"]): 1 for user in office.site.users}
    office.check_in_step()
    assert office.complaints() == []


def _seconds(office: Office, workers: int) -> float:
    """Have so many workers bring everything up to date; return how long that took."""
    begun = time.monotonic()
    children = [office.worker(f"worker{number}") for number in range(workers)]
    office.until_in_step()
    took = round(time.monotonic() - begun, 2)
    for child in children:
        child.kill()
    return took


def _values(office: Office, function: str, field: str) -> list[str]:
    return [value for call in office.site.calls(function) for name, value in call["fields"] if name.endswith(f"[{field}]")]


def _updated(office: Office, first_name: str) -> list[str]:
    """The ids of the users that were given this first name, as often as they were."""
    found = []
    for call in office.site.calls(UPDATE):
        fields = dict(call["fields"])
        rows = [name.removesuffix("[firstname]") for name, value in fields.items() if name.endswith("[firstname]") and value == first_name]
        found += [fields[f"{row}[id]"] for row in rows]
    return found
