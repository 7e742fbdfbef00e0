"""Cohorts: keys that last, races, and memberships that cannot be trusted blindly."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall.errors import Ambiguous, Conflict, Permanent, Transient
from rolecall.testing.wire import Wire
from rolecall_moodle import cohorts
from rolecall_moodle.client import Client
from rolecall_moodle.fake import FakeMoodle

KEY = cohorts.group_key("2026", "student", "Main")
ADD = "core_cohort_add_cohort_members"


@pytest.fixture
def client(moodle: FakeMoodle, wire: Wire) -> Client:
    """A client of the site."""
    return Client(wire.http, wire.url, moodle.settings["token"])


def asks(function: str) -> Callable[..., bool]:
    """Match calls of a function."""
    return lambda request: f"wsfunction={function}&".encode() in request.body


@given(parts=st.lists(st.tuples(st.text(), st.sampled_from(["student", "staff"]), st.text()), min_size=2, max_size=2, unique=True))
def test_different_roles_have_different_keys_that_moodle_can_store(parts: list[tuple[str, str, str]]):
    keys = [cohorts.group_key(*part) for part in parts]

    assert keys[0] != keys[1]
    assert all(len(key) <= 100 and key.startswith("rolecall:") for key in keys)


def test_name_of_a_cohort_is_for_people():
    assert cohorts.group_name(cohorts.group_key("a:b%", "staff", "Τάξη: Β1")) == "Τάξη: Β1 (staff, a:b%)"
    assert cohorts.group_name("rolecall:odd") == "rolecall:odd"


def test_cohort_made_by_another_worker_in_between_is_used(client: Client, moodle: FakeMoodle, wire: Wire):
    other = cohorts.group_key("2026", "staff", "Main")

    def overtake() -> None:
        cohort = {"name": "x", "idnumber": KEY, "description": "", "visible": True, "members": []}
        moodle.state.put_cohort({"id": moodle.state.number("cohort"), **cohort})

    wire.run(overtake, match=asks("core_cohort_create_cohorts"))

    known = cohorts.ensure(client, [KEY, other])

    assert known[KEY] == 1
    assert set(moodle.cohorts) == {KEY, other}


def test_key_that_only_the_database_takes_for_another_is_explained(client: Client, moodle: FakeMoodle):
    moodle.site.case_sensitive = False
    cohorts.ensure(client, [KEY])

    with pytest.raises(Conflict, match="capitals or accents"):
        cohorts.ensure(client, [cohorts.group_key("2026", "student", "MAIN")])


def test_cohort_that_moodle_refuses_concerns_only_its_members(client: Client, moodle: FakeMoodle):
    moodle.site.case_sensitive = False
    cohorts.ensure(client, [KEY])
    numbers = [moodle.add_user(username=name, firstname="A", lastname="B", email=f"{name}@x.example") for name in ("anna", "ben")]

    failed = cohorts.move(client, {numbers[0]: ([cohorts.group_key("2026", "student", "MAIN")], []), numbers[1]: ([KEY], [])})

    assert list(failed) == [numbers[0]]
    assert moodle.cohorts == {KEY: frozenset({"ben"})}


def test_long_role_names_have_keys_of_their_own():
    keys = [cohorts.group_key("2026", "student", "R" * 120 + end) for end in ("a", "b")]

    assert keys[0] != keys[1]
    assert [len(key) for key in keys] == [100, 100]


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'[{"id": 1, "idnumber": "else"}]', b'[{"idnumber": "x"}]'])
def test_hostile_answer_to_a_new_cohort_is_ambiguous(client: Client, wire: Wire, answer: bytes):
    wire.garbage(body=answer, content_type="application/json", match=asks("core_cohort_create_cohorts"))

    with pytest.raises(Ambiguous):
        cohorts.ensure(client, [KEY])


@pytest.mark.parametrize(
    "answer", [b"null", b'[{"cohortid": 99, "userids": []}]', b'[{"cohortid": 1}]', b'[{"cohortid": 1, "userids": ["x"]}]']
)
def test_hostile_list_of_members_is_not_believed(client: Client, wire: Wire, answer: bytes):
    cohorts.ensure(client, [KEY])
    wire.garbage(body=answer, content_type="application/json", match=asks("core_cohort_get_cohort_members"))

    with pytest.raises(Transient):
        cohorts.memberships(client)


@pytest.mark.parametrize(
    ("warning", "expected"),
    [
        (b'{"warningcode": "1", "message": "Invalid context"}', Permanent),
        (b'{"warningcode": "2", "message": "cohort id=1 not exists"}', Transient),
    ],
)
def test_warning_about_a_membership_is_an_error(client: Client, wire: Wire, warning: bytes, expected: type[Exception]):
    wire.garbage(body=b'{"warnings": [' + warning + b"]}", content_type="application/json", match=asks(ADD))

    try:
        error: Exception = cohorts.move(client, {7: ([KEY], [])})[7]
    except Transient as raised:
        error = raised

    assert isinstance(error, expected)


@pytest.mark.parametrize("answer", [b"null", b"[]", b'{"warnings": null}'])
def test_hostile_answer_to_a_membership_is_ambiguous(client: Client, wire: Wire, answer: bytes):
    wire.garbage(body=answer, content_type="application/json", match=asks(ADD))

    with pytest.raises(Ambiguous):
        cohorts.move(client, {7: ([KEY], [])})


def test_cohort_that_is_gone_has_no_members_to_remove(client: Client, wire: Wire):
    assert cohorts.move(client, {7: ([], [KEY])}) == {}
    assert len(wire.journal) == 1


def test_nothing_to_move_calls_nobody(client: Client, wire: Wire):
    assert cohorts.move(client, {7: (["CHOIR"], ["BAND"])}) == {}
    assert wire.journal == []


def test_member_who_is_in_already_is_no_error(client: Client, moodle: FakeMoodle):
    number = moodle.add_user(username="anna", firstname="A", lastname="B", email="a@x.example")

    for _ in range(2):
        assert cohorts.move(client, {number: ([KEY], [])}) == {}

    assert moodle.cohorts == {KEY: frozenset({"anna"})}
