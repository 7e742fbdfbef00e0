"""What tests of comparisons say: compare, and look at the lines."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from rolecall.sdk.provider import Provider
from rolecall.store.tables import Comparison, Match
from rolecall.testing.school import School
from rolecall.work.sync.comparison import job, reading

Compare = Callable[[School, type[Provider]], Comparison]
Lines = Callable[[School, type[Provider]], dict[str | int | None, Match]]


@pytest.fixture
def compare() -> Compare:
    """Ask for a comparison, carry it out and return how it ended."""

    def carried_out(school: School, provider: type[Provider]) -> Comparison:
        job.start(school.app, school.actor, provider.id)
        job.compare(school.app, provider.id)
        with school.app.db.read() as session:
            found = reading.comparison(session, provider.id)
            assert found is not None
            return found

    return carried_out


@pytest.fixture
def lines() -> Lines:
    """The lines by remote id, or by account where there is none."""

    def read(school: School, provider: type[Provider]) -> dict[str | int | None, Match]:
        with school.app.db.read() as session:
            found = session.scalars(select(Match).where(Match.provider == provider.id).order_by(Match.id))
            return {each.external_id or each.account_id: each for each in found}

    return read
