"""The alert addresses are told that an integration stopped, with its accounts or its classes, once for each stop."""

import pytest
from sqlalchemy import select

from rolecall.accounts import alerts, settings
from rolecall.accounts.core_settings import CoreSettings
from rolecall.errors import Misconfigured
from rolecall.store.tables import AuditEntry, Delivery
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.sync import circuit

ADDRESS = "it@school.example"
REFUSED = Misconfigured("The key was taken back.")


@pytest.fixture
def watched(school: School) -> School:
    """A school with an owner and an alert address."""
    school.change(school.account("Olga", type="administrator"), is_owner=True)
    with school.app.db.write() as session:
        settings.write(session, "core", CoreSettings, {"alert_addresses": [ADDRESS]}, actor=school.actor, keyring=school.app.keyring)
    return school


def told(school: School) -> list[Delivery]:
    with school.app.db.read() as session:
        return list(session.scalars(select(Delivery).where(Delivery.kind == alerts.KIND).order_by(Delivery.id)))


def stops(school: School) -> list[object]:
    with school.app.db.read() as session:
        found = session.scalars(select(AuditEntry.payload).where(AuditEntry.kind == alerts.STOPPED).order_by(AuditEntry.seq))
        return [each["reason"] for each in found]


def refuse(school: School, provider: type[MemoryProvider]) -> None:
    provider.service.fail("*", REFUSED, times=None)
    school.sync(*school.students(3))
    school.work()


def mend(school: School, provider: type[MemoryProvider], *, works: bool) -> None:
    if works:
        provider.service.mend()
    with school.app.db.write() as session:
        circuit.resume(session, provider.id)
    school.hurry(provider)
    school.work()


def test_refused_credentials_are_told_with_where_to_mend_them(watched: School, provider: type[MemoryProvider]) -> None:
    refuse(watched, provider)

    (message,) = told(watched)
    assert (message.address, message.facts["path"]) == (ADDRESS, f"/integrations/{provider.id}")
    assert f"The integration {provider.id} stopped by itself" in message.facts["what"]
    assert "taken back" not in str(message.facts), "what a service answers may say more than a mail should"
    assert stops(watched) == ["The key was taken back."]


def test_it_is_told_again_only_after_it_had_worked(watched: School, provider: type[MemoryProvider]) -> None:
    refuse(watched, provider)
    mend(watched, provider, works=False)
    meanwhile = len(told(watched))
    mend(watched, provider, works=True)
    refuse(watched, provider)

    assert (meanwhile, len(told(watched)), len(stops(watched))) == (1, 2, 3)


def test_a_person_who_pauses_an_integration_is_no_alert(watched: School, provider: type[MemoryProvider]) -> None:
    with watched.app.db.write() as session:
        circuit.pause(session, provider.id, watched.actor)
    watched.sync(*watched.students(3))
    watched.work()

    assert told(watched) == []
