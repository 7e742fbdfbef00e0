"""What was let go at a service is not linked there again by its address, until somebody links it on purpose (R39, F-02, F-09)."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import text

from rolecall.accounts import identities, let_go, sign_in
from rolecall.accounts.actors import operator
from rolecall.sdk.login import ExternalIdentity
from rolecall.store import schema
from rolecall.store.engine import Database
from rolecall.store.tables import Account

ADDRESS = "anna.k@school.example"
OFFICE = operator("office")


@pytest.fixture
def anna(make_account: Callable[..., int]) -> int:
    """An account whose address any service may link that decides about it."""
    return make_account(email=ADDRESS, email_verified=True, password_hash="x")


@pytest.fixture
def come(db: Database, noon: datetime) -> Callable[[str], str]:
    """A function that comes from a service with the verified address, and says how that ended."""

    def come(method: str) -> str:
        found = ExternalIdentity(issuer=f"https://{method}.example", subject="sub-anna", email=ADDRESS, email_verified=True)
        return sign_in.by_identity(db, method, found, speaks_for=True, address=None, agent=None, now=noon).result

    return come


@pytest.fixture
def link(db: Database, noon: datetime) -> Callable[..., int]:
    """A function that links the account to a service with another subject, and returns the identity's number."""

    def link(account: int, method: str, how: str) -> int:
        with db.write() as session:
            return identities.link(
                session, session.get_one(Account, account), method=method, issuer=f"https://{method}.example", subject=f"by-{how}", how=how,
                actor=OFFICE, now=noon,
            ).id  # fmt: skip

    return link


def gone(db: Database, account: int) -> list[str]:
    with db.read() as session:
        return [each.method for each in let_go.of_account(session, account)]


@pytest.mark.parametrize(
    ("methods", "results"), [(["school"], {"school": "unlinked", "other": "ok"}), (None, {"school": "unlinked", "other": "unlinked"})]
)
def test_an_address_does_not_link_what_was_released(
    db: Database, anna: int, come: Callable, noon: datetime, methods: list[str] | None, results: dict
) -> None:
    with db.write() as session:
        identities.release(session, [anna], methods, now=noon)

    assert {method: come(method) for method in results} == results


def test_an_address_links_it_where_nobody_let_it_go(db: Database, anna: int, come: Callable) -> None:
    assert come("school") == "ok"
    assert gone(db, anna) == []


def test_what_was_unlinked_does_not_come_back_by_the_same_identity(db: Database, anna: int, come: Callable, noon: datetime) -> None:
    assert come("school") == "ok"
    with db.write() as session:
        (row,) = identities.of_account(session, anna)
        identities.unlink(session, anna, row.id, actor=OFFICE, now=noon)

    assert come("school") == "unlinked"
    with db.read() as session:
        assert (session.get_one(Account, anna).sso_provider, identities.of_account(session, anna)) == (None, [])


@pytest.mark.parametrize("how", [identities.SELF, identities.OFFICE, identities.CONVERTED])
@pytest.mark.parametrize("methods", [["school"], None])
def test_linking_it_on_purpose_ends_that(
    db: Database, anna: int, link: Callable, noon: datetime, how: str, methods: list[str] | None
) -> None:
    with db.write() as session:
        identities.release(session, [anna], methods, now=noon)

    link(anna, "school", how)

    assert gone(db, anna) == []


def test_linking_it_elsewhere_changes_nothing_here(db: Database, anna: int, come: Callable, link: Callable, noon: datetime) -> None:
    with db.write() as session:
        let_go.note(session, [anna], ["school"], now=noon)
    assert come("other") == "ok"
    link(anna, "third", identities.OFFICE)

    assert gone(db, anna) == ["school"]


def test_letting_go_twice_keeps_the_first_time(db: Database, anna: int, make_account: Callable, noon: datetime) -> None:
    ben = make_account("ben")
    for moment, ids in ((noon, [anna]), (noon.replace(hour=15), [anna, ben])):
        with db.write() as session:
            let_go.note(session, ids, None, now=moment)

    with db.read() as session:
        found = [let_go.of_account(session, each)[0] for each in (anna, ben)]
    assert [(each.method, each.at.hour) for each in found] == [(let_go.EVERY, 12), (let_go.EVERY, 15)]


def test_what_was_released_before_the_update_stays_so(db: Database, anna: int, come: Callable) -> None:
    schema.downgrade(db, "0024")
    with db.write() as session:
        session.execute(
            text(
                "INSERT INTO link (account_id, provider, goal, wanted, synced, converts, attempts, fence, blocked, changed_at) "
                "VALUES (:account, 'school', 'released', 1, 1, false, 0, 0, false, '2026-03-01 12:00:00+00:00')"
            ),
            {"account": anna},
        )
    schema.upgrade(db)

    assert come("school") == "unlinked"
