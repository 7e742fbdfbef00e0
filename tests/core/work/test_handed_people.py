"""People whom another system hands in: taken over rather than doubled, changed as by hand, let go without being lost (R6, R58, R67)."""

import pytest
from sqlalchemy import select

from rolecall.accounts.actors import Actor, operator
from rolecall.errors import Forbidden, Invalid, Refused, Stale, Taken, Unknown
from rolecall.sdk.people import AllOf, AnyOf, Compare, Identity, NotSo, Order
from rolecall.store.tables import Account, AuditEntry, Handed, Person
from rolecall.testing.factories import make_account, make_person
from rolecall.work import changes
from rolecall.work.handed_groups import HandedGroups
from rolecall.work.handed_people import HandedPeople

TOKEN = Actor(name="account:900", label="Directory", permissions=frozenset({"people:view", "people:create", "people:edit"}))

#: The same for students only.
STUDENTS = Actor(name="account:901", label="S", account_id=901, permissions=TOKEN.permissions, types=frozenset({"student"}))


@pytest.fixture
def people(office):
    return HandedPeople(office.app, TOKEN, "scim")


def values(code="T1", **more):
    return {"code": code, "first_name": "Anna", "last_name": "Berg"} | more


def add(people, name="anna@school.example", code="T1", people_list="teachers", external_id=None, facts=None, **more):
    return people.add(people_list, values(code, **more), Identity(name=name, external_id=external_id, facts=facts or {}))


def entries(office):
    with office.app.db.read() as session:
        return [(each.kind, each.actor, each.payload) for each in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))]


def record(office, code):
    with office.app.db.read() as session:
        return session.scalar(select(Person).where(Person.code == code))


def test_somebody_new_is_added_with_the_name_that_the_other_system_has_for_them(office, people):
    made = add(people, external_id="x-1", facts={"title": "Ms"}, email="anna@home.example")

    assert people.get(made.key) == made
    assert made.identity == Identity(name="anna@school.example", external_id="x-1", facts={"title": "Ms"})
    assert (made.list, made.code, made.email, made.active, made.version) == ("teachers", "T1", "anna@home.example", True, "1.1")
    assert [(kind, actor) for kind, actor, _ in entries(office)] == [("person.create", "account:900"), ("person.link", "account:900")]


def test_somebody_who_is_there_under_the_code_is_taken_over_and_made_active(office, people):
    with office.app.db.write() as session:
        there = make_person(session, "Anne", list="teachers", code="t1", active=False, phone="+30 2101234567").id

    made = add(people)

    assert record(office, "t1").id == there
    assert (made.first_name, made.active, made.phone) == ("Anna", True, "+30 2101234567")
    assert [kind for kind, _, _ in entries(office)] == ["person.edit", "person.link"]


@pytest.mark.parametrize(("name", "code"), [("ANNA@school.example", "T2"), ("other@school.example", "t1")])
def test_nobody_is_handed_in_twice_under_a_name_or_a_code(office, people, name, code):
    add(people)

    with pytest.raises(Taken):
        add(people, name=name, code=code)

    assert record(office, "T2") is None


def test_another_plugin_has_names_of_its_own(office, people):
    made = add(people)
    other = HandedPeople(office.app, TOKEN, "another")

    assert add(other).key != made.key
    assert other.find().total == 1


def test_a_change_is_one_of_the_record_and_of_the_name_and_both_are_told(office, people):
    made = add(people)

    changed = people.change(made.key, {"last_name": "Berg-Lund", "code": "T9"}, Identity(name="anna.lund@school.example", external_id="7"))

    assert (changed.key, changed.last_name, changed.code, changed.identity.name) == (
        made.key,
        "Berg-Lund",
        "T9",
        "anna.lund@school.example",
    )
    assert changed.version == "2.2"
    assert changed.changed_at > made.changed_at
    told = entries(office)[2:]
    assert [kind for kind, _, _ in told] == ["person.edit", "person.identity"]
    assert told[1][2]["before"] == {"name": "anna@school.example", "external_id": None}


def test_what_does_not_differ_is_no_change(office, people):
    made = add(people)

    assert people.change(made.key, values(), made.identity) == made
    assert len(entries(office)) == 2


def test_a_change_for_an_older_version_is_stale_and_one_by_hand_makes_it_so(office, people):
    made = add(people)
    changes.edit_person(office.app, operator("office"), record(office, "T1").id, {"first_name": "Annie"})

    with pytest.raises(Stale):
        people.change(made.key, values(), made.identity, version=made.version)
    with pytest.raises(Stale):
        people.release(made.key, version=made.version)

    assert people.get(made.key).first_name == "Annie"


