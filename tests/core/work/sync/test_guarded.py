"""Administrators, the owner and protected accounts are closed at a provider only when somebody asks for them by themselves (R62)."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from rolecall.errors import Refused, Transient
from rolecall.sdk.provider import Remote
from rolecall.store.tables import Account, Link
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work import brakes
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import csv_source
from rolecall.work.imports.stage import Options, stage
from rolecall.work.sync import held
from rolecall.work.sync.held_groups import groups
from rolecall.work.tick import tick

Memory = type[MemoryProvider]


@pytest.mark.parametrize("values", [{"type": "administrator"}, {"type": "teacher", "is_owner": True}])
def test_who_may_do_everything_is_closed_only_when_asked_for_alone(school: School, provider: Memory, values: dict[str, Any]) -> None:
    ada, bob = (school.account(name, linked_to=provider, **values | {"is_owner": False}) for name in ("Ada", "Bob"))
    cleo = school.account("Cleo", linked_to=provider, **values)

    school.change(cleo, active=False)
    if values["type"] == "administrator":
        school.act("account.deactivate", ada, bob)
    school.work()
    unasked = provider.service.calls("suspend")
    if values["type"] == "administrator":
        school.act("account.activate", ada)
        school.act("account.deactivate", ada)
    school.work()

    assert unasked == []
    assert school.brakes(cleo) == {"guarded": 1}
    assert len(provider.service.calls("suspend")) == (1 if values["type"] == "administrator" else 0)


def test_what_was_asked_for_alone_stays_so_while_it_waits(school: School, provider: Memory) -> None:
    ada = school.account("Ada", linked_to=provider, type="administrator")
    school.set_provider(provider, state="paused", paused_by="Bob")
    school.act("account.deactivate", ada)
    school.change(ada, person={"last_name": "Neu"})
    school.work()
    school.change(ada, person={"last_name": "Alt"})

    school.set_provider(provider, state="ok", paused_by=None)
    school.work()

    assert len(provider.service.calls("suspend")) == 1


def test_a_new_name_of_a_closed_account_asks_for_nothing_at_its_provider(school: School, provider: Memory) -> None:
    ada, bob = (school.account(name, linked_to=provider, type="administrator") for name in ("Ada", "Bob"))
    school.act("account.deactivate", ada, bob)

    school.act("account.profile_name", ada, first_name="Ada", last_name="Neu")
    school.act("external.sync", ada)
    school.work()

    assert provider.service.calls("suspend") == []
    assert school.brakes(ada, bob) == {"guarded": 2}


def test_an_import_of_one_line_asks_for_nobody_by_itself(school: School, provider: Memory, tmp_path: Path) -> None:
    """A rule closes the account because the person left; that is nobody's wish about this account."""
    anna = school.student("Anna", linked_to=provider)
    school.act("account.protect", anna)
    file = tmp_path / "people.csv"
    file.write_text(f"list,code,active\nstudents,{school.snapshot(anna).person.code},no", "utf-8")

    run_id = stage(school.app, school.actor, csv_source(file, "people.csv", None), Options())
    confirm(school.app, school.actor, run_id)
    school.work()

    assert not school.snapshot(anna).active
    assert (provider.service.calls("suspend"), school.brakes(anna)) == ([], {"guarded": 1})


def test_a_protected_account_is_left_out_of_what_is_done_to_many(school: School, provider: Memory) -> None:
    ids = school.students(3)
    school.sync(*ids)
    school.work()
    school.act("account.protect", ids[0])

    school.act("account.deactivate", *ids)
    school.work()

    assert len(provider.service.calls("suspend")) == 2
    assert school.brakes(ids[0]) == {"guarded": 1}
    assert not _there(provider, school.key(ids[0])).suspended


def test_a_protected_account_is_closed_when_it_is_asked_for_alone(school: School, provider: Memory) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.act("account.protect", anna)

    school.act("account.deactivate", anna)
    school.work()

    assert len(provider.service.calls("suspend")) == 1


def test_to_protect_or_to_end_it_is_not_to_ask_for_closing(school: School, provider: Memory) -> None:
    ids = school.students(2)
    school.sync(*ids)
    school.work()
    school.act("account.protect", *ids)
    school.act("account.deactivate", *ids)
    school.work()

    school.act("account.unprotect", ids[0])
    school.work()

    assert provider.service.calls("suspend") == [school.link(ids[0], provider).external_id]
    assert school.brakes(ids[1]) == {"guarded": 1}


