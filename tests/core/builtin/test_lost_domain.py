"""A domain that the institution lost: its addresses prove nothing any more, whoever reads what is sent there (R30, T-06, T-16)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.accounts import emails, forgotten, passwords, sign_in, tokens
from rolecall.store.tables import Account, Delivery, OneTimeToken
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.work.runs import start
from rolecall.work.runs.selection import of_words
from rolecall.work.runs.undo import start_undo

RIGHT = "quiet-Tuesday-marmalade"
HASH = passwords.hash_password(RIGHT)


class Domain:
    """Anna, whose e-mail is at the lost domain, Boris, whose e-mail before was, and Cleo, whose is elsewhere."""

    def __init__(self, office):
        self.office, self.app = office, office.app
        emails_of = {
            "anna": {"email": "anna@lost.example", "email_verified": True, "email_verified_by": "user"},
            "boris": {"email": "boris@kept.example", "former_email": "boris@lost.example", "former_email_key": "boris@lost.example"},
            "cleo": {"email": "cleo@notlost.example", "email_verified": True, "email_verified_by": "user"},
        }
        with self.app.db.write() as session:
            role, period = make_role(session), make_period(session)
            self.ids = {}
            for name, facts in emails_of.items():
                account = make_account(session, name.title(), username=name, password_hash=HASH, **facts)
                give_role(session, account, role, period)
                self.ids[name] = account.id

    def withdraw(self):
        request = start.Request(
            action="account.unverify_email", selection=of_words({"domain": "lost.example"}), params={"reason": "It was sold."}
        )
        run_id = start.start(self.app, self.office.actor, request)
        self.office.work()
        return run_id

    def enters(self, identifier):
        outcome = sign_in.sign_in(
            self.app.db, self.app.keyring, identifier=identifier, password=RIGHT, address=None, agent=None, now=datetime.now(UTC)
        )
        return outcome.result

    def link(self, name, address):
        with self.app.db.write() as session:
            return forgotten.link_token(session, self.ids[name], address=address, now=datetime.now(UTC), keep_older=False)

    def verified(self):
        with self.app.db.read() as session:
            rows = session.scalars(select(Account).where(Account.id.in_(self.ids.values())))
            return {each.username: (each.email_verified, each.email_verified_by, each.former_email) for each in rows}


@pytest.fixture
def domain(office):
    return Domain(office)


def test_addresses_there_sign_nobody_in_and_user_names_and_other_addresses_do(domain):
    domain.withdraw()

    tried = {each: domain.enters(each) for each in ("anna@lost.example", "boris@lost.example", "cleo@notlost.example", "anna", "boris")}
    assert tried == {
        "anna@lost.example": "wrong", "boris@lost.example": "wrong", "cleo@notlost.example": "ok", "anna": "ok", "boris": "ok",
    }  # fmt: skip


def test_a_forgotten_password_gets_no_link_there_neither_asked_for_before_nor_after(domain):
    sent = domain.link("anna", "anna@lost.example")
    elsewhere = domain.link("cleo", "cleo@notlost.example")
    domain.withdraw()

    for identifier in ("anna", "anna@lost.example", "cleo"):
        domain.app.db.attempt(
            lambda session, identifier=identifier: forgotten.ask(session, identifier, address=None, now=datetime.now(UTC))
        )

    with domain.app.db.read() as session:
        assert session.scalars(select(Delivery.address)).all() == ["cleo@notlost.example"]
        assert forgotten.account_of_link(session, sent, datetime.now(UTC)) is None
        assert forgotten.account_of_link(session, elsewhere, datetime.now(UTC)) == domain.ids["cleo"]


def test_no_link_that_was_sent_there_verifies_the_address_again(domain):
    with domain.app.db.write() as session:
        tokens.create_link(
            session, emails.LINK, domain.ids["anna"], lasts=emails.LINK_LASTS, now=datetime.now(UTC), address="anna@lost.example"
        )

    domain.withdraw()

    with domain.app.db.read() as session:
        assert session.scalars(select(OneTimeToken)).all() == []


def test_undo_lets_the_addresses_count_again(domain):
    before = domain.verified()
    run_id = domain.withdraw()
    after = domain.verified()

    start_undo(domain.app, domain.office.actor, run_id)
    domain.office.work()

    assert after == {"anna": (False, None, None), "boris": (False, None, None), "cleo": before["cleo"]}
    assert domain.verified() == before
    assert domain.enters("boris@lost.example") == "ok"
