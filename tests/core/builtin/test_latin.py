"""Profile names in Latin letters: what is applied, what is only proposed, and what is left alone (R43)."""

import pytest
from sqlalchemy import func, select

from rolecall.store.tables import Account, Listing, Person
from rolecall.testing.factories import make_account, set_plain
from rolecall.work.runs.undo import start_undo


def _item(office, run_id, account):
    return next(item for item in office.items(run_id) if item["account"]["id"] == account.id)


#: First and last name, language, and their spelling; each source is named in tests/core/store/test_latin.py.
@pytest.mark.parametrize(
    ("first", "last", "language", "latin"),
    [
        ("Γεώργιος", "Ευαγγέλου", "el", ("Georgios", "Evangelou")),  # ELOT 743
        ("Юлія", "Згурська", "uk", ("Yuliia", "Zghurska")),  # Cabinet of Ministers of Ukraine, 55/2010
        ("Юлия", "Щукина", "ru", ("Iuliia", "Shchukina")),  # ICAO Doc 9303 part 3
        ("José", "Muñoz", "es", ("Jose", "Munoz")),  # ICAO Doc 9303 part 3
        ("Anna", "Παπαδοπούλου", None, ("Anna", "Papadopoulou")),  # ELOT 743
    ],
)
def test_the_profile_is_spelt_and_the_record_stays(office, first, last, language, latin):
    account = office.make(make_account, first, last_name=last, language=language)

    run_id = office.act("account.latin_names", account)

    found = office.account(account)
    assert (found.first_name, found.last_name) == latin
    assert not found.name_by_hand
    item = _item(office, run_id, account)
    assert (item["outcome"], item["before"]["last_name"], item["after"]["last_name"]) == ("done", last, latin[1])
    with office.app.db.read() as session:
        person = session.get_one(Person, found.person_id)
        assert (person.first_name, person.last_name) == (first, last)
        assert latin[1].lower() in session.get_one(Listing, account.id).sort_name


def test_without_a_language_of_their_own_the_institution_s_counts(office):
    office.make(set_plain, "core", default_language="uk")
    account = office.make(make_account, "Григорович", last_name="Гнат")

    office.act("account.latin_names", account)

    assert office.account(account).first_name == "Hryhorovych"


@pytest.mark.parametrize(
    ("first", "last", "language"),
    [("محمد", "الأحمد", "ar"), ("דוד", "כהן", "he"), ("伟", "王", "zh"), ("Anna", "כהן", "he")],
)
def test_writing_that_does_not_tell_how_it_is_read_is_only_proposed(office, first, last, language):
    account, other = office.make(make_account, first, last_name=last, language=language), office.make(make_account, "Łukasz")

    run_id = office.act("account.latin_names", account, other)

    item = _item(office, run_id, account)
    assert (item["outcome"], item["code"]) == ("skipped", "proposal")
    proposal = item["message"].removeprefix("Proposed: ").split(";")[0]
    assert proposal.isascii()
    assert len(proposal) > 3
    found = office.account(account)
    assert (found.first_name, found.last_name, found.version) == (first, last, 1)
    assert office.account(other).first_name == "Lukasz"


def test_names_by_hand_and_latin_names_are_left_alone(office):
    by_hand = office.make(make_account, "Γιώργος", name_by_hand=True)
    latin = office.make(make_account, "Anna", last_name="O'Hara-Smith")

    run_id = office.act("account.latin_names", by_hand, latin)

    assert {item["code"] for item in office.items(run_id)} == {"by-hand", "already-latin"}
    assert office.account(by_hand).first_name == "Γιώργος"


@pytest.mark.parametrize(("first", "last"), [("ь", "Ким"), ("щ" * 150, "Ким")])
def test_a_name_that_has_no_spelling_is_skipped(office, first, last):
    account = office.make(make_account, first, last_name=last, username="kim", code="kim")
    other = office.make(make_account, "Łukasz")

    run_id = office.act("account.latin_names", account, other)

    assert _item(office, run_id, account)["code"] == "no-spelling"
    assert office.account(account).first_name == first


def test_a_second_time_there_is_nothing_to_do(office):
    account, other = office.make(make_account, "Γιώργος"), office.make(make_account, "Łukasz")
    office.act("account.latin_names", account, other)

    run_id = office.act("account.latin_names", account, other)

    assert {item["code"] for item in office.items(run_id)} == {"already-latin"}


def test_it_can_be_taken_back(office):
    account = office.make(make_account, "Γιώργος", last_name="Καρράς")
    run_id = office.act("account.latin_names", account)

    start_undo(office.app, office.actor, run_id)

    found = office.account(account)
    assert (found.first_name, found.last_name) == ("Γιώργος", "Καρράς")


def test_a_name_that_was_updated_by_hand_is_never_respelt(office):
    account, other = office.make(make_account, "Giorgos"), office.make(make_account, "Łukasz")
    run_id = office.act("account.profile_name", account, first_name="Γιώργος", last_name="Καρράς")

    skipped = _item(office, office.act("account.latin_names", account, other), account)
    start_undo(office.app, office.actor, run_id)

    assert skipped["code"] == "by-hand"
    found = office.account(account)
    assert (found.first_name, found.name_by_hand) == ("Giorgos", False)


def test_many_names_are_one_run_with_few_statements(office, statements):
    ids = [office.make(make_account, "Γιώργος").id for _ in range(20)]
    with statements(office.app.db) as few:
        office.act("account.latin_names", *ids[:2])
    with statements(office.app.db) as many:
        office.act("account.latin_names", *ids[2:])

    assert len(many) <= len(few)
    with office.app.db.read() as session:
        assert session.scalar(select(func.count()).where(Account.first_name == "Giorgos")) == 20


def test_providers_that_map_the_profile_name_follow(case):
    case.set(first_name="Γιώργος")
    case.link()

    case.act("account.latin_names")

    assert case.links == [("moodle", "present", "77", True)]
