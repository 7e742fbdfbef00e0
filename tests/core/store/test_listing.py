"""The list rows follow what they are made of."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from rolecall.store import listing
from rolecall.store.tables import Account, Link, Listing, Person
from rolecall.testing.factories import make_account, make_accounts, make_person

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def row(session, account):
    session.expire_all()
    return session.get_one(Listing, account.id)


def link(account, **facts):
    return Link(account_id=account.id, provider="moodle", goal="present", changed_at=NOON, **facts)


@pytest.mark.parametrize(
    ("column", "value", "flag"),
    [
        ("active", False, "active"),
        ("deleted_at", NOON, "deleted"),
        ("email_verified", True, "verified"),
        ("last_login_at", NOON, "logged_on"),
        ("invited_at", NOON, "invited"),
        ("sso_provider", "o365", "external"),
    ],
)
def test_a_flag_follows_its_column(db, column, value, flag):
    with db.write() as session:
        account = make_account(session)
        before = getattr(row(session, account), flag)
        session.execute(update(Account).where(Account.id == account.id).values({column: value}))

        assert listing.refresh(session, [account.id]) == 1
        assert getattr(row(session, account), flag) is not before


@pytest.mark.parametrize(
    ("facts", "external"),
    [({"external_id": "7"}, True), ({"external_id": None}, False), ({"external_id": "7", "goal": "released"}, False)],
)
def test_a_link_with_a_remote_account_is_an_external_identity(db, facts, external):
    with db.write() as session:
        account = make_account(session)
        session.add(Link(**{"account_id": account.id, "provider": "moodle", "goal": "present", "changed_at": NOON} | facts))
        listing.refresh(session, [account.id])

        assert row(session, account).external is external


def test_only_rows_that_differ_are_written(db):
    with db.write() as session:
        ids = make_accounts(session, 5)
        session.execute(update(Account).where(Account.id == ids[0]).values(active=False))

        assert listing.refresh(session, ids) == 1
        assert listing.refresh(session, select(Account.id)) == 0


def test_the_search_text_has_both_names_in_both_orders_and_all_that_identifies(db):
    with db.write() as session:
        account = make_account(
            session,
            "Γιώργος",
            last_name="Ψάλτης",
            language="el",
            code="AM-7",
            phone="+30 697 123",
            username="gpsaltis",
            email="g@home.example",
        )
        session.execute(update(Account).where(Account.id == account.id).values(first_name="George"))
        listing.refresh(session, [account.id])
        text = row(session, account).search

    for part in (
        "george ψαλτησ",
        "ψαλτησ γιωργοσ",
        "giorgos psaltis",
        "psaltis giorgos",
        "gpsaltis",
        "g@home.example",
        "am-7",
        "+30 697 123",
        "30697123",
    ):
        assert part in text


def test_names_sort_by_family_name_without_accents(db):
    with db.write() as session:
        account = make_account(session, "Ana", last_name="Óscar")

        assert row(session, account).sort_name == "oscar ana"


def test_a_changed_person_is_found_by_the_new_name_with_and_without_account(db):
    with db.write() as session:
        account, alone = make_account(session, "Anna"), make_person(session, "Boris")
        session.execute(update(Person).values(last_name="Щукина", language="ru"))

        assert listing.refresh_people(session, [account.person_id, alone.id]) == 3
        assert "shchukina" in row(session, account).search
        assert "shchukina" in session.get_one(Person, alone.id).search


def test_pages_of_the_longest_names_fit_the_column(db):
    with db.write() as session:
        account = make_account(session, "ﷺ" * 190, username="long", last_name="Ж" * 200, language="ru")

        assert len(row(session, account).sort_name) == 420


def test_two_rows_change_when_two_flags_change(db):
    with db.write() as session:
        ids = make_accounts(session, 3)
        session.add(link(session.get_one(Account, ids[0]), external_id="1"))
        session.execute(update(Account).where(Account.id == ids[1]).values(email_verified=True))

        assert listing.refresh(session, ids) == 2
