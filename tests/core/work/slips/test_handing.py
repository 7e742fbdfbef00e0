"""Slips are handed out once, to whoever began the run; what goes wrong on the way costs nothing (R28, R45)."""

import pytest
from sqlalchemy import select, update

from rolecall.accounts.actors import Actor
from rolecall.accounts.slips import PasswordState
from rolecall.errors import Forbidden, Refused
from rolecall.store.tables import Account, AuditEntry
from rolecall.testing.factories import make_account
from rolecall.work.runs.secrets import count_secrets, fetch_secrets
from rolecall.work.slips.handing import Printed, hand_out_slips


def waiting(office, run_id):
    with office.app.db.read() as session:
        return count_secrets(session, run_id)


def hand_out(office, run_id, make=lambda printed: printed, *, actor=None, form="page"):
    return hand_out_slips(office.app, actor or office.actor, run_id, make, form=form)


def test_slips_are_handed_out_once_with_what_is_the_same_on_all(office, printed):
    run_id = printed("el", "ar")

    found = hand_out(office, run_id)

    assert [each.language for each in found.slips] == ["el", "ar"]
    assert {each.state for each in found.slips} == {PasswordState.SIGNS_IN}
    assert {each.role for each in found.slips} == {"Year 1"}
    issuer = found.issuer
    assert (issuer.institution, issuer.language, issuer.time_zone) == ("Harbour School", "el", "Europe/Athens")
    assert issuer.address == office.app.config.base_url
    assert issuer.period == "Year 2026"
    with pytest.raises(Refused, match="fetched already"):
        hand_out(office, run_id)


def test_a_reset_has_slips_too(office):
    run_id = office.act("password.reset", office.make(make_account), office.make(make_account))

    found = hand_out(office, run_id)

    assert len({each.password for each in found.slips}) == 2
    assert waiting(office, run_id) == 0


def test_nobody_else_gets_them(office, printed):
    run_id = printed("en")

    with pytest.raises(Forbidden, match="Only the person"):
        hand_out(office, run_id, actor=Actor(name="account:7", label="Other", permissions=None))

    assert waiting(office, run_id) == 1


def test_what_cannot_be_made_costs_nothing(office, printed):
    run_id = printed("en")

    def fail(_printed):
        raise Refused("The paper is out.")

    with pytest.raises(Refused, match="paper"):
        hand_out(office, run_id, fail)

    assert len(fetch_secrets(office.app, office.actor, run_id)) == 1


def test_of_two_who_make_theirs_at_once_only_one_gets_it(office, printed):
    run_id = printed("en")
    got = []

    def slow(found):
        got.append(hand_out(office, run_id))
        return found

    with pytest.raises(Refused, match="fetched already"):
        hand_out(office, run_id, slow)

    assert len(got) == 1


def test_no_transaction_is_open_while_it_is_made(office, printed):
    run_id, other = printed("en"), office.make(make_account)

    def write(_printed):
        with office.app.db.write() as session:
            session.execute(update(Account).where(Account.id == other.id).values(first_name="Meanwhile"))
        return office.app.db.engine.pool.checkedout()

    assert hand_out(office, run_id, write) == 0


def test_an_account_that_changed_since_is_printed_as_it_is_now(office, printed):
    run_id = printed("en")
    with office.app.db.write() as session:
        session.execute(update(Account).values(username="renamed", active=False, sso_provider="o365"))

    (slip,) = hand_out(office, run_id).slips

    assert (slip.username, slip.active, slip.password, slip.state) == ("renamed", False, None, PasswordState.ELSEWHERE)


def test_the_audit_says_as_what_they_were_handed_out(office, printed):
    run_id = printed("en")

    hand_out(office, run_id, Printed.html, form="html")

    with office.app.db.read() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.kind == "run.secrets"))
    assert entry.payload == {"run": run_id, "count": 1, "form": "html"}


def test_more_than_a_browser_waits_for_is_refused_before_anything_is_wiped(office, printed):
    run_id = printed("en", "el")

    with pytest.raises(Refused, match="1 is the most") as refused:
        hand_out(office, run_id, lambda found: found.pdf(most=1))

    assert "--pdf" in refused.value.hint
    assert waiting(office, run_id) == 2


def test_the_pdf_is_the_document(office, printed, requires_service):
    requires_service("weasyprint")

    made = hand_out(office, printed("el", "ar", "en"), Printed.pdf)

    assert made.startswith(b"%PDF-")
