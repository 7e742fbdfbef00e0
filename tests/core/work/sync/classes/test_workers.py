"""Several workers, killed ones and late ones: classes are made once, and nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from class_rounds import PAST, Kind, Open, link, pending, there, usernames
from sqlalchemy import update

from rolecall.errors import Transient
from rolecall.sdk.provider import Limits
from rolecall.store.tables import Slot
from rolecall.testing.class_providers import class_provider
from rolecall.testing.school import School
from rolecall.work.sync.drain import drain


def test_four_workers_do_nothing_twice(open_school: Open) -> None:
    provider = class_provider(limits=Limits(concurrency=4))
    schools = [open_school(provider) for _ in range(4)]
    schools[0].save(provider, classes=True)
    ids = [schools[0].student(linked_to=provider) for _ in range(3)]
    classes = [schools[0].school_class(*ids) for _ in range(60)]

    with ThreadPoolExecutor(4) as pool:
        settled = sum(pool.map(lambda school: drain(school.app, provider.id), schools))

    assert settled == 60
    assert len(provider.service.calls("create_class")) == 60
    assert all(len(there(schools[0], provider, each).members) == 3 for each in classes)


class Killed(BaseException):
    """The worker ends here."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize("verb", ["find_class", "create_class", "remove_members", "add_members", "update_class", "archive_class"])
@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_is_killed_around_a_call_loses_nothing(school: School, provider: Kind, verb: str, after: bool) -> None:
    anna, ben, eva = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben", "eva"))
    made, changed, ended = school.school_class(anna, name="Made"), 0, 0
    if verb not in ("find_class", "create_class"):
        changed, ended = school.school_class(anna, ben), school.school_class(anna)
        school.work()
        school.set_members(changed, {anna: "teacher", eva: "student"})
        school.change_class(changed, name="Changed")
        school.change_class(ended, active=False)
    provider.service.fail(verb, die, after=after)

    with pytest.raises(Killed):
        drain(school.app, provider.id)
    with school.app.db.write() as session:
        session.execute(update(Slot).values(leased_until=PAST))
    school.set_class_links(provider, leased_until=PAST)
    school.work()

    assert usernames(school, provider, made) == {"anna": "student"}
    assert set(provider.service.made.values()) == {1}
    if changed:
        assert usernames(school, provider, changed) == {"anna": "teacher", "eva": "student"}
        assert there(school, provider, changed).attributes["name"] == "Changed"
        assert there(school, provider, ended).archived
    assert not any(pending(school, provider, each) for each in (made, changed, ended) if each)


def test_a_creation_that_nobody_lived_to_write_down_is_found_and_archived(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("create_class", die, after=True)
    with pytest.raises(Killed):
        drain(school.app, provider.id)
    with school.app.db.write() as session:
        session.execute(update(Slot).values(leased_until=PAST))
    school.set_class_links(provider, leased_until=PAST)

    school.change_class(maths, active=False)
    school.work()

    assert there(school, provider, maths).archived


def test_who_was_taken_out_by_a_killed_worker_is_put_back_before_the_class_is_closed(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths = school.school_class(anna, ben)
    school.work()
    school.set_members(maths, {anna: "teacher", ben: "student"})
    provider.service.fail("remove_members", die, after=True)
    with pytest.raises(Killed):
        drain(school.app, provider.id)
    with school.app.db.write() as session:
        session.execute(update(Slot).values(leased_until=PAST))
    school.set_class_links(provider, leased_until=PAST)
    assert set(usernames(school, provider, maths)) == {"ben"}

    school.change_class(maths, active=False)
    school.work()

    assert there(school, provider, maths).archived
    assert usernames(school, provider, maths) == {"anna": "teacher", "ben": "student"}


def test_a_creation_that_never_happened_leaves_nothing_to_archive(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("create_class", Transient("Busy."))
    school.work()

    school.change_class(maths, active=False)
    school.hurry(provider)
    school.work()

    assert not pending(school, provider, maths)
    assert link(school, provider, maths).sent is None


def test_a_worker_that_lost_its_lease_writes_nothing(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))

    def overtake() -> None:
        school.set_class_links(provider, fence=99, leased_until=PAST + timedelta(days=40_000))

    provider.service.fail("create_class", overtake)
    drain(school.app, provider.id)

    assert link(school, provider, maths).external_id is None
