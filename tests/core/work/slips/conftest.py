"""An office that printed something: an institution with a name and a period, and people who read different languages."""

from datetime import UTC, datetime

import pytest

from rolecall.accounts.slips import PasswordState, Slip
from rolecall.testing.factories import give_role, make_account, make_period, make_role, set_plain
from rolecall.work.slips.sheets import Issuer


@pytest.fixture
def issuer():
    return Issuer(
        institution="Harbour School", address="https://accounts.example.org", period="2026–27", time_zone="Europe/Athens", language="en"
    )


@pytest.fixture
def slip():
    """A function that makes one slip; what is not given is an ordinary student with a password."""
    numbers = iter(range(1, 10_000))

    def make(**values):
        number = next(numbers)
        facts = {
            "account_id": number, "name": "Anna Smith", "username": f"anna{number}", "email": f"anna{number}@school.example",
            "user_type": "student", "role_id": 1, "role": "Year 1", "language": "en", "password": "kqm4tv-9xbhwd-63rpjc",
            "state": PasswordState.SIGNS_IN, "until": datetime(2026, 11, 30, 22, 30, tzinfo=UTC),
        }  # fmt: skip
        return Slip(**(facts | values))

    return make


@pytest.fixture
def printed(office):
    """A function that prints students by their languages, and returns the run."""
    with office.app.db.write() as session:
        set_plain(session, "core", institution_name="Harbour School", default_language="el", time_zone="Europe/Athens")
        period, role = make_period(session), make_role(session, "Year 1")

    def make(*languages):
        ids = []
        with office.app.db.write() as session:
            for each in languages:
                account = make_account(session, "Anna", last_name="Smith", language=each)
                give_role(session, account, role, period)
                ids.append(account.id)
        office.act("password.reset", *ids)
        return office.act("account.print", *ids)

    return make
