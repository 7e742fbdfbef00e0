"""The filter words and what is said of wrong ones."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rolecall.errors import Invalid
from rolecall.sdk.lists import Filter, FilterContext
from rolecall.store import accounts_query, filters, listing
from rolecall.store.engine import now
from rolecall.store.tables import Account, Link, PluginData
from rolecall.testing.factories import enable_provider, give_role, make_account, make_period, make_role

WORDS = [each.id for each in filters.CORE_FILTERS]


@pytest.fixture
def found(db):
    """A function that says which user names some filter words find."""

    def find(_also=(), **words):
        with db.read() as session:
            moment = now(session)
            context = FilterContext(session=session, period_id=filters.chosen_period(session, words), now=moment)
            clauses = filters.compile([*filters.CORE_FILTERS, *_also], words, context)
            page = accounts_query.page(session, clauses, now=moment, limit=100, sort="created")
            assert page.total == len(page.rows) == len(session.scalars(accounts_query.ids_select(clauses)).all())
            return [row.username for row in page.rows]

    return find


@pytest.fixture
def school(db):
    """Five accounts that differ in every flag, two periods, two roles."""
    with db.write() as session:
        this, last = make_period(session, "2026"), make_period(session, "2025", current=False)
        main, other = make_role(session, "Main student"), make_role(session, "Guest")
        anna = make_account(session, "Anna", username="anna", email_verified=True, last_login_at=now(session))
        boris = make_account(session, "Борис", username="boris", invited_at=now(session), active=False)
        boris.former_email_key = "boris@former.example"
        make_account(session, "Cleo", username="cleo", type="teacher")
        dora = make_account(session, "Dora", username="dora", sso_provider="o365")
        make_account(session, "Egon", username="egon", deleted_at=now(session))
        give_role(session, anna, main, this)
        give_role(session, boris, main, last)
        give_role(session, boris, other, this)
        give_role(session, dora, main, this, enabled=False)
        enable_provider(session, "moodle")
        session.add(
            Link(account_id=anna.id, provider="moodle", goal="present", external_id="1", wanted=1, synced=1, changed_at=now(session))
        )
        session.add(Link(account_id=boris.id, provider="moodle", goal="present", wanted=2, synced=1, blocked=True, changed_at=now(session)))
        listing.refresh(session, [anna.id, boris.id, dora.id])


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ({}, "anna boris cleo dora"),
        ({"type": "student"}, "anna boris dora"),
        ({"type": "Teacher"}, "cleo"),
        ({"type": "all", "active": "", "q": " "}, "anna boris cleo dora"),
        ({"role": "main STUDENT"}, "anna"),
        ({"role": "Main student", "period": "2025"}, "boris"),
        ({"role": "none"}, "cleo dora"),
        ({"role": "none", "period": "2025"}, "anna cleo dora"),
        ({"period": "2025"}, "anna boris cleo dora"),
        ({"active": "yes"}, "anna cleo dora"),
        ({"active": "no"}, "boris"),
        ({"verified": "yes"}, "anna"),
        ({"verified": "no"}, "boris cleo dora"),
        ({"login": "ever"}, "anna"),
        ({"login": "never"}, "boris cleo dora"),
        ({"pending": "yes"}, "boris"),
        ({"pending": "no"}, "anna cleo dora"),
        ({"domain": "school.example"}, "anna boris cleo dora"),
        ({"domain": " @School.Example "}, "anna boris cleo dora"),
        ({"domain": "ool.example"}, ""),
        ({"domain": "sch_ol.example"}, ""),
        ({"domain": "former.example"}, "boris"),
        ({"invited": "yes"}, "boris"),
        ({"invited": "no"}, "anna cleo dora"),
        ({"external": "yes"}, "anna dora"),
        ({"external": "no"}, "boris cleo"),
        ({"external": "moodle"}, "anna"),
        ({"external": "oneroster"}, ""),
        ({"deleted": "yes"}, "anna boris cleo dora egon"),
        ({"deleted": "only"}, "egon"),
        ({"deleted": "no"}, "anna boris cleo dora"),
        ({"type": "student", "role": "Main student", "active": "yes", "verified": "yes", "login": "ever", "q": "ann"}, "anna"),
    ],
)
def test_each_word_narrows_as_it_says(school, found, words, names):
    assert " ".join(found(**words)) == names


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("nna", "anna"),
        ("NNA", "anna"),
        ("Борис", "boris"),
        ("борис", "boris"),
        ("BORIS", "boris"),
        ("an", "anna"),
        ("nn", ""),
        ("d", "dora"),
        ("@school", "anna boris cleo dora"),
        ("%", ""),
        ("_", ""),
        ("%%%", ""),
        ("a__a", ""),
        ("\\\\\\", ""),
        ("xyz", ""),
    ],
)
def test_a_search_finds_parts_in_any_case_and_signs_are_signs(school, found, typed, names):
    assert " ".join(found(q=typed)) == names


def test_signs_of_patterns_are_found_as_themselves(db, found):
    with db.write() as session:
        make_account(session, "Per%cent", username="one")
        make_account(session, "Under_score", username="two")
        make_account(session, "Back\\slash", username="three")
        make_account(session, "% off", username="four")

    assert found(q="r%c") == ["one"]
    assert found(q="r_s") == ["two"]
    assert found(q="k\\s") == ["three"]
    assert found(q="%") == ["four"]


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        ({"tpye": "student"}, "type"),
        ({"type": "studnet"}, "student"),
        ({"role": "Main studnet"}, "Main student"),
        ({"period": "2027"}, "2026"),
        ({"active": "yess"}, "yes"),
        ({"login": "nver"}, "never"),
        ({"external": "moodel"}, "moodle"),
        ({"deleted": "onyl"}, "only"),
    ],
)
def test_a_wrong_word_or_value_is_answered_with_the_nearest(school, found, words, suggestion):
    with pytest.raises(Invalid, match=f"Did you mean “{suggestion}"):
        found(**words)


@pytest.mark.parametrize("domain", ["school", "two words.example", "@", "a@b.example"])
def test_what_is_no_domain_is_refused(school, found, domain):
    with pytest.raises(Invalid, match="is not a domain"):
        found(domain=domain)


@given(st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), st.text(max_size=250), max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_is_answered_or_refused_in_words(db, words):
    with db.read() as session, suppress(Invalid):
        context = FilterContext(session=session, period_id=filters.chosen_period(session, words), now=now(session))
        assert accounts_query.count(session, filters.compile(filters.CORE_FILTERS, words, context)) == 0


@given(st.sampled_from(WORDS), st.text(min_size=1, max_size=40))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_of_a_known_word_is_answered_or_refused_in_words(school, found, word, value):
    with suppress(Invalid):
        found(**{word: value})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", {}),
        ('type=student role="Main student"', {"type": "student", "role": "Main student"}),
        ("  q='a \"b\"'   active=yes ", {"q": 'a "b"', "active": "yes"}),
        ("q=", {"q": ""}),
        ("q=a=b", {"q": "a=b"}),
        ("moodle.course=7", {"moodle.course": "7"}),
        ("role = Guest", {"role": "Guest"}),
    ],
)
def test_a_where_text_is_read_as_words(text, words):
    assert filters.parse_where(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "student",
        "type=student role=Main student",
        'role="Main',
        "type=a type=b",
        "=x",
        '"x"=y',
        "q=a'b",
        "type=student,active=yes;drop" * 100,
    ],
)
def test_a_where_text_that_cannot_be_read_says_where(text):
    with pytest.raises(Invalid) as refused:
        filters.parse_where(text)

    assert refused.value.hint


@given(st.text(max_size=80))
def test_reading_a_where_text_never_breaks(text):
    with suppress(Invalid):
        filters.parse_where(text)


def test_the_shortest_way_to_write_a_filter_has_no_defaults():
    words = {"type": "student", "role": "all", "deleted": "no", "q": "", "active": " yes "}

    assert filters.normalise(words) == {"type": "student", "active": "yes"}
    assert filters.normalise({"deleted": "all", "q": "all"}) == {"deleted": "all", "q": "all"}


def test_a_plugins_filter_may_look_at_the_account_and_its_own_data(db, school, found):
    upper = Filter(id="x.first", label="X", clause=lambda value, _: Account.username.startswith(value))
    noted = Filter(
        id="x.noted",
        label="X",
        clause=lambda value, _: (
            PluginData.__table__.select().where(PluginData.account_id == Account.id, PluginData.plugin == value).exists()
        ),
    )
    with db.write() as session:
        dora = session.query(Account).filter_by(username="dora").one()
        session.add(PluginData(plugin="x", account_id=dora.id, key="k", value={}))

    assert found([upper], **{"x.first": "b"}) == ["boris"]
    assert found([noted], **{"x.noted": "x"}) == ["dora"]
