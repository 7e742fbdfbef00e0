"""Pages of the accounts list and of the list of people."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rolecall.errors import Invalid
from rolecall.sdk.lists import FilterContext
from rolecall.store import accounts_query, filters, people_query
from rolecall.store.engine import now
from rolecall.store.tables import Link
from rolecall.testing.factories import give_role, make_account, make_period, make_person, make_role, make_status

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def clauses(session, **words):
    context = FilterContext(session=session, period_id=filters.chosen_period(session, words), now=NOON)
    return filters.compile(filters.CORE_FILTERS, words, context)


def walk(session, sort, limit=3):
    seen, cursor = [], None
    while True:
        page = accounts_query.page(session, clauses(session), now=NOON, sort=sort, limit=limit, cursor=cursor)
        seen += [row.id for row in page.rows]
        cursor = page.next
        if cursor is None:
            return seen


@pytest.fixture
def crowd(db):
    with db.write() as session:
        for n in range(11):
            make_account(
                session,
                "Anna",
                last_name=f"Same{n % 2}",
                username=f"u{(n * 7) % 11:02}",
                email=None if n % 3 else f"e{n}@home.example",
                last_login_at=NOON + timedelta(hours=n) if n % 4 else None,
                type="teacher" if n % 5 == 0 else "student",
            )


@pytest.mark.parametrize("sort", [f"{sign}{word}" for word in accounts_query.SORTS for sign in ("", "-")])
def test_walking_the_pages_meets_every_account_once_in_order(db, crowd, sort):
    with db.read() as session:
        whole = [row.id for row in accounts_query.page(session, clauses(session), now=NOON, sort=sort, limit=100).rows]

        assert walk(session, sort) == whole
        assert len(set(whole)) == 11


def test_turning_the_order_around_turns_it_around(db, crowd):
    with db.read() as session:
        assert walk(session, "-username") == walk(session, "username")[::-1]


def test_an_offset_jumps_and_the_total_stays_exact(db, crowd):
    with db.read() as session:
        page = accounts_query.page(session, clauses(session), now=NOON, limit=4, offset=8)

        assert page.total == 11
        assert [row.id for row in page.rows] == walk(session, "name")[8:]
        assert page.next is None


def test_a_row_has_all_that_the_list_shows(db):
    with db.write() as session:
        period, role = make_period(session), make_role(session)
        anna = make_account(session, "Anna", last_name="Karra", code="S-1", username="anna", email_verified=True)
        give_role(session, anna, role, period)
        facts = {"account_id": anna.id, "changed_at": NOON, "goal": "present"}
        session.add_all(
            [
                Link(provider="moodle", external_id="7", wanted=2, synced=2, **facts),
                Link(provider="canvas", wanted=2, synced=1, attempts=1, **facts),
                Link(provider="google", external_id="8", wanted=1, synced=1, **(facts | {"goal": "released"})),
            ]
        )
        session.flush()

        (row,) = accounts_query.page(session, clauses(session), now=NOON, period_id=period.id).rows

    assert (row.name, row.username, row.type, row.code, row.list) == ("Anna Karra", "anna", "student", "S-1", "students")
    assert (row.role, row.role_enabled, row.pending, row.deleted, row.email_verified) == ("Main student", True, True, False, True)
    assert [(link.provider, link.external_id, link.state) for link in row.links] == [("canvas", None, "retrying"), ("moodle", "7", "done")]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"wanted": 1, "synced": 1, "blocked": True}, "done"),
        ({"wanted": 2, "synced": 1}, "queued"),
        ({"wanted": 2, "synced": 1, "attempts": 2}, "retrying"),
        ({"wanted": 2, "synced": 1, "attempts": 2, "leased_until": NOON + timedelta(seconds=1)}, "running"),
        ({"wanted": 2, "synced": 1, "leased_until": NOON - timedelta(seconds=1)}, "queued"),
        ({"wanted": 2, "synced": 1, "attempts": 9, "blocked": True}, "blocked"),
    ],
)
def test_the_state_of_a_link_is_one_word(db, facts, state):
    with db.write() as session:
        anna = make_account(session)
        session.add(Link(account_id=anna.id, provider="moodle", goal="present", changed_at=NOON, **facts))
        session.flush()

        (row,) = accounts_query.load_rows(session, [anna.id], now=NOON)

    assert row.links[0].state == state
    assert row.pending == (state != "done")


def test_a_page_takes_as_many_statements_for_fifty_rows_as_for_one(db, crowd, statements):
    with db.read() as session:
        chosen = clauses(session)
        with statements(db) as few:
            accounts_query.page(session, chosen, now=NOON, limit=1)
        with statements(db) as many:
            accounts_query.page(session, chosen, now=NOON, limit=10)
        with statements(db) as whole:
            accounts_query.page(session, chosen, now=NOON, limit=11)

    assert len(few) == len(many) == 5
    assert len(whole) == 4  # the whole answer needs no counting


@pytest.mark.parametrize(
    "asked", [{"sort": "password"}, {"limit": 0}, {"limit": 1_001}, {"offset": -1}, {"offset": 2**40}, {"cursor": "x"}]
)
def test_an_impossible_page_is_refused(db, asked):
    with db.read() as session, pytest.raises(Invalid):
        accounts_query.page(session, [], now=NOON, **asked)


def test_a_cursor_of_another_order_is_refused(db, crowd):
    with db.read() as session:
        cursor = accounts_query.page(session, clauses(session), now=NOON, limit=1).next
        with pytest.raises(Invalid):
            accounts_query.page(session, clauses(session), now=NOON, sort="username", cursor=cursor)


CURSORS = [
    "W1sxXV0",
    "WyJuYW1lIiwiXHUwMDAwIiwxXQ",
    "WyJuYW1lIiwiXHVkODAwIiwxXQ",
    "WyJuYW1lIiwiYSIsOTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ",
    "WyJuYW1lIiwxLDFd",
    "WyJuYW1lIiwiYSIsdHJ1ZV0",
    "W" * 5_000,
    "Ww" * 1_900,
    "é",
    "WyJuYW1lIiwiYSIsLTFd",
]


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_forged_cursor_is_refused(db, cursor):
    with db.read() as session, pytest.raises(Invalid):
        accounts_query.page(session, [], now=NOON, cursor=cursor)


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cursor_is_answered_or_refused(db, cursor):
    with db.read() as session, suppress(Invalid):
        accounts_query.page(session, [], now=NOON, cursor=cursor, sort="last_login")


@pytest.fixture
def people(db):
    with db.write() as session:
        left = make_status(session, "Left", type="withdrawn")
        make_account(session, "Anna", last_name="Alpha")
        make_person(session, "Boris", last_name="Beta", status=left, active=False)
        make_person(session, "Cleo", last_name="Beta", list="teachers", no_sync=True, search="cleo beta")
        make_person(session, "Dora", last_name="Delta", list="guardians")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ({}, "Anna Boris Cleo Dora"),
        ({"list": "students"}, "Anna Boris"),
        ({"active": "no"}, "Boris"),
        ({"status": "left"}, "Boris"),
        ({"no_sync": "yes"}, "Cleo"),
        ({"account": "yes"}, "Anna"),
        ({"account": "no", "list": "all"}, "Boris Cleo Dora"),
        ({"q": "CLÉO"}, "Cleo"),
    ],
)
def test_people_are_found_by_their_words(db, people, words, names):
    with db.read() as session:
        page = people_query.people_page(session, people_query.people_clauses(session, words))

    assert " ".join(row.first_name for row in page.rows) == names
    assert page.total == len(page.rows)


def test_walking_the_list_of_people_meets_everybody_once(db, people):
    with db.read() as session:
        seen, cursor = [], None
        while True:
            page = people_query.people_page(session, [], limit=1, cursor=cursor)
            seen += [row.first_name for row in page.rows]
            cursor = page.next
            if cursor is None:
                break

    assert seen == ["Anna", "Boris", "Cleo", "Dora"]
    assert page.total == 4


@pytest.mark.parametrize("words", [{"lsit": "students"}, {"list": "studens"}, {"status": "Gone"}, {"active": "maybe"}, {"q": "x" * 201}])
def test_a_wrong_word_about_people_is_refused(db, people, words):
    with db.read() as session, pytest.raises(Invalid):
        people_query.people_clauses(session, words)


def test_now_is_the_only_clock_of_a_page(db, crowd):
    with db.read() as session:
        assert accounts_query.page(session, clauses(session), now=now(session)).total == 11
