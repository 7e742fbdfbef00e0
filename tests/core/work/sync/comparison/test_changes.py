"""A quick comparison asks only what changed since the last one; a token that expired leads to the whole list (R65)."""

from dataclasses import replace

from rolecall.store.tables import Comparison
from rolecall.work.sync.comparison import job


def quickly(school, provider):
    """Ask what changed, and return how that ended."""
    job.start(school.app, school.actor, provider.id, job.CHANGES)
    job.compare(school.app, provider.id)
    with school.app.db.read() as session:
        return session.get_one(Comparison, provider.id)


def test_what_changed_there_is_brought_into_the_lines_without_reading_the_list(school, provider, compare, lines):
    anna, ben = (school.student(each, linked_to=provider) for each in ("Anna", "Ben"))
    stays = provider.service.add("stays")
    compare(school, provider)
    held = provider.service.accounts
    annas, bens = (school.link(each, provider).external_id for each in (anna, ben))
    held[annas] = replace(held[annas], attributes={**held[annas].attributes, "name": "Changed"})
    held.pop(bens)
    new = provider.service.add("new")
    provider.service.journal.clear()

    ended = quickly(school, provider)

    found = lines(school, provider)
    assert (ended.state, ended.kind, ended.number) == ("done", "changes", 1)
    assert provider.service.calls("accounts") == []
    assert set(found[annas].drift) == {"name"}
    assert (found[new.external_id].verdict, found[stays.external_id].verdict) == ("there", "there")
    assert found[ben].reason.endswith("is gone.")


def test_each_quick_comparison_goes_on_where_the_one_before_ended(school, provider, compare, lines):
    compare(school, provider)
    first = provider.service.add("first")
    quickly(school, provider)
    provider.service.journal.clear()

    quickly(school, provider)

    assert provider.service.calls("changes") == []
    assert lines(school, provider)[first.external_id].verdict == "there"


def test_a_token_that_expired_leads_to_the_whole_list(school, provider, compare, lines):
    provider.service.add("old")
    compare(school, provider)
    provider.service.snapshots.clear()
    new = provider.service.add("new")

    ended = quickly(school, provider)

    assert (ended.state, ended.kind, ended.number) == ("done", "full", 2)
    assert lines(school, provider)[new.external_id].verdict == "there"
    assert ended.token is not None


def test_without_a_comparison_before_everything_is_read(school, provider, lines):
    provider.service.add("anna")

    ended = quickly(school, provider)

    assert (ended.state, ended.kind) == ("done", "full")
    assert len(lines(school, provider)) == 1


def test_what_we_sent_ourselves_since_the_list_was_read_is_no_drift(school, provider, compare, lines):
    anna = school.student("Anna", linked_to=provider)
    compare(school, provider)
    school.change(anna, person={"last_name": "New"})
    school.work()

    quickly(school, provider)

    assert lines(school, provider)[school.link(anna, provider).external_id].drift is None


def test_changes_that_break_off_leave_the_lines_and_are_asked_for_again(school, provider, compare, lines):
    compare(school, provider)
    new = provider.service.add("new")
    provider.service.fail("changes", RuntimeError("broken"))

    failed = quickly(school, provider)
    before = lines(school, provider)
    ended = quickly(school, provider)

    assert (failed.state, before) == ("failed", {})
    assert ended.state == "done"
    assert lines(school, provider)[new.external_id].verdict == "there"
