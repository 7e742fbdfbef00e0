"""What the safety limits hold is approved or discarded by somebody, exactly as it was shown (R62)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from rolecall.accounts.actors import Actor
from rolecall.errors import CountChanged, Refused
from rolecall.store.tables import AuditEntry, Link, Run
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.sync import held
from rolecall.work.sync.held_groups import because, groups
from rolecall.work.sync.status import status
from rolecall.work.tick import tick

Memory = type[MemoryProvider]


@pytest.fixture
def closed(school: School) -> list[int]:
    """Thirty of forty students are deactivated, which is held."""
    ids = school.students(40)
    school.sync(*ids)
    school.work()
    school.act("account.deactivate", *ids[:30])
    school.work()
    return ids[:30]


def audit_of(school: School, kind: str) -> list[AuditEntry]:
    with school.app.db.read() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.kind == kind).order_by(AuditEntry.seq)))


def test_the_provider_is_held_with_a_sentence_and_the_accounts_are_listed(school: School, closed: list[int]) -> None:
    with school.app.db.read() as session:
        (found,) = status(session, school.app.plugins.view(session))
        shown = held.held_links(session, "memory", limit=2, offset=1)
        run = session.scalars(select(Run)).one()

    assert (found.state, found.held) == ("held", 30)
    assert found.reason == (
        "30 suspensions (Students) are held: more than the limits of the settings allow within 24 hours. Everything else goes on."
    )
    assert [each.account_id for each in shown] == closed[1:3]
    assert {(each.verb, each.user_type, each.guarded, each.run_id, each.run_action, each.run_actor) for each in shown} == {
        ("suspend", "student", False, run.id, "account.deactivate", run.actor_label)
    }


def test_guarded_accounts_have_a_sentence_of_their_own(school: School, provider: Memory) -> None:
    ada = school.account("Ada", linked_to=provider, type="administrator")
    school.change(ada, active=False)
    school.work()

    with school.app.db.read() as session:
        sentence = because(groups(session, "memory"))

    assert sentence == "1 suspension (Administrators) is held: nobody asked for them one by one. Everything else goes on."
    assert because([]) == ""


def test_what_is_approved_is_done_and_who_approved_it_is_in_the_audit(school: School, provider: Memory, closed: list[int]) -> None:
    count = held.approve(school.app, school.actor, "memory", expected=30)
    school.work()

    (entry,) = audit_of(school, "sync.approve")
    assert (count, len(provider.service.calls("suspend"))) == (30, 30)
    assert entry.actor == school.actor.name
    assert entry.payload == {"provider": "memory", "links": 30, "verbs": {"suspend": 30}, "deletions": True, "accounts": closed}


def test_what_is_approved_does_not_use_up_the_limit(school: School, provider: Memory, closed: list[int]) -> None:
    others = school.students(20)
    school.sync(*others)
    school.work()
    held.approve(school.app, school.actor, "memory", expected=30)
    school.change(closed[0], person={"last_name": "Neu"})
    school.work()

    school.act("account.deactivate", others[0])
    school.work()

    assert len(provider.service.calls("suspend")) == 31


def test_discarding_leaves_the_accounts_there_as_they_are(school: School, provider: Memory, closed: list[int]) -> None:
    count = held.discard(school.app, school.actor, "memory", expected=30)
    school.work()
    tick(school.app, force=True)
    school.work()

    assert (count, provider.service.calls("suspend")) == (30, [])
    assert not any(each.suspended for each in provider.service.accounts.values())
    assert not any(school.pending(each) for each in closed)
    assert {school.link(each, provider).goal for each in closed} == {"present"}
    (entry,) = audit_of(school, "sync.discard")
    assert entry.payload == {"provider": "memory", "links": 30, "verbs": {"suspend": 30}, "accounts": closed}


def test_a_later_change_of_a_discarded_account_counts_anew(school: School, provider: Memory, closed: list[int]) -> None:
    held.discard(school.app, school.actor, "memory", expected=30)

    school.change(closed[0], person={"last_name": "Neu"})
    school.work()
    school.change(*closed[1:20], person={"last_name": "Neu"})
    school.work()

    assert len(provider.service.calls("suspend")) == 1
    with school.app.db.read() as session:
        assert [each.number for each in groups(session)] == [19]


def test_a_decision_covers_only_what_was_shown(school: School, provider: Memory, closed: list[int]) -> None:
    with school.app.db.read() as session:
        shown_at = held.moment_of(session)
    school.act("account.activate", closed[0])
    school.act("account.deactivate", closed[0])
    school.work()

    with school.app.db.read() as session:
        assert [each.number for each in groups(session)] == [30]
    with pytest.raises(CountChanged) as changed:
        held.approve(school.app, school.actor, "memory", expected=30, shown_at=shown_at)
    with pytest.raises(CountChanged):
        held.discard(school.app, school.actor, "memory", expected=29)
    with pytest.raises(Refused, match="Nothing is held"):
        held.discard(school.app, school.actor, "other", expected=0)
    school.work()

    assert changed.value.count == 29
    assert str(changed.value) == "30 accounts were held when you saw it, and of these 29 are now. Look again."
    assert provider.service.calls("suspend") == []


def test_whoever_reaches_only_some_decides_only_about_those(school: School, provider: Memory, closed: list[int]) -> None:
    ada = school.account("Ada", linked_to=provider, type="administrator")
    school.change(ada, active=False)
    school.work()
    clerk = Actor(name="account:1", label="Clerk", types=frozenset({"student"}))

    held.approve(school.app, clerk, "memory", expected=30)
    school.work()

    with school.app.db.read() as session:
        assert [(each.user_type, each.number) for each in groups(session)] == [("administrator", 1)]
    assert len(provider.service.calls("suspend")) == 30


def deletions(school: School, provider: Memory, days: int) -> list[int]:
    school.save(provider, on_deactivation="delete", delete_after=days, suspensions_percent=100, suspensions_number=100)
    ids = school.students(25)
    school.sync(*ids)
    school.work()
    school.act("account.deactivate", *ids[:10])
    school.work()
    return ids[:10]


def days_pass(school: School, days: int) -> None:
    with school.app.db.write() as session:
        for link in session.scalars(select(Link).where(Link.goal_since.is_not(None))):
            assert link.goal_since is not None
            link.goal_since = link.goal_since - timedelta(days=days)
    tick(school.app, force=True)
    school.work()


def test_without_deletions_who_would_be_deleted_is_suspended(school: School, provider: Memory) -> None:
    ids = deletions(school, provider, 0)

    held.approve(school.app, school.actor, "memory", expected=10, deletions=False)
    school.work()
    tick(school.app, force=True)
    school.work()

    assert (len(provider.service.calls("suspend")), provider.service.calls("delete")) == (10, [])
    assert not any(school.pending(each) for each in ids)
    assert audit_of(school, "sync.approve")[0].payload["deletions"] is False  # type: ignore[index]


def test_the_days_of_a_discarded_deletion_begin_anew(school: School, provider: Memory) -> None:
    deletions(school, provider, 30)
    days_pass(school, 30)
    with school.app.db.read() as session:
        waiting = [(each.verb, each.number) for each in groups(session)]

    held.discard(school.app, school.actor, "memory", expected=10)
    days_pass(school, 29)
    with school.app.db.read() as session:
        early = groups(session)
    days_pass(school, 1)

    assert (waiting, early) == ([("delete", 10)], [])
    assert provider.service.calls("delete") == []
    with school.app.db.read() as session:
        assert [(each.verb, each.number) for each in groups(session)] == [("delete", 10)]


def test_with_a_limit_of_zero_each_one_waits_and_the_audit_names_it(school: School, closed: list[int]) -> None:
    school.act("account.activate", *closed)
    school.save("memory", suspensions_percent=0)
    school.act("account.deactivate", closed[0])
    school.work()

    held.approve(school.app, school.actor, "memory", expected=1)

    (entry,) = audit_of(school, "sync.approve")
    assert entry.account_id == closed[0]
