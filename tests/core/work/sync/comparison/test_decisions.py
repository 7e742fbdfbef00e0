"""What people decide about a comparison: adopt without overwriting, ignore, keep apart; repair and accept what was changed there."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Refused, Unknown
from rolecall.sdk.mapping import MappedAttribute, Mode
from rolecall.store.tables import AuditEntry, Comparison, Match
from rolecall.testing.providers import memory_provider
from rolecall.work.purge import purge
from rolecall.work.sync.comparison.decisions import decide, decide_all
from rolecall.work.sync.comparison.drift import SUSPENDED
from rolecall.work.sync.preview import preview


def of_account(lines, account):
    return next(each for each in lines.values() if each.account_id == account)


def planned(school, provider):
    return {line.account_id: (line.verb, dict(line.fields), line.queued) for line in preview(school.app, school.actor, provider.id)}


def entries(school, kind):
    with school.app.db.read() as session:
        return [each.payload for each in session.scalars(select(AuditEntry).where(AuditEntry.kind == kind).order_by(AuditEntry.seq))]


def test_adopting_all_overwrites_nothing_until_the_account_changes(school, provider, compare, lines):
    anna, ben = school.student("Anna"), school.student("Ben")
    for each in (anna, ben):
        provider.service.add(school.snapshot(each).username, name="As it was there")
    compare(school, provider)
    provider.service.journal.clear()

    count = decide_all(school.app, school.actor, provider.id, "adopt")
    school.work()
    compare(school, provider)

    assert count == 2
    assert {each.verdict for each in lines(school, provider).values()} == {"matched"}
    assert {call.verb for call in provider.service.journal} == {"accounts"}
    assert school.pending(anna) == []
    verb, fields, queued = planned(school, provider)[anna]
    assert (verb, fields["name"][0], queued) == ("update", "As it was there", False)
    (told,) = entries(school, "match.adopt")
    assert [each["account"] for each in told["accounts"]] == [anna, ben]

    school.sync(anna)
    school.work()

    held = provider.service.accounts[school.link(anna, provider).external_id].attributes
    assert held["name"].startswith("Anna")
    assert set(planned(school, provider)) == {ben}


def test_adopting_with_overwriting_sends_what_differs(school, provider, compare, lines):
    anna = school.student("Anna")
    remote = provider.service.add(school.snapshot(anna).username, suspended=True)
    compare(school, provider)

    decide(school.app, school.actor, provider.id, of_account(lines(school, provider), anna).id, "adopt", overwrite=True)
    school.work()

    assert not provider.service.accounts[remote.external_id].suspended
    assert provider.service.accounts[remote.external_id].attributes["name"].startswith("Anna")
    assert provider.service.made == {}
    assert planned(school, provider) == {}


def test_what_changed_since_the_comparison_is_not_decided_by_it(school, provider, compare, lines):
    anna, ben = school.student("Anna"), school.student("Ben")
    remote = provider.service.add(school.snapshot(anna).username)
    compare(school, provider)
    line = of_account(lines(school, provider), anna)
    school.sync(anna)
    school.work()
    assert school.link(anna, provider).external_id == remote.external_id

    with pytest.raises(Refused, match="changed since"):
        decide(school.app, school.actor, provider.id, line.id, "adopt")
    with pytest.raises(Refused, match="changed since"):
        decide(school.app, school.actor, provider.id, line.id, "adopt", account_id=ben)
    assert decide_all(school.app, school.actor, provider.id, "adopt") == 0


def test_a_person_may_link_by_hand_what_no_rule_recognises(school, provider, compare, lines):
    anna = school.student("Anna")
    remote = provider.service.add("annas-old-account")
    keyed = provider.service.add("keyed", key="of-another-system")
    compare(school, provider)
    found = lines(school, provider)

    with pytest.raises(Refused, match="carries the key of somebody else"):
        decide(school.app, school.actor, provider.id, found[keyed.external_id].id, "adopt", account_id=anna)
    with pytest.raises(Unknown):
        decide(school.app, school.actor, provider.id, found[remote.external_id].id, "adopt", account_id=999_999)
    decide(school.app, school.actor, provider.id, found[remote.external_id].id, "adopt", account_id=anna)

    assert school.link(anna, provider).external_id == remote.external_id
    assert [each.verdict for each in lines(school, provider).values() if each.account_id == anna] == ["matched"]


def test_what_is_not_this_persons_is_never_offered_or_taken_again(school, provider, compare, lines):
    anna = school.student("Anna")
    remote = provider.service.add(school.snapshot(anna).username)
    compare(school, provider)

    decide(school.app, school.actor, provider.id, lines(school, provider)[remote.external_id].id, "separate")
    compare(school, provider)
    school.sync(anna)
    school.work()

    line = lines(school, provider)[remote.external_id]
    assert (line.verdict, line.account_id, line.decision) == ("there", None, "separate")
    assert school.link(anna, provider).external_id is None
    assert (school.link(anna, provider).blocked, school.link(anna, provider).error_class) == (True, "conflict")
    assert "another person's" in school.link(anna, provider).error
    assert provider.service.calls("update") == provider.service.calls("create") == []

    decide(school.app, school.actor, provider.id, line.id, "reopen")
    compare(school, provider)

    assert lines(school, provider)[remote.external_id].verdict == "adoptable"


def test_an_account_apart_from_another_is_still_made(school, provider, compare, lines):
    anna = school.student("Anna", email="anna@school.example")
    other = provider.service.add("other", email="anna@school.example")
    compare(school, provider)
    decide(school.app, school.actor, provider.id, lines(school, provider)[other.external_id].id, "separate")

    school.sync(anna)
    school.work()

    assert school.link(anna, provider).external_id not in (None, other.external_id)


def test_what_is_ignored_stays_ignored_while_it_is_the_same(school, provider, compare, lines):
    anna = school.student("Anna")
    stranger = provider.service.add("stranger")
    compare(school, provider)
    found = lines(school, provider)
    for line in (found[stranger.external_id], found[anna]):
        decide(school.app, school.actor, provider.id, line.id, "ignore")

    compare(school, provider)
    same = {each: line.decision for each, line in lines(school, provider).items()}
    name = school.snapshot(anna).username
    provider.service.accounts[stranger.external_id] = replace(stranger, attributes={**stranger.attributes, "username": name})
    compare(school, provider)

    assert same == {stranger.external_id: "ignore", anna: "ignore"}
    line = lines(school, provider)[stranger.external_id]
    assert (line.verdict, line.decision) == ("adoptable", None)


@pytest.mark.parametrize("all_of_them", [True, False])
def test_what_was_changed_there_is_listed_and_repaired(school, provider, compare, lines, all_of_them):
    anna = school.student("Anna", linked_to=provider)
    remote = provider.service.accounts[school.link(anna, provider).external_id]
    changed = {**remote.attributes, "name": "Somebody Else", "unmanaged": "x"}
    provider.service.accounts[remote.external_id] = replace(remote, attributes=changed, suspended=True)
    compare(school, provider)
    line = of_account(lines(school, provider), anna)

    if all_of_them:
        assert decide_all(school.app, school.actor, provider.id, "repair") == 1
    else:
        decide(school.app, school.actor, provider.id, line.id, "repair")
    school.work()
    compare(school, provider)

    assert line.drift == {
        "name": {"sent": remote.attributes["name"], "there": "Somebody Else"},
        SUSPENDED: {"sent": False, "there": True},
    }
    assert provider.service.accounts[remote.external_id] == replace(remote, attributes={**remote.attributes, "unmanaged": "x"})
    assert of_account(lines(school, provider), anna).drift is None
    assert entries(school, "match.repair")[0]["accounts"][0]["attributes"] == [SUSPENDED, "name"]


def test_what_is_accepted_stays_until_the_account_changes_here(school, provider, compare, lines):
    anna = school.student("Anna", linked_to=provider)
    remote = provider.service.accounts[school.link(anna, provider).external_id]
    provider.service.accounts[remote.external_id] = replace(remote, attributes={**remote.attributes, "name": "Nickname"})
    compare(school, provider)
    provider.service.journal.clear()

    decide(school.app, school.actor, provider.id, of_account(lines(school, provider), anna).id, "accept")
    school.work()
    compare(school, provider)

    assert of_account(lines(school, provider), anna).drift is None
    assert provider.service.calls("update") == []
    assert planned(school, provider)[anna] == ("update", {"name": ("Nickname", remote.attributes["name"])}, False)


def test_an_account_that_is_suspended_here_and_open_there_is_closed_again(school, provider, compare, lines):
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False)
    school.work()
    external_id = school.link(anna, provider).external_id
    provider.service.accounts[external_id] = replace(provider.service.accounts[external_id], suspended=False)
    compare(school, provider)

    decide_all(school.app, school.actor, provider.id, "repair")
    school.work()

    assert provider.service.accounts[external_id].suspended


def test_what_was_sent_after_the_list_was_read_is_no_drift(school, provider, compare, lines):
    anna = school.student("Anna", linked_to=provider)
    remote_id = school.link(anna, provider).external_id
    second = provider.service.add("second")

    def change_meanwhile():
        school.change(anna, person={"last_name": "New"})
        school.work()

    provider.service.fail("accounts", change_meanwhile, who=second.external_id)
    compare(school, provider)

    assert lines(school, provider)[remote_id].drift is None


def test_an_account_that_is_gone_there_is_made_again_when_somebody_says_so(school, provider, compare, lines):
    anna = school.student("Anna", linked_to=provider)
    ben = school.student("Ben", linked_to=provider)
    provider.service.accounts.pop(school.link(anna, provider).external_id)
    compare(school, provider)

    decide(school.app, school.actor, provider.id, lines(school, provider)[anna].id, "create")
    school.work()

    assert set(provider.service.accounts) == {school.link(each, provider).external_id for each in (anna, ben)}


def test_who_lacks_a_right_or_does_not_reach_the_account_decides_nothing(school, provider, compare, lines):
    anna, tess = school.student("Anna"), school.teacher("Tess")
    for each in (anna, tess):
        provider.service.add(school.snapshot(each).username)
    stranger = provider.service.add("stranger")
    compare(school, provider)
    found = lines(school, provider)
    edits = Actor(name="account:1", label="Clerk", permissions=frozenset({"integrations:edit"}))
    limited = replace(edits, permissions=frozenset({"integrations:edit", "act:external.sync"}), types=frozenset({"student"}))

    with pytest.raises(Forbidden):
        decide(school.app, edits, provider.id, of_account(found, anna).id, "adopt")
    for line in (of_account(found, tess), found[stranger.external_id]):
        with pytest.raises(Unknown):
            decide(school.app, limited, provider.id, line.id, "ignore")
    with pytest.raises(Unknown):
        decide(school.app, limited, provider.id, of_account(found, anna).id, "adopt", account_id=tess)
    assert decide_all(school.app, limited, provider.id, "adopt") == 1
    assert school.link(anna, provider).external_id is not None


def test_a_decision_that_does_not_apply_is_refused(school, provider, compare, lines):
    anna = school.student("Anna", linked_to=provider)
    compare(school, provider)
    line = of_account(lines(school, provider), anna)

    for word, why in (("adopt", "does not apply"), ("repair", "does not apply"), ("nonsense", "is no decision")):
        with pytest.raises(Refused, match=why):
            decide(school.app, school.actor, provider.id, line.id, word)
    with pytest.raises(Refused, match="each line by itself"):
        decide_all(school.app, school.actor, provider.id, "ignore")
    with pytest.raises(Unknown):
        decide(school.app, school.actor, memory_provider("another").id, line.id, "ignore")


def test_what_hangs_by_an_account_leaves_with_it(school, provider, compare, lines):
    anna = school.student("Anna")
    provider.service.add(school.snapshot(anna).username)
    compare(school, provider)
    decide(school.app, school.actor, provider.id, of_account(lines(school, provider), anna).id, "ignore")
    school.act("account.delete", anna)

    assert purge(school.app, school.actor, datetime.now(UTC)) == 1
    compare(school, provider)

    with school.app.db.read() as session:
        assert session.scalars(select(Match.account_id)).all() == [None]
        assert session.get_one(Comparison, provider.id).state == "done"


def test_what_is_set_once_is_no_drift_and_an_adopted_account_keeps_it(open_school, compare, lines):
    provider = memory_provider("mapped", mapping=[MappedAttribute(name="name", label="Name", template="{first_name}", mode=Mode.ONCE)])
    school = open_school(provider)
    anna, ben = school.student("Anna", linked_to=provider), school.student("Ben")
    remote = provider.service.accounts[school.link(anna, provider).external_id]
    provider.service.accounts[remote.external_id] = replace(remote, attributes={**remote.attributes, "name": "Her own"})
    theirs = provider.service.add(school.snapshot(ben).username, name="His own")
    compare(school, provider)

    assert of_account(lines(school, provider), anna).drift is None
    decide_all(school.app, school.actor, provider.id, "adopt", overwrite=True)
    school.work()

    held = provider.service.accounts[theirs.external_id].attributes
    assert (held["name"], held["email"]) == ("His own", school.snapshot(ben).email)
