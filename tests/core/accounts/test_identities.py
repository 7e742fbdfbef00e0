"""Who comes in by another service, and to whose account: by issuer and subject, linked on proof alone (R66, F-01, F-02, F-09)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, update

from rolecall.accounts import identities, sign_in
from rolecall.accounts.actors import operator
from rolecall.errors import Invalid, Refused, Unknown
from rolecall.sdk.login import ExternalIdentity
from rolecall.store.engine import Database
from rolecall.store.tables import Account, AuditEntry, Link, LinkedIdentity, RolePeriod, SignIn

ISSUER = "https://login.school.example"
ADDRESS = "anna.k@school.example"
Enter = Callable[..., sign_in.Outcome]
MakeAccount = Callable[..., int]


@pytest.fixture
def enter(db: Database, noon: datetime) -> Enter:
    """A function that comes back from the service called school, as sub-anna unless told otherwise."""

    def enter(method: str = "school", *, speaks_for: bool = False, at: datetime = noon, **facts: Any) -> sign_in.Outcome:
        found = ExternalIdentity(**{"issuer": ISSUER, "subject": "sub-anna", **facts})
        return sign_in.by_identity(db, method, found, speaks_for=speaks_for, address="192.0.2.7", agent="Firefox", now=at)

    return enter


@pytest.fixture
def link(db: Database, noon: datetime) -> Callable[..., int]:
    """A function that links an identity to an account by hand and returns its number."""

    def link(account: int, *, method: str = "school", subject: str = "sub-anna", how: str = identities.OFFICE) -> int:
        with db.write() as session:
            row = identities.link(
                session, session.get_one(Account, account), method=method, issuer=ISSUER, subject=subject, how=how,
                actor=operator("office"), now=noon,
            )  # fmt: skip
            return row.id

    return link


def account(db: Database, number: int) -> Account:
    with db.read() as session:
        return session.get_one(Account, number)


def linked(db: Database) -> list[tuple[int, str, str]]:
    with db.read() as session:
        return [(each.account_id, each.subject, each.how) for each in session.scalars(select(LinkedIdentity).order_by(LinkedIdentity.id))]


def test_a_linked_identity_signs_in_whatever_its_address_is(
    db: Database, make_account: MakeAccount, enter: Enter, link: Callable, noon: datetime
) -> None:
    anna, ben = make_account(), make_account("ben", email=ADDRESS, email_verified=True)
    link(anna)

    outcome = enter(email=ADDRESS, email_verified=True, speaks_for=True)

    assert outcome == sign_in.Outcome(result="ok", account_id=anna)
    assert account(db, anna).last_login_at == noon
    assert account(db, ben).last_login_at is None
    with db.read() as session:
        row = session.scalars(select(SignIn)).one()
        assert (row.account_id, row.method, row.result) == (anna, "school", "ok")
        assert session.scalars(select(LinkedIdentity)).one().last_used_at == noon


@pytest.mark.parametrize("differs", [{"subject": "sub-ben"}, {"issuer": "https://evil.example"}, {"method": "other"}])
def test_another_subject_issuer_or_method_is_nobody(
    db: Database, make_account: MakeAccount, enter: Enter, link: Callable, differs: dict
) -> None:
    link(make_account(email=ADDRESS, email_verified=True))

    outcome = enter(**{"email": ADDRESS, **differs})

    assert (outcome.result, outcome.account_id) == ("unlinked", None)
    assert "ask the office" in outcome.message


@pytest.mark.parametrize(("verified", "speaks_for"), list(product([True, False, "true", "false", 1, None], [True, False])))
def test_an_address_links_only_if_it_is_truly_verified_and_the_service_speaks_for_its_domain(
    db: Database, make_account: MakeAccount, enter: Enter, verified: object, speaks_for: bool
) -> None:
    anna = make_account(email=ADDRESS)

    outcome = enter(email=ADDRESS.upper(), email_verified=verified, speaks_for=speaks_for)

    only = verified is True and speaks_for
    assert outcome.ok == only
    assert linked(db) == ([(anna, "sub-anna", "email")] if only else [])
    assert account(db, anna).sso_provider == ("school" if only else None)


NOBODY = {
    "nobody has it": lambda make: make(),
    "two have it": lambda make: (make(email=ADDRESS), make("ben", email=ADDRESS)),
    "one had it before": lambda make: (make(email=ADDRESS), make("ben", former_email=ADDRESS, former_email_key=ADDRESS)),
    "the Global Owner has it": lambda make: make(email=ADDRESS, is_owner=True, type="administrator"),
    "another service signs the account in": lambda make: make(email=ADDRESS, sso_provider="o365"),
    "the account is deleted": lambda make: make(email=ADDRESS, deleted_at=datetime.fromisoformat("2026-03-01T00:00:00+00:00")),
}


@pytest.mark.parametrize("case", NOBODY)
def test_an_address_links_nobody_where(db: Database, make_account: MakeAccount, enter: Enter, case: str) -> None:
    NOBODY[case](make_account)

    assert enter(email=ADDRESS, email_verified=True, speaks_for=True).result == "unlinked"
    assert linked(db) == []


def test_an_address_that_somebody_typed_and_never_verified_waits_for_nobody(db: Database, make_account: MakeAccount, enter: Enter) -> None:
    mallory = make_account(email="mallory@home.example")
    with db.write() as session:
        session.execute(update(Account).where(Account.id == mallory).values(email=ADDRESS, email_key=ADDRESS))

    assert enter(email=ADDRESS, email_verified=True, speaks_for=True).result == "unlinked"

    with db.write() as session:
        session.execute(update(Account).where(Account.id == mallory).values(email_verified=True))
    assert enter(email=ADDRESS, email_verified=True, speaks_for=True).ok


@pytest.fixture
def converted(db: Database, make_account: MakeAccount, noon: datetime) -> int:
    """An account that was converted to the provider of the method school, as object-1 there."""
    anna = make_account(sso_provider="school", must_change_password=True)
    with db.write() as session:
        session.add(Link(account_id=anna, provider="school", goal="present", external_id="object-1", changed_at=noon))
    return anna


def test_a_converted_account_is_known_by_the_id_that_its_provider_gave(db: Database, converted: int, enter: Enter) -> None:
    assert enter(external_id="object-2").result == "unlinked"
    assert enter("other", external_id="object-1").result == "unlinked"

    outcome = enter(external_id="object-1")

    assert outcome == sign_in.Outcome(result="ok", account_id=converted)
    assert linked(db) == [(converted, "sub-anna", "converted")]
    assert enter().ok, "from now on by issuer and subject"


def test_another_user_there_takes_the_place_of_the_former_one(db: Database, converted: int, enter: Enter) -> None:
    enter(external_id="object-1")

    with db.write() as session:
        session.execute(update(Link).values(external_id="object-2"))

    assert enter(subject="sub-new", external_id="object-2").ok
    assert [each[1] for each in linked(db)] == ["sub-new"]


def test_a_link_alone_proves_nothing(db: Database, converted: int, enter: Enter) -> None:
    with db.write() as session:
        session.execute(update(Account).values(sso_provider=None))

    assert enter(external_id="object-1").result == "unlinked"


@pytest.mark.parametrize(
    ("facts", "result"),
    [
        ({"active": False}, "closed"),
        ({"deleted_at": datetime.fromisoformat("2026-03-01T00:00:00+00:00")}, "closed"),
        ({"must_verify_email": True}, "unverified"),
    ],
)
def test_who_may_not_come_in_is_told_why_and_comes_in_by_no_half(
    db: Database, make_account: MakeAccount, enter: Enter, link: Callable, facts: dict, result: str
) -> None:
    anna = make_account(**facts)
    link(anna)

    outcome = enter()

    assert (outcome.result, outcome.account_id) == (result, None)
    assert outcome.message
    assert account(db, anna).last_login_at is None
    with db.read() as session:
        assert session.scalars(select(SignIn.account_id)).all() == [anna]


def test_a_closed_account_is_not_linked_either(db: Database, make_account: MakeAccount, enter: Enter) -> None:
    make_account(email=ADDRESS, active=False)

    assert enter(email=ADDRESS, email_verified=True, speaks_for=True).result == "closed"
    assert linked(db) == []


def test_without_a_role_in_the_period_the_sentence_is_that_of_the_password(
    db: Database, make_account: MakeAccount, enter: Enter, link: Callable
) -> None:
    link(make_account())
    with db.write() as session:
        session.execute(update(RolePeriod).values(enabled=False))

    outcome = enter()

    assert outcome.result == "no-role"
    assert "2025/26" in outcome.message


def test_an_identity_makes_an_sso_account_whose_password_is_asked_for_no_more(
    db: Database, make_account: MakeAccount, link: Callable, enter: Enter
) -> None:
    anna = make_account(password_hash="x", must_change_password=True)
    owner = make_account("owner", is_owner=True, type="administrator", role=None)

    link(anna)
    link(owner, subject="sub-owner")

    assert account(db, anna).sso_provider == "school"
    assert account(db, owner).sso_provider is None
    assert enter().must_change_password is False
    assert enter(subject="sub-owner").ok


def test_one_identity_is_one_account_s_and_nobody_learns_whose(make_account: MakeAccount, link: Callable) -> None:
    anna, ben = make_account(), make_account("ben")
    link(anna)

    with pytest.raises(Refused) as refused:
        link(ben)

    assert "anna" not in str(refused.value)


@pytest.mark.parametrize("subject", ["", "  ", "x" * 256, "a\0b"])
def test_what_is_no_subject_is_refused(make_account: MakeAccount, link: Callable, subject: str) -> None:
    anna = make_account()

    with pytest.raises(Invalid):
        link(anna, subject=subject)


def test_unlinking_gives_the_password_its_place_back_when_it_was_the_last(
    db: Database, make_account: MakeAccount, link: Callable, noon: datetime
) -> None:
    anna = make_account(password_hash="x")
    first, second = link(anna), link(anna, method="other", subject="sub-2")

    for number, left in ((first, "other"), (second, None)):
        with db.write() as session:
            identities.unlink(session, anna, number, actor=operator("office"), now=noon)
        assert account(db, anna).sso_provider == left
    with db.write() as session, pytest.raises(Unknown):
        identities.unlink(session, anna, second, actor=operator("office"), now=noon)

    with db.read() as session:
        kinds = session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)).all()
    assert kinds == ["identity.link", "identity.link", "identity.unlink", "identity.unlink"]


@pytest.mark.parametrize(
    ("facts", "more", "how", "kept"),
    [
        ({}, 0, "self", True),
        ({"password_hash": "x"}, 0, "self", False),
        ({}, 1, "self", False),
        ({"password_hash": "x"}, 1, "converted", True),
    ],
)
def test_nobody_unlinks_their_last_way_in_or_what_the_office_decided(
    db: Database, make_account: MakeAccount, link: Callable, facts: dict, more: int, how: str, kept: bool
) -> None:
    anna = make_account(**facts)
    number = link(anna, how=how)
    for each in range(more):
        link(anna, method="other", subject=f"sub-{each}")

    with db.read() as session:
        why = identities.why_kept(session, session.get_one(Account, anna), session.get_one(LinkedIdentity, number))

    assert (why is not None) == kept


def test_releasing_takes_those_of_the_chosen_services_or_all(
    db: Database, make_account: MakeAccount, link: Callable, noon: datetime
) -> None:
    anna, ben = make_account(), make_account("ben")
    link(anna)
    link(anna, method="other", subject="sub-2")
    link(ben, subject="sub-3")

    with db.write() as session:
        some = identities.release(session, [anna], ["school"], now=noon)
        assert session.get_one(Account, anna).sso_provider == "other"
        rest = identities.release(session, [anna], None, now=noon)
        assert session.get_one(Account, anna).sso_provider is None

    assert (some, rest) == ([(anna, "school")], [(anna, "other")])
    assert [each[0] for each in linked(db)] == [ben]


def test_somebody_who_proved_nothing_is_in_the_history(db: Database, noon: datetime) -> None:
    sign_in.not_proved(db, "school", address="192.0.2.7", agent="x", now=noon + timedelta(minutes=1))

    with db.read() as session:
        row = session.scalars(select(SignIn)).one()
    assert (row.account_id, row.method, row.result) == (None, "school", "not-proved")
