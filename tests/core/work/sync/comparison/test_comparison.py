"""A comparison says of every account there and here which is whose, sends nothing, and concludes nothing from a list that is not whole."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from rolecall.errors import Permanent, Refused, Transient, Unknown
from rolecall.sdk.provider import Provider, Remote
from rolecall.store.tables import Comparison, RemoteAccount
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.work import links
from rolecall.work.sync.comparison import job
from rolecall.work.sync.comparison.decisions import decide

Open = Callable[..., School]


def test_every_account_on_both_sides_is_classed(school: School, provider: type[MemoryProvider], compare, lines) -> None:
    linked = school.student("Linked", linked_to=provider)
    by_key, by_name, by_mail = school.student("Key"), school.student("Name"), school.student("Mail", email="Mail.Box@School.example")
    alone = school.student("Alone")
    service = provider.service
    keyed = service.add("whatever", key=school.key(by_key))
    named = service.add(school.snapshot(by_name).username.upper())
    mailed = service.add("someone", email="MAIL.BOX@school.EXAMPLE")
    stranger = service.add("stranger")
    keyed_stranger = service.add("other", key="of-somebody-else")
    service.journal.clear()

    ended = compare(school, provider)

    found = lines(school, provider)
    assert (ended.state, ended.seen, ended.error, ended.warning) == ("done", 6, None, None)
    remote = school.link(linked, provider).external_id
    assert {name: (found[name].verdict, found[name].account_id) for name in found if isinstance(name, str)} == {
        remote: ("matched", linked),
        keyed.external_id: ("adoptable", by_key),
        named.external_id: ("adoptable", by_name),
        mailed.external_id: ("adoptable", by_mail),
        stranger.external_id: ("there", None),
        keyed_stranger.external_id: ("there", None),
    }
    assert [(each.account_id, each.verdict) for each in found.values() if each.external_id is None] == [(alone, "here")]
    assert {call.verb for call in service.journal} == {"accounts"}
    assert school.pending(by_key) == school.pending(alone) == []


def test_what_is_doubtful_is_a_conflict_with_a_reason(school: School, provider: type[MemoryProvider], compare, lines) -> None:
    foreign, linked, twin_key, rivals = (school.student(each) for each in ("Foreign", "Linked", "Twin", "Rival"))
    with school.app.db.write() as session:
        links.link(session, [linked], provider.id)
    school.work()
    elder = school.student("Elder", email="parent@home.example")
    younger = school.student("Younger", email="parent@home.example")
    service = provider.service
    with_key = service.add(school.snapshot(foreign).username, key="of-another-system")
    second = service.add(f"{school.snapshot(linked).username}", email="x@y.example")
    twins = [service.add(f"twin{number}", key=school.key(twin_key)) for number in (1, 2)]
    rival = [service.add(school.snapshot(rivals).username), service.add("else", email=school.snapshot(rivals).email or "")]
    shared = service.add("parent", email="parent@home.example")

    compare(school, provider)

    found = lines(school, provider)
    reasons = {
        with_key.external_id: "but carries the key of somebody else (of-another-system)",
        second.external_id: "who has another account there",
        twins[0].external_id: "and so does another account there",
        twins[1].external_id: "and so does another account there",
        shared.external_id: "and of somebody else here",
    }
    if school.snapshot(rivals).email:
        reasons |= {each.external_id: "and so has another account there" for each in rival}
    assert {each: found[each].verdict for each in reasons} == dict.fromkeys(reasons, "conflict")
    for external_id, reason in reasons.items():
        assert reason in found[external_id].reason
    assert lines(school, provider)[younger].verdict == "conflict"
    assert elder not in lines(school, provider)


def test_whom_the_integration_does_not_serve_is_not_offered(open_school: Open, provider: type[MemoryProvider], compare, lines) -> None:
    school = open_school(provider)
    school.save(provider, user_types=["teacher"])
    student, out = school.student("Anna"), school.teacher("Out", no_sync=True)
    keyed = provider.service.add("anna", key=school.key(student))
    named = provider.service.add(school.snapshot(out).username)

    compare(school, provider)

    found = lines(school, provider)
    assert (found[keyed.external_id].verdict, found[named.external_id].verdict) == ("there", "there")
    assert "does not keep in step" in found[keyed.external_id].reason
    assert len(found) == 2


def test_a_linked_account_that_is_not_there_any_more_is_told(school: School, provider: type[MemoryProvider], compare, lines) -> None:
    gone, kept = school.student("Gone", linked_to=provider), school.student("Kept", linked_to=provider)
    provider.service.accounts.pop(school.link(gone, provider).external_id or "")

    ended = compare(school, provider)

    assert ended.warning is None
    assert lines(school, provider)[gone].reason.endswith("is gone.")
    assert lines(school, provider)[school.link(kept, provider).external_id or ""].verdict == "matched"


def test_a_list_that_breaks_off_changes_nothing(school: School, provider: type[MemoryProvider], compare, lines) -> None:
    school.student("Anna", linked_to=provider)
    compare(school, provider)
    before = [each.id for each in lines(school, provider).values()]
    last = provider.service.add("last")
    provider.service.fail("accounts", Permanent("Page 2 is broken."), who=last.external_id)

    ended = compare(school, provider)

    assert (ended.state, ended.error) == ("failed", "Page 2 is broken.")
    assert [each.id for each in lines(school, provider).values()] == before
    assert ended.number == 1


@pytest.mark.parametrize("left", [0, 2])
def test_an_empty_or_shrunken_list_is_no_deletion(school: School, provider: type[MemoryProvider], left: int, compare, lines) -> None:
    ids = [school.student(f"S{number}") for number in range(9)]
    with school.app.db.write() as session:
        links.link(session, ids, provider.id)
    school.work()
    for each in ids[left:]:
        provider.service.accounts.pop(school.link(each, provider).external_id or "")

    ended = compare(school, provider)

    assert f"listed {left} accounts, and {9 - left} of the 9 linked" in (ended.warning or "")
    assert {match.reason for match in lines(school, provider).values() if match.external_id is None} == {
        "The list did not have its account, but the list cannot be believed."
    }
    assert all(school.link(each, provider).external_id for each in ids)
    with pytest.raises(Refused, match="cannot be believed"):
        decide(school.app, school.actor, provider.id, lines(school, provider)[ids[-1]].id, "create")


def test_an_item_that_comes_twice_counts_once(open_school: Open, compare, lines) -> None:
    class Doubled(MemoryProvider):
        id, label, service = "doubled", "Doubled", memory_provider().service

        def accounts(self):
            yield from super().accounts()
            yield from super().accounts()

    school = open_school(Doubled)
    Doubled.service.add("anna")

    ended = compare(school, Doubled)

    assert ended.state == "done"
    assert len(lines(school, Doubled)) == 1


def test_a_provider_that_does_not_answer_is_asked_again_later(school: School, provider: type[MemoryProvider], compare, lines) -> None:
    provider.service.add("anna")
    provider.service.fail("accounts", Transient("It is busy."))

    waiting = compare(school, provider)
    with school.app.db.write() as session:
        session.get_one(Comparison, provider.id).not_before = None
    school.work()

    assert (waiting.state, waiting.error) == ("queued", "It is busy.")
    assert [each.verdict for each in lines(school, provider).values()] == ["there"]
    with school.app.db.read() as session:
        assert session.get_one(Comparison, provider.id).state == "done"


def test_a_provider_that_never_answers_is_given_up(school: School, provider: type[MemoryProvider], compare) -> None:
    provider.service.add("anna")
    provider.service.fail("accounts", Transient("It is busy."), times=None)
    job.start(school.app, school.actor, provider.id)

    for _ in range(job.MOST):
        with school.app.db.write() as session:
            session.get_one(Comparison, provider.id).not_before = None
        job.compare(school.app, provider.id)

    with school.app.db.read() as session:
        assert session.get_one(Comparison, provider.id).state == "failed"


@pytest.mark.parametrize(
    ("remote", "why"),
    [
        (Remote(external_id=""), "without a usable id"),
        (Remote(external_id="1", attributes={"username": ["a list"]}), "failed unexpectedly (TypeError)"),  # type: ignore[dict-item]
        (SystemExit(1), "tried to end the program (SystemExit)"),
    ],
)
def test_a_plugin_that_lists_nonsense_fails_the_comparison(open_school: Open, remote: object, why: str, compare, lines) -> None:
    class Wild(MemoryProvider):
        id, label, service = "wild", "Wild", memory_provider().service

        def accounts(self):
            if isinstance(remote, BaseException):
                raise remote
            yield remote

    school = open_school(Wild)

    ended = compare(school, Wild)

    assert why in (ended.error or "")
    assert lines(school, Wild) == {}


def test_a_worker_that_lost_its_lease_writes_nothing_more(school: School, provider: type[MemoryProvider], compare, lines) -> None:
    for number in range(3):
        provider.service.add(f"a{number}")
    job.start(school.app, school.actor, provider.id)

    def overtaken() -> None:
        with school.app.db.write() as session:
            session.get_one(Comparison, provider.id).leased_until = None
        assert job.compare(school.app, provider.id)

    provider.service.fail("accounts", overtaken, who=next(iter(provider.service.accounts)))

    job.compare(school.app, provider.id)

    with school.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(RemoteAccount)) == 3
        assert session.get_one(Comparison, provider.id).number == 1
    assert len(lines(school, provider)) == 3


def test_a_worker_that_stops_lets_go_and_the_next_begins_again(school: School, provider: type[MemoryProvider], compare, lines) -> None:
    provider.service.add("anna")
    job.start(school.app, school.actor, provider.id)

    job.compare(school.app, provider.id, stop=lambda: True)
    left = lines(school, provider)
    school.work()

    assert left == {}
    assert len(lines(school, provider)) == 1


def test_a_comparison_that_no_worker_survives_is_given_up(school: School, provider: type[MemoryProvider], compare) -> None:
    job.start(school.app, school.actor, provider.id)
    with school.app.db.write() as session:
        session.get_one(Comparison, provider.id).attempts = job.MOST

    job.compare(school.app, provider.id)

    with school.app.db.read() as session:
        assert "no worker came to its end" in (session.get_one(Comparison, provider.id).error or "")


def test_only_an_enabled_provider_that_can_list_is_compared(open_school: Open, provider: type[MemoryProvider], compare) -> None:
    class Silent(Provider):
        id, label = "silent", "Silent"

        def attributes(self, account):
            return {}

        def find(self, account):
            return None

        def create(self, account, wanted, password):
            return None

    school = open_school(provider, Silent)

    with pytest.raises(Unknown):
        job.start(school.app, school.actor, "nothing")
    with pytest.raises(Refused, match="cannot list"):
        job.start(school.app, school.actor, "silent")
    job.start(school.app, school.actor, provider.id)
    school.disable(provider)
    job.compare(school.app, provider.id)

    with school.app.db.read() as session:
        assert session.get_one(Comparison, provider.id).error == "The integration is not enabled."


def test_asking_twice_is_one_comparison(school: School, provider: type[MemoryProvider], compare) -> None:
    job.start(school.app, school.actor, provider.id)
    job.start(school.app, school.actor, provider.id)

    assert job.compare(school.app, provider.id)
    assert not job.compare(school.app, provider.id)


def test_a_provider_that_is_paused_is_left_alone(school: School, provider: type[MemoryProvider], compare) -> None:
    provider.service.add("anna")
    school.set_provider(provider, state="paused")

    ended = compare(school, provider)

    assert (ended.state, provider.service.journal) == ("failed", [])
    assert "it is paused" in (ended.error or "")
