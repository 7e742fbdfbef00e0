"""The Global Owner signs in as somebody else and comes back: what the session shows, who may, and what is written (R27)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from rolecall.accounts import sessions
from rolecall.accounts.acting import LASTS, METHOD
from rolecall.accounts.actors import Actor
from rolecall.accounts.sessions import SessionView
from rolecall.config import load
from rolecall.errors import Forbidden, Invalid, Refused
from rolecall.store.tables import Account, AuditEntry, SignIn
from rolecall.testing import factories
from rolecall.testing.school import School
from rolecall.work import own_acting
from rolecall.work.application import Application

REASON = "She cannot find her timetable."


@pytest.fixture
def school(database_url: str, tmp_path: Path) -> Iterator[School]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s", encryption_keys=Fernet.generate_key().decode())
    with Application(config) as app:
        yield School(app)


@pytest.fixture
def owner(school: School) -> int:
    account_id = school.account("Olga", type="administrator")
    with school.app.db.write() as session:
        session.get_one(Account, account_id).is_owner = True
    return account_id


@pytest.fixture
def student(school: School) -> Callable[[str], int]:
    """A function that makes a student who has something to see: a role in the current period."""
    with school.app.db.write() as session:
        period, role = factories.make_period(session), factories.make_role(session)

    def make(name: str) -> int:
        account_id = school.student(name)
        with school.app.db.write() as session:
            factories.give_role(session, session.get_one(Account, account_id), role, period)
        return account_id

    return make


@pytest.fixture
def anna(student: Callable[[str], int]) -> int:
    return student("Anna")


def begin_session(school: School, account_id: int) -> str:
    with school.app.db.write() as session:
        return sessions.create(session, account_id, address="192.0.2.7", agent="test", now=datetime.now(UTC))


def seen(school: School, token: str, *, later: timedelta = timedelta(0)) -> SessionView | None:
    with school.app.db.read() as session:
        return sessions.load(session, token, datetime.now(UTC) + later)


def living(school: School, token: str) -> SessionView:
    view = seen(school, token)
    assert view is not None
    return view


def actor_of(account_id: int) -> Actor:
    return Actor(name=f"account:{account_id}", label="Olga", permissions=None)


def written(school: School) -> list[str]:
    with school.app.db.read() as session:
        return list(session.scalars(select(AuditEntry.kind).where(AuditEntry.kind.like("sign_in_as%")).order_by(AuditEntry.seq)))


def test_the_session_shows_the_other_account_under_a_new_token_and_comes_back_to_its_own(school: School, owner: int, anna: int) -> None:
    token = begin_session(school, owner)

    acting = own_acting.begin(school.app, actor_of(owner), living(school, token), anna, REASON)
    shown = living(school, acting)

    assert seen(school, token) is None
    assert (shown.account_id, shown.is_owner) == (anna, False)
    back = living(school, own_acting.stop(school.app, actor_of(owner), shown))
    assert (back.account_id, back.acting_for) == (owner, None)
    assert seen(school, acting) is None
    assert written(school) == ["sign_in_as", "sign_in_as.end"]
    with school.app.db.read() as session:
        assert session.execute(select(SignIn.account_id, SignIn.method, SignIn.result)).all() == [(anna, METHOD, "looked")]
        assert session.get_one(Account, anna).last_login_at is None, "it is no sign-in of hers"


def test_it_ends_by_itself(school: School, owner: int, anna: int) -> None:
    acting = own_acting.begin(school.app, actor_of(owner), living(school, begin_session(school, owner)), anna, REASON)

    before, after = (seen(school, acting, later=LASTS + timedelta(seconds=each)) for each in (-60, 60))

    assert before is not None
    assert before.account_id == anna
    assert after is None or after.account_id == owner


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 501])
def test_without_a_reason_nothing_happens(school: School, owner: int, anna: int, reason: str) -> None:
    token = begin_session(school, owner)

    with pytest.raises(Invalid):
        own_acting.begin(school.app, actor_of(owner), living(school, token), anna, reason)

    assert living(school, token).account_id == owner
    assert written(school) == []


def test_nobody_else_does_it_whatever_they_hold(school: School, owner: int, anna: int) -> None:
    other = school.account("Omar", type="administrator")
    view = living(school, begin_session(school, other))
    limited = replace(actor_of(other), permissions=frozenset({f"act:{own_acting.ACTION}"}))

    for actor in (limited, actor_of(other)):
        with pytest.raises(Forbidden):
            own_acting.begin(school.app, actor, view, anna, REASON)

    assert written(school) == []


def test_one_is_somebody_else_only_once_at_a_time(school: School, student: Callable[[str], int], owner: int, anna: int) -> None:
    acting = own_acting.begin(school.app, actor_of(owner), living(school, begin_session(school, owner)), anna, REASON)

    with pytest.raises(Refused):
        own_acting.begin(school.app, actor_of(owner), living(school, acting), student("Bob"), REASON)


def test_an_account_that_nobody_signs_in_to_is_not_shown(school: School, owner: int, anna: int) -> None:
    school.change(anna, active=False)

    with pytest.raises(Refused):
        own_acting.begin(school.app, actor_of(owner), living(school, begin_session(school, owner)), anna, REASON)
