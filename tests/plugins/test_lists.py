"""The filter and the column that every provider adds to the accounts list tell of its own links alone (R13, R14)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.plugins.registry import Registry
from rolecall.store.tables import Link, Listing
from rolecall.testing.factories import make_account

REGISTRY = Registry(strict=True)
PROVIDERS = sorted(name for name, plugin in REGISTRY.installed.items() if plugin.providers)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_filter_and_column_tell_of_links_to_their_own_provider_alone(db, provider) -> None:
    plugin = REGISTRY.installed[provider]
    found, column = plugin.filters[provider], plugin.columns[f"{provider}_id"]
    with db.write() as session:
        here, elsewhere = (make_account(session, name).id for name in ("anna", "eve"))
        for account, name, number in ((here, provider, "101"), (elsewhere, "another", "7")):
            facts = {"goal": "present", "wanted": 1, "synced": 1, "changed_at": datetime(2026, 1, 1, tzinfo=UTC)}
            session.add(Link(account_id=account, provider=name, external_id=number, **facts))

    with db.read() as session:
        linked = set(session.scalars(select(Listing.account_id).where(found.clause("linked", None))))
        shown = column.values(session, [here, elsewhere])

    assert linked == {here}
    assert shown == {here: "101"}
