"""What comes back short, a complete file or the list of a provider, closes nobody at a provider by itself (R6, R62, R65)."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from rolecall.errors import Held
from rolecall.store.tables import Account, Comparison, Person
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import csv_source
from rolecall.work.imports.stage import Options, stage
from rolecall.work.sync.held_groups import groups

Memory = type[MemoryProvider]

#: What changes or closes an account at a provider.
WRITES = ("create", "update", "suspend", "resume", "delete")


@pytest.fixture
def two_hundred(school: School) -> list[int]:
    ids = school.students(200)
    school.sync(*ids)
    school.work()
    return ids


def writes(provider: Memory) -> dict[str, int]:
    return {verb: len(calls) for verb in WRITES if (calls := provider.service.calls(verb))}


def test_a_complete_file_that_lacks_nine_of_ten_is_held_here_and_when_it_is_allowed_there(
    school: School, provider: Memory, two_hundred: list[int], tmp_path: Path
) -> None:
    with school.app.db.read() as session:
        people = session.scalars(select(Person).where(Person.list == "students").order_by(Person.id)).all()
    rows = [f"students,{each.code},{each.first_name},{each.last_name}" for each in people]
    file = tmp_path / "people.csv"
    file.write_text("\n".join(["list,code,first_name,last_name", *rows[:20], "students,new,New,Student"]), "utf-8")
    run_id = stage(school.app, school.actor, csv_source(file, "people.csv", None), Options(complete=True))

    with pytest.raises(Held):
        confirm(school.app, school.actor, run_id)
    school.work()
    braked = writes(provider)
    confirm(school.app, school.actor, run_id, allow_shrink=True)
    school.work()

    with school.app.db.read() as session:
        closed = session.scalar(select(func.count()).select_from(Account).where(~Account.active))
        held = [(each.user_type, each.verb, each.number) for each in groups(session)]
    assert braked == {"create": 200}
    assert (closed, held) == (180, [("student", "suspend", 180)])
    assert provider.service.calls("suspend") == []


@pytest.mark.parametrize("left", [0, 20])
def test_an_empty_or_short_list_of_the_provider_sends_nothing(school: School, provider: Memory, two_hundred: list[int], left: int) -> None:
    everybody = dict(provider.service.accounts)
    provider.service.accounts = dict(list(everybody.items())[:left])

    school.compare(provider)
    provider.service.accounts = everybody
    school.work()

    with school.app.db.read() as session:
        assert "more than can be believed" in (session.get_one(Comparison, "memory").warning or "")
    assert writes(provider) == {"create": 200}
    assert not any(school.pending(each) for each in two_hundred)