def test_a_name_of_somebody_else_is_not_taken(people):
    add(people)
    ben = add(people, name="ben@school.example", code="T2")

    with pytest.raises(Taken):
        people.change(ben.key, {}, Identity(name="Anna@School.example"))
    with pytest.raises(Taken):
        people.change(ben.key, {"code": "T1"}, ben.identity)


def test_whoever_is_let_go_becomes_inactive_stays_and_can_come_again(office, people):
    made = add(people)
    groups = HandedGroups(office.app, TOKEN, "scim")
    group = groups.add("Staff", None, [made.key])

    people.release(made.key)

    assert record(office, "T1").active is False
    with pytest.raises(Unknown):
        people.get(made.key)
    assert groups.get(group.key).members == ()
    assert groups.get(group.key).version != group.version
    assert entries(office)[-1][0] == "person.unlink"
    again = add(people)
    assert again.key != made.key
    assert record(office, "T1").active is True


def test_their_account_follows_as_it_does_by_hand(office, people):
    made = add(people)
    with office.app.db.write() as session:
        account = make_account(session, "Anna", type="teacher", person=session.get(Person, record(office, "T1").id)).id

    people.release(made.key)

    with office.app.db.read() as session:
        assert session.get(Account, account).active is False


@pytest.mark.parametrize(
    ("identity", "given"),
    [
        (Identity(name=" "), {}),
        (Identity(name="a\0b"), {}),
        (Identity(name="a" * 255), {}),
        (Identity(name="a", external_id=""), {}),
        (Identity(name="a", facts={"title": "x" * 300}), {}),
        (Identity(name="a", facts={f"f{n}": "x" for n in range(30)}), {}),
        (Identity(name="a"), {"email": "nobody"}),
        (Identity(name="a"), {"first_name": "\0"}),
        (Identity(name="a"), {"code": ""}),
        (Identity(name="a"), {"wings": 2}),
    ],
)
def test_what_cannot_be_kept_is_refused_whole(office, people, identity, given):
    with pytest.raises(Invalid):
        people.add("teachers", values(**given), identity)

    assert record(office, "T1") is None
    assert entries(office) == []


def test_a_token_reaches_no_further_than_its_account(office, people):
    made = add(people)
    narrow = HandedPeople(office.app, STUDENTS, "scim")

    assert narrow.find().total == 0
    for call in (
        lambda: narrow.get(made.key), lambda: narrow.change(made.key, values(), made.identity), lambda: narrow.release(made.key)
    ):  # fmt: skip
        with pytest.raises(Unknown):
            call()
    with pytest.raises(Forbidden):
        add(narrow, name="b", code="T2")
    assert record(office, "T2") is None
    with office.app.db.write() as session:
        make_person(session, "Tina", list="teachers", code="T3")
    with pytest.raises(Forbidden):
        add(narrow, name="c", code="T3")


def test_whoever_may_do_more_than_the_token_is_not_taken_over(office, people):
    with office.app.db.write() as session:
        make_account(session, "Olga", type="administrator", is_owner=True, person=make_person(session, "Olga", list="employees", code="E1"))

    with pytest.raises(Forbidden):
        add(people, code="E1", people_list="employees")

    with office.app.db.read() as session:
        assert session.scalar(select(Handed.key)) is None


def test_the_account_of_the_token_is_not_closed_by_it(office):
    with office.app.db.write() as session:
        account = make_account(session, "Stan", type="staff", person=make_person(session, list="employees", code="E1")).id
    own = HandedPeople(office.app, Actor(name=f"account:{account}", label="Stan", account_id=account, permissions=None), "scim")
    made = add(own, code="E1", people_list="employees")

    with pytest.raises(Refused):
        own.release(made.key)

    assert own.get(made.key).active


