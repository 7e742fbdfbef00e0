"""The filter and the column that Moodle adds to the accounts list (R13, R14)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.errors import Invalid
from rolecall.store.tables import Link, Listing
from rolecall.testing.factories import make_account
from rolecall_moodle import register_columns, register_filters

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def accounts(db):
    with db.write() as session:
        made = {name: make_account(session, name).id for name in ("linked", "waiting", "blocked", "none", "released", "elsewhere")}

        def link(name, **values):
            facts = {"provider": "moodle", "goal": "present", "wanted": 1, "synced": 1, "changed_at": NOW} | values
            session.add(Link(account_id=made[name], **facts))

        link("linked", external_id="7")
        link("waiting", synced=0)
        link("blocked", synced=0, blocked=True)
        link("released", goal="released", external_id=None)
        link("elsewhere", provider="canvas", external_id="8")
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
def test_the_filter_tells_how_accounts_stand_at_moodle(db, accounts, word, names):
    (moodle,) = register_filters()

    with db.read() as session:
        found = set(session.scalars(select(Listing.account_id).where(moodle.clause(word, None))))

    assert found == {accounts[name] for name in names}


def test_another_word_is_refused(db):
    (moodle,) = register_filters()

    with pytest.raises(Invalid, match="is not one of"):
        moodle.clause("perhaps", None)


def test_the_column_shows_the_moodle_id(db, accounts):
    (column,) = register_columns()

    with db.read() as session:
        assert column.values(session, list(accounts.values())) == {accounts["linked"]: "7"}
