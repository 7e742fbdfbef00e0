"""API tokens act with their account's rights of now; links work once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from rolecall.accounts import tokens
from rolecall.errors import Invalid, Unknown
from rolecall.store.engine import Database
from rolecall.store.tables import Account, ApiToken, RolePeriod

_HOUR = timedelta(hours=1)


def _create(db: Database, account: int, now: datetime, **facts: timedelta) -> str:
    with db.write() as session:
        return tokens.create(session, account, name="timetable", now=now, **facts)[0]


def _authenticate(db: Database, token: str, now: datetime) -> tokens.Bearer | None:
    with db.read() as session:
        return tokens.authenticate(session, token, now)


def _link(db: Database, account: int, now: datetime, purpose: str = "reset") -> str:
    with db.write() as session:
        return tokens.create_link(session, purpose, account, lasts=_HOUR, now=now)


def _consume(db: Database, token: str, now: datetime, purpose: str = "reset") -> int | None:
    return db.attempt(lambda session: tokens.consume(session, token, purpose, now))


def test_a_token_acts_with_the_rights_of_its_account(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account(permissions=("people:view",))

    bearer = _authenticate(db, _create(db, anna, noon), noon)

    assert bearer is not None
    assert (bearer.actor.name, bearer.actor.permissions) == (f"account:{anna}", {"people:view"})


def test_a_token_is_kept_as_its_digest(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    token = _create(db, make_account(), noon)

    assert token.startswith("rct_")
    assert len(token) >= 4 + 27
    with db.read() as session:
        row = session.scalars(select(ApiToken)).one()
        assert token not in repr(row.__dict__)
        assert token.startswith(row.hint)


def test_the_owners_token_may_everything(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    bearer = _authenticate(db, _create(db, make_account(role=None, is_owner=True), noon), noon)

    assert bearer is not None
    assert bearer.actor.permissions is None


@pytest.mark.parametrize("token", ["", "rct_", "rct_x", "\0", "\ud800", "é" * 5000])
def test_foreign_tokens_are_nobodys(db: Database, noon: datetime, token: str) -> None:
    assert _authenticate(db, token, noon) is None


def test_a_token_ends_at_its_time_and_lasts_a_year_at_most(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account()
    token = _create(db, anna, noon, lasts=timedelta(days=30))

    assert _authenticate(db, token, noon + timedelta(days=30) - timedelta(seconds=1)) is not None
    assert _authenticate(db, token, noon + timedelta(days=30)) is None
    for lasts in (timedelta(0), timedelta(days=-1), timedelta(days=367)):
        with pytest.raises(Invalid):
            _create(db, anna, noon, lasts=lasts)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\0b"])
def test_a_token_needs_a_name(db: Database, make_account: Callable[..., int], noon: datetime, name: str) -> None:
    anna = make_account()

    with db.write() as session, pytest.raises(Invalid):
        tokens.create(session, anna, name=name, now=noon)


def test_a_revoked_token_is_worthless_at_once(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna, boris = make_account("anna"), make_account("boris")
    token = _create(db, anna, noon)
    with db.read() as session:
        number = tokens.of_account(session, anna)[0].id

    with db.write() as session, pytest.raises(Unknown):
        tokens.revoke(session, number, now=noon, account_id=boris)
    assert _authenticate(db, token, noon) is not None
    for _ in range(2):
        with db.write() as session:
            tokens.revoke(session, number, now=noon)

    assert _authenticate(db, token, noon) is None
    with db.write() as session, pytest.raises(Unknown):
        tokens.revoke(session, 999, now=noon)


@pytest.mark.parametrize("change", [{"active": False}, {"deleted_at": datetime.fromisoformat("2026-03-02T12:00:00+00:00")}])
def test_a_closed_account_closes_its_tokens_and_links(
    db: Database, make_account: Callable[..., int], noon: datetime, change: dict[str, object]
) -> None:
    anna = make_account()
    token, link = _create(db, anna, noon), _link(db, anna, noon)

    with db.write() as session:
        session.execute(update(Account).where(Account.id == anna).values(**change))

    assert _authenticate(db, token, noon) is None
    assert _consume(db, link, noon) is None


def test_without_a_role_in_the_current_period_a_token_is_worthless(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    token = _create(db, make_account(), noon)

    with db.write() as session:
        session.execute(update(RolePeriod).values(enabled=False))

    assert _authenticate(db, token, noon) is None


def test_while_the_password_must_be_changed_a_token_may_nothing(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    bearer = _authenticate(db, _create(db, make_account(permissions=("people:view",), must_change_password=True), noon), noon)

    assert bearer is not None
    assert bearer.actor.permissions == frozenset()


def test_last_use_is_written_once_a_minute(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    token = _create(db, make_account(), noon)
    due = []
    for seconds in (0, 59, 60):
        now = noon + timedelta(seconds=seconds)
        bearer = _authenticate(db, token, now)
        assert bearer is not None
        due.append(bearer.is_due)
        with db.write() as session:
            tokens.touch(session, bearer.token_id, now)

    assert due == [True, False, True]
    with db.read() as session:
        assert session.scalars(select(ApiToken.last_used_at)).all() == [noon + timedelta(minutes=1)]


def test_a_link_works_once(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account()
    link = _link(db, anna, noon)

    with db.read() as session:
        assert all(tokens.is_usable(session, link, "reset", noon) for _ in range(5))
    assert _consume(db, link, noon) == anna
    assert _consume(db, link, noon) is None
    with db.read() as session:
        assert not tokens.is_usable(session, link, "reset", noon)


def test_of_twenty_at_once_one_uses_the_link(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account()
    links = [_link(db, anna, noon, purpose=f"purpose-{n}") for n in range(5)]

    with ThreadPoolExecutor(20) as pool:
        for n, link in enumerate(links):
            used = list(pool.map(lambda _, link=link, n=n: _consume(db, link, noon, f"purpose-{n}"), range(20)))
            assert sorted(used, key=str) == [anna] + [None] * 19


def test_a_link_is_for_its_purpose_and_its_time(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account()
    link = _link(db, anna, noon)

    assert _consume(db, link, noon, "invite") is None
    assert _consume(db, link, noon + _HOUR) is None
    assert _consume(db, link + "x", noon) is None
    assert _consume(db, link, noon + _HOUR - timedelta(seconds=1)) == anna


def test_a_newer_link_or_a_newer_password_kills_the_older(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account()
    first, other = _link(db, anna, noon), _link(db, anna, noon, "invite")
    second = _link(db, anna, noon)

    assert _consume(db, first, noon) is None
    with db.write() as session:
        tokens.kill_links(session, [anna])
    assert _consume(db, second, noon) is None
    assert _consume(db, other, noon, "invite") is None


def test_a_thousand_links_have_nothing_in_common(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account()
    with db.write() as session:
        made = [tokens.create_link(session, f"p{n}", anna, lasts=_HOUR, now=noon) for n in range(1_000)]

    assert len(set(made)) == 1_000
    assert min(map(len, made)) >= 43
    assert all(len(set(column)) > 30 for column in list(zip(*made, strict=True))[:42])