def test_who_is_protected_while_it_waits_is_looked_at_anew(school: School, provider: Memory) -> None:
    """Let through by the limits, or approved among many, and not sent yet."""
    ids = school.students(30)
    school.sync(*ids)
    school.work()
    provider.service.fail("suspend", Transient("Not now."), times=None)
    school.act("account.deactivate", ids[0])
    school.act("account.deactivate", *ids[1:11])
    school.work()
    held.approve(school.app, school.actor, "memory", expected=11)
    school.work()
    provider.service.mend()

    school.act("account.protect", *ids[0:2])
    school.hurry(provider)
    school.work()

    closed = {each.external_id for each in provider.service.accounts.values() if each.suspended}
    assert closed == {school.link(each, provider).external_id for each in ids[2:11]}
    assert school.brakes(*ids[0:2]) == {"guarded": 2}


def test_who_becomes_guarded_after_the_claim_is_not_called(school: School, provider: Memory) -> None:
    anna = school.student("Anna", linked_to=provider)
    with school.app.db.write() as session:
        session.execute(update(Link).values(goal="suspended", brake=brakes.FREE, wanted=Link.wanted + 1))
        session.execute(update(Account).where(Account.id == anna).values(protected=True))

    school.work()

    assert (provider.service.calls("suspend"), school.brakes(anna)) == ([], {"guarded": 1})


def test_an_approval_of_all_leaves_the_guarded_ones_held(school: School, provider: Memory) -> None:
    ids = school.students(30)
    school.sync(*ids)
    school.work()
    school.act("account.protect", *ids[:2])
    school.act("account.deactivate", *ids)
    school.work()

    count = held.approve(school.app, school.actor, "memory", expected=30)
    school.work()
    with pytest.raises(Refused, match="one by one"):
        held.approve(school.app, school.actor, "memory", expected=2)
    alone = held.approve(school.app, school.actor, "memory", expected=1, accounts=ids[:1])
    school.work()
    left = held.discard(school.app, school.actor, "memory", expected=1, accounts=ids[1:2])
    school.work()

    assert (count, alone, left) == (28, 1, 1)
    assert len(provider.service.calls("suspend")) == 29
    assert school.pending(ids[1]) == []
    assert not _there(provider, school.key(ids[1])).suspended


def test_a_protected_account_is_never_deleted_by_days_alone(school: School, provider: Memory) -> None:
    school.save(provider, on_deactivation="delete", delete_after=0)
    anna, ben = (school.student(name, linked_to=provider) for name in ("Anna", "Ben"))
    school.act("account.protect", anna)

    school.act("account.deactivate", anna)
    school.act("account.deactivate", ben)
    school.work()

    assert len(provider.service.calls("delete")) == 1
    assert school.link(anna, provider).goal == "suspended"


def _there(provider: Memory, key: str) -> Remote:
    found = provider.service.of(key)
    assert found is not None
    return found


MASSES = ("account.protect", "account.unprotect", "account.deactivate", "account.activate", "account.delete", "account.restore")
PEOPLE = 22


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from((*MASSES, "rule", "approve", "discard", "suspensions only", "days")),
            st.sets(st.integers(0, PEOPLE - 1), min_size=2, max_size=PEOPLE),
        ),
        min_size=2,
        max_size=5,
    ),
    deletes=st.booleans(),
)  # fmt: skip
def test_whatever_is_done_to_many_a_protected_account_is_never_closed_there(
    school: School, provider: Memory, steps: list[tuple[str, set[int]]], deletes: bool
) -> None:
    with school.app.db.write() as session:
        session.execute(delete(Link))
    school.save(provider, on_deactivation="delete" if deletes else "suspend", on_deletion="delete", delete_after=0)
    ids = school.students(PEOPLE)
    protected = set(ids[:5])
    school.act("account.protect", *protected)
    school.sync(*ids)
    school.work()

    for step, chosen in steps:
        some = [ids[each] for each in sorted(chosen)]
        there = {school.link(each, provider).external_id for each in protected}
        provider.service.journal.clear()
        if step == "account.protect":
            protected.update(some)
        if step == "account.unprotect":
            protected.difference_update(some)
        there &= {school.link(each, provider).external_id for each in protected}
        _do(school, step, some)
        school.work()

        called = {*provider.service.calls("suspend"), *provider.service.calls("delete")}
        assert not called & there


def _do(school: School, step: str, ids: list[int]) -> None:
    if step in MASSES:
        school.act(step, *ids)
    elif step == "rule":
        school.change(*ids, active=False)
    elif step == "days":
        tick(school.app, force=True)
    else:
        with school.app.db.read() as session:
            number = sum(each.number for each in groups(session, "memory"))
        with suppress(Refused):
            if step == "discard":
                held.discard(school.app, school.actor, "memory", expected=number)
            else:
                held.approve(school.app, school.actor, "memory", expected=number, deletions=step == "approve")
