"""The alert addresses are told that the safety limits hold something, once for each hold (R62)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.accounts import settings
from rolecall.accounts.core_settings import CoreSettings
from rolecall.errors import Invalid
from rolecall.store.tables import Account, Delivery
from rolecall.testing.school import School
from rolecall.work.delivery import recipients
from rolecall.work.delivery.claim import ClaimedMessage
from rolecall.work.delivery.compose import Pointless, compose
from rolecall.work.delivery.stationery import Stationery
from rolecall.work.sync import alert, held

ADDRESSES = ["it@school.example", "head@school.example"]


@pytest.fixture
def watched(school: School) -> School:
    """A school with an owner and two alert addresses."""
    boss = school.account("Olga", type="administrator")
    with school.app.db.write() as session:
        session.get_one(Account, boss).is_owner = True
    configure(school, ADDRESSES)
    return school


def configure(school: School, addresses: list[str]) -> None:
    with school.app.db.write() as session:
        settings.write(session, "core", CoreSettings, {"alert_addresses": addresses}, actor=school.actor, keyring=school.app.keyring)


def close(school: School, number: int = 30) -> list[int]:
    """Deactivate so many of forty students, which is held."""
    ids = school.students(40)
    school.sync(*ids)
    school.work()
    school.act("account.deactivate", *ids[:number])
    school.work()
    return ids


def told(school: School) -> list[Delivery]:
    with school.app.db.read() as session:
        return list(session.scalars(select(Delivery).where(Delivery.kind == alert.KIND).order_by(Delivery.id)))


def written(school: School, message: Delivery) -> str:
    claimed = ClaimedMessage(
        id=message.id, kind=message.kind, channel=message.channel, account_id=message.account_id, run_id=None, address=message.address,
        facts=message.facts, attempts=0, doubts=0, fence=1, created_at=message.created_at, message_id=None,
    )  # fmt: skip
    with school.app.db.write() as session:
        recipient, stationery = recipients.read(session, claimed.account_id), Stationery(session, school.app.plugins.view(session))
        return compose(school.app, session, claimed, recipient, stationery, now=datetime.now(UTC)).text


def test_each_address_is_told_what_is_held_and_where_somebody_decides(watched: School) -> None:
    close(watched)

    found = told(watched)

    assert [each.address for each in found] == ADDRESSES
    text = written(watched, found[0])
    assert "30 suspensions (Students) are held" in text
    assert f"{watched.app.config.base_url}/sync/memory/held" in text


def test_it_is_told_once_for_a_hold_and_again_for_the_next(watched: School) -> None:
    ids = close(watched)
    watched.act("account.deactivate", *ids[30:35])
    watched.work()
    first = len(told(watched))

    held.discard(watched.app, watched.actor, "memory", expected=35)
    watched.act("account.activate", *ids[:35])
    watched.work()
    watched.act("account.deactivate", *ids[:30])
    watched.work()

    assert (first, len(told(watched))) == (2, 4)


def test_a_message_that_waited_until_somebody_decided_is_not_sent(watched: School) -> None:
    close(watched)
    held.approve(watched.app, watched.actor, "memory", expected=30)

    with pytest.raises(Pointless, match="Nothing is held there any more"):
        written(watched, told(watched)[0])


def test_numbers_that_are_zero_are_left_out_in_languages_that_say_them(watched: School) -> None:
    close(watched)
    first, _ = told(watched)

    with watched.app.db.write() as session:
        session.get_one(Account, first.account_id).language = "de"
    text = written(watched, first)

    assert "Sperrungen: 30" in text
    assert "Löschungen" not in text


@pytest.mark.parametrize("addresses", [[], None])
def test_without_addresses_or_an_owner_nobody_is_told(school: School, addresses: list[str] | None) -> None:
    configure(school, ADDRESSES if addresses is None else addresses)

    close(school)

    assert told(school) == []


def test_what_is_no_address_is_refused(school: School) -> None:
    with pytest.raises(Invalid):
        configure(school, ["it@school.example", "nobody"])