@pytest.fixture
def three(people):
    """Anna, Ben and Zoë, by key."""
    made = [
        add(people, external_id="X1", email="Anna@Home.example", facts={"title": "Head"}),
        add(people, name="ben@school.example", code="T2", first_name="Ben", external_id="x1", language="el"),
        add(people, name="ZOË@school.example", code="S1", people_list="students", first_name="Zoë", active=False),
    ]
    return {each.key: each.first_name for each in made}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, "Anna Ben Zoë"),
        (Compare("name", "eq", "ANNA@SCHOOL.EXAMPLE"), "Anna"),
        (Compare("name", "eq", "zoë@school.example"), "Zoë"),
        (Compare("name", "eq", "a\0"), ""),
        (Compare("name", "ne", "anna@school.example"), "Ben Zoë"),
        (Compare("name", "ne", "a\0"), "Anna Ben Zoë"),
        (Compare("name", "sw", "ANN"), "Anna"),
        (Compare("name", "ew", ".example"), "Anna Ben Zoë"),
        (Compare("name", "co", "n@s"), "Ben"),
        (Compare("name", "co", "%"), ""),
        (Compare("name", "co", ""), "Anna Ben Zoë"),
        (Compare("name", "gt", "b"), "Ben Zoë"),
        (Compare("external_id", "eq", "X1", exact=True), "Anna"),
        (Compare("external_id", "ne", "X1", exact=True), "Ben Zoë"),
        (Compare("external_id", "pr"), "Anna Ben"),
        (Compare("external_id", "eq", None), "Zoë"),
        (Compare("external_id", "ne", None), "Anna Ben"),
        (Compare("code", "eq", "t2"), "Ben"),
        (Compare("list", "eq", "students"), "Zoë"),
        (Compare("email", "eq", "anna@home.EXAMPLE"), "Anna"),
        (Compare("first_name", "eq", "Zoë"), "Zoë"),
        (Compare("first_name", "sw", "zo"), "Zoë"),
        (Compare("email", "sw", "a\0"), ""),
        (Compare("language", "le", "EL"), "Ben"),
        (Compare("language", "lt", "el"), ""),
        (Compare("active", "eq", True), "Anna Ben"),
        (Compare("active", "ne", True), "Zoë"),
        (Compare("active", "pr"), "Anna Ben Zoë"),
        (Compare("facts.title", "eq", "head"), "Anna"),
        (Compare("facts.title", "pr"), "Anna"),
        (NotSo(Compare("facts.title", "eq", "head")), "Ben Zoë"),
        (AllOf((Compare("active", "eq", True), NotSo(Compare("code", "eq", "T1")))), "Ben"),
        (AnyOf((Compare("code", "eq", "T1"), Compare("list", "eq", "students"))), "Anna Zoë"),
        (AllOf(()), "Anna Ben Zoë"),
        (AnyOf(()), ""),
    ],
)
def test_people_are_found_by_any_condition(people, three, condition, expected):
    found = people.find(condition)

    assert [three[each.key] for each in found.people] == expected.split()
    assert found.total == len(expected.split())


def test_times_are_compared_as_moments(people, three):
    made = people.find().people
    middle = made[1].created_at

    assert [each.key for each in people.find(Compare("created_at", "lt", middle)).people] == [made[0].key]
    assert [each.key for each in people.find(Compare("created_at", "ge", middle)).people] == [made[1].key, made[2].key]
    assert people.find(Compare("changed_at", "eq", middle)).total == 1
    assert people.find(Compare("changed_at", "ne", middle)).total == 2
    assert people.find(Compare("changed_at", "pr")).total == 3


@pytest.mark.parametrize(
    "condition",
    [
        Compare("wings", "eq", "x"),
        Compare("facts.a'b", "eq", "x"),
        Compare("name", "like", "x"),
        Compare("name", "eq", 7),
        Compare("email", "eq", 7),
        Compare("active", "gt", True),
        Compare("active", "eq", "yes"),
        Compare("created_at", "eq", "today"),
        NotSo("nothing"),
        AnyOf(tuple(Compare("name", "eq", "x") for _ in range(201))),
    ],
)
def test_what_cannot_be_compared_is_refused(people, condition):
    with pytest.raises(Invalid):
        people.find(condition)


def test_nesting_has_an_end(people):
    condition = Compare("name", "eq", "x")
    for _ in range(30):
        condition = NotSo(condition)

    with pytest.raises(Invalid):
        people.find(condition)


def test_a_list_is_ordered_and_paged(people, three):
    down = people.find(order=Order("external_id", descending=True)).people
    up = people.find(order=Order("name"), offset=1, limit=1)

    assert [three[each.key] for each in down] == ["Zoë", "Ben", "Anna"]
    assert ([three[each.key] for each in up.people], up.total) == (["Ben"], 3)
    assert people.find(limit=0).people == ()
    with pytest.raises(Invalid):
        people.find(limit=5_000)
