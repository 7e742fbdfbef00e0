"""Groups that another system keeps here: who is in them, what each change says in the audit, how far a token reaches (R58, R67)."""

import pytest
from sqlalchemy import select

from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid, Stale, Unknown
from rolecall.sdk.people import AllOf, Compare, Identity, Order
from rolecall.store.tables import AuditEntry, HandedMember
from rolecall.work.handed_groups import HandedGroups
from rolecall.work.handed_people import HandedPeople

TOKEN = Actor(name="account:900", label="Directory", permissions=frozenset({"people:view", "people:create", "people:edit"}))


@pytest.fixture
def groups(office):
    return HandedGroups(office.app, TOKEN, "scim")


@pytest.fixture
def keys(office):
    """Keys of Anna, a teacher, and Ben and Cleo, students."""
    people = HandedPeople(office.app, TOKEN, "scim")
    return [
        people.add(people_list, {"code": name, "first_name": name, "last_name": "Berg"}, Identity(name=name)).key
        for name, people_list in (("anna", "teachers"), ("ben", "students"), ("cleo", "students"))
    ]


def last_entry(office):
    with office.app.db.read() as session:
        entry = session.scalar(select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1))
        return entry.kind, entry.actor, entry.payload


def test_a_group_is_kept_with_its_members(office, groups, keys):
    made = groups.add(" 7B ", "g-1", keys[:2])

    assert (made.name, made.external_id, made.version) == ("7B", "g-1", "1")
    assert made.members == ((keys[0], "anna"), (keys[1], "ben"))
    assert groups.get(made.key) == made
    assert groups.get(made.key, members=False).members == ()
    assert groups.of_people(keys) == {keys[0]: ((made.key, "7B"),), keys[1]: ((made.key, "7B"),)}
    kind, actor, payload = last_entry(office)
    assert (kind, actor, payload["name"], len(payload["added"])) == ("group.create", "account:900", "7B", 2)


def test_a_change_says_who_came_and_who_went(office, groups, keys):
    made = groups.add("7B", None, keys[:2])

    changed = groups.change(made.key, "7C", None, keys[1:], version="1")

    assert (changed.name, changed.version) == ("7C", "2")
    assert [name for _, name in changed.members] == ["ben", "cleo"]
    kind, _, payload = last_entry(office)
    assert kind == "group.edit"
    assert (payload["before"], payload["after"]) == ({"name": "7B"}, {"name": "7C"})
    assert len(payload["added"]) == len(payload["removed"]) == 1


def test_what_does_not_differ_is_no_change(office, groups, keys):
    made = groups.add("7B", None, keys)

    assert groups.change(made.key, "7B", None, keys) == made
    assert last_entry(office)[0] == "group.create"


def test_a_deleted_group_leaves_its_people(office, groups, keys):
    made = groups.add("7B", None, keys)

    groups.remove(made.key)

    with pytest.raises(Unknown):
        groups.get(made.key)
    assert HandedPeople(office.app, TOKEN, "scim").find().total == 3
    with office.app.db.read() as session:
        assert session.scalars(select(HandedMember)).all() == []
    assert last_entry(office)[0] == "group.delete"


def test_what_is_wrong_changes_nothing(groups, keys):
    made = groups.add("7B", None, keys)

    for wrong in (
        lambda: groups.add("", None, []), lambda: groups.add("8A", None, ["nobody"]), lambda: groups.add("8A", "\0", []),
        lambda: groups.change(made.key, "8A", None, [*keys, "a\0"]),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            wrong()
    for gone in (lambda: groups.change("a\0", "8A", None, []), lambda: groups.remove("nothing"), lambda: groups.get("a\0")):
        with pytest.raises(Unknown):
            gone()
    for stale in (lambda: groups.change(made.key, "8A", None, [], version="9"), lambda: groups.remove(made.key, version="9")):
        with pytest.raises(Stale):
            stale()

    assert groups.find().groups == (made,)


def test_members_whom_a_token_does_not_reach_are_neither_seen_nor_removed(office, groups, keys):
    made = groups.add("7B", None, keys[:2])
    students = Actor(name="account:901", label="S", account_id=901, permissions=TOKEN.permissions, types=frozenset({"student"}))
    narrow = HandedGroups(office.app, students, "scim")

    seen = narrow.get(made.key)
    narrow.change(made.key, "7B", None, keys[2:])

    assert [name for _, name in seen.members] == ["ben"]
    assert [name for _, name in groups.get(made.key).members] == ["anna", "cleo"]
    with pytest.raises(Invalid):
        narrow.change(made.key, "7B", None, keys)


def test_groups_are_found_by_name_identifier_and_member(groups, keys):
    first, second = groups.add("7B", "g-1", keys[:1]), groups.add("8A", None, keys[1:])

    def found(condition):
        return [each.key for each in groups.find(condition).groups]

    assert found(Compare("name", "eq", "7b")) == [first.key]
    assert found(Compare("external_id", "eq", "g-1", exact=True)) == [first.key]
    assert found(Compare("members", "eq", keys[2])) == [second.key]
    assert found(Compare("members", "ne", keys[2])) == [first.key]
    assert found(Compare("members", "eq", "a\0")) == []
    assert found(AllOf((Compare("members", "pr"), Compare("key", "eq", second.key)))) == [second.key]
    assert [each.name for each in groups.find(order=Order("name", descending=True), limit=1).groups] == ["8A"]
    for condition in (Compare("members", "co", keys[0]), Compare("members", "eq", 7), Compare("wings", "eq", "x")):
        with pytest.raises(Invalid):
            groups.find(condition)
