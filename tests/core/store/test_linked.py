"""What a plugin may ask about the accounts at its own provider, in the list's filter and its column (R13, R14)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall import LINK_WORDS, id_column, link_filter
from rolecall.errors import Invalid
from rolecall.store.tables import Link, Listing
from rolecall.testing.factories import make_account

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def accounts(db):
    with db.write() as session:
        made = {name: make_account(session, name).id for name in ("linked", "waiting", "blocked", "none", "released", "elsewhere")}

        def link(name, **values):
            facts = {"provider": "library", "goal": "present", "wanted": 1, "synced": 1, "changed_at": NOW} | values
            session.add(Link(account_id=made[name], **facts))

        link("linked", external_id="7")
        link("waiting", synced=0)
        link("blocked", synced=0, blocked=True)
        link("released", goal="released", external_id=None)
        link("elsewhere", provider="moodle", external_id="8")
    return made


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("linked", {"linked"}),
        ("waiting", {"waiting"}),
        ("blocked", {"blocked"}),
        ("none", {"waiting", "blocked", "none", "released", "elsewhere"}),
    ],
)
def test_the_filter_tells_how_accounts_stand_at_the_provider(db, accounts, word, names):
    library = link_filter("library", "Library")

    with db.read() as session:
        found = set(session.scalars(select(Listing.account_id).where(library.clause(word, None))))

    assert found == {accounts[name] for name in names}


def test_another_word_is_refused():
    with pytest.raises(Invalid, match="is not one of"):
        link_filter("library", "Library").clause("perhaps", None)


def test_the_column_shows_the_id_there(db, accounts):
    column = id_column("library", "Library")

    with db.read() as session:
        assert column.values(session, list(accounts.values())) == {accounts["linked"]: "7"}


def test_filter_and_column_are_named_after_the_provider_and_the_service():
    library, column = link_filter("library", "Library", at="the town's library"), id_column("library", "Library")

    assert (library.id, library.label, library.help) == ("library", "Library", "How an account stands at the town's library.")
    assert link_filter("library", "Library").help == "How an account stands at Library."
    assert tuple(word for word, _ in library.choices(None)) == tuple(LINK_WORDS)
    assert (column.id, column.label) == ("library_id", "Library id")
