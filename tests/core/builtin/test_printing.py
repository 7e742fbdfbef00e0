"""Printing hands out what is kept and changes nothing; who printed is in the audit, and the password is only on the slip (R28, R45)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from rolecall.accounts import passwords
from rolecall.errors import Forbidden, Refused
from rolecall.store.tables import Account, AuditEntry, Person
from rolecall.testing.factories import make_account, set_plain
from rolecall.work.runs.secrets import count_secrets, fetch_secrets
from rolecall.work.timeline import timeline

PHONE, DIGITS = "+30 691 234-5678", "306912345678"


def kept(case):
    sealed = case.columns()["sealed_password"]
    return case.office.app.keyring.open(sealed, passwords.sealed_place(case.id))


def test_the_first_password_is_handed_out_and_nothing_changes(case):
    case.act("password.reset")
    case.link()
    before, links, sessions = case.columns(), case.links, case.sessions

    run_id = case.act("account.print")

    (handed,) = fetch_secrets(case.office.app, case.office.actor, run_id)
    assert (handed.account_id, handed.secret) == (case.id, kept(case))
    assert (case.columns(), case.links, case.sessions) == (before, links, sessions)


def test_it_can_be_printed_as_often_as_it_is_kept(case):
    case.act("password.reset")
    runs = [case.act("account.print") for _ in range(2)]

    handed = [fetch_secrets(case.office.app, case.office.actor, each)[0].secret for each in runs]

    assert handed == [kept(case)] * 2


@pytest.mark.parametrize("state", [{}, {"password_hash": "$argon2id$own"}, {"sso_provider": "o365"}, {"active": False}])
def test_who_has_no_first_password_gets_a_slip_without_one(case, state):
    case.set(sealed_password=None, **state)

    run_id = case.act("account.print")

    (handed,) = fetch_secrets(case.office.app, case.office.actor, run_id)
    assert handed.secret == ""


def test_a_kept_password_of_who_signs_in_at_a_provider_stays_closed(case):
    case.act("password.reset")
    case.set(sso_provider="o365")

    run_id = case.act("account.print")

    assert [each.secret for each in fetch_secrets(case.office.app, case.office.actor, run_id)] == [""]


def test_a_password_that_no_key_opens_counts_as_gone(case):
    case.set(sealed_password=b"of another key", sealed_at=datetime.now(UTC))

    run_id = case.act("account.print")

    assert [each.secret for each in fetch_secrets(case.office.app, case.office.actor, run_id)] == [""]


def test_a_phone_number_prints_as_it_is(case):
    case.office.make(set_plain, "core", phone_first_password=True)
    with case.office.app.db.write() as session:
        session.execute(update(Person).values(phone=PHONE))
    case.act("password.first_is_phone")
    case.act("password.change", from_phone="yes")

    run_id = case.act("account.print")

    assert [each.secret for each in fetch_secrets(case.office.app, case.office.actor, run_id)] == [DIGITS]


def test_a_deleted_account_is_refused_in_words(case):
    case.act("account.delete")

    assert case.refusal("account.print").code == "deleted"


def test_many_are_printed_by_one_run(office):
    ids = [office.make(make_account).id for _ in range(5)]

    run_id = office.act("account.print", *ids)

    with office.app.db.read() as session:
        assert count_secrets(session, run_id) == 5
    assert [each.account_id for each in fetch_secrets(office.app, office.actor, run_id)] == ids


def test_who_printed_and_who_fetched_is_in_the_audit_and_the_password_is_not(case):
    case.act("password.reset")

    run_id = case.act("account.print")
    fetch_secrets(case.office.app, case.office.actor, run_id)

    with case.office.app.db.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.run_id == run_id).order_by(AuditEntry.seq)).all()
        page = timeline(session, case.id)
        everything = str([each.payload for each in session.scalars(select(AuditEntry))]) + str(page.items)
    assert [(each.kind, each.actor_label) for each in entries if each.kind in ("run.action", "run.secrets")] == [
        ("run.action", case.office.actor.label), ("run.secrets", case.office.actor.label),
    ]  # fmt: skip
    assert page.items[0]["kind"] == "account.print"
    assert kept(case) not in everything


def test_printing_stands_in_the_way_of_no_undo(case):
    deactivated = case.act("account.deactivate")
    case.act("account.print")

    case.undo(deactivated)

    assert case.columns()["active"]


def test_who_may_no_longer_print_cannot_fetch_either(office):
    anna = office.make(make_account, "Anna")
    clerk = office.clerk("act:account.print")
    run_id = office.act("account.print", anna, actor=clerk)
    with office.app.db.write() as session:
        session.execute(update(Account).where(Account.id == clerk.account_id).values(active=False))

    with pytest.raises(Forbidden, match="does not allow"):
        fetch_secrets(office.app, office.actor_of(clerk.account_id), run_id)

    with office.app.db.read() as session:
        assert count_secrets(session, run_id) == 1


def test_nobody_prints_an_account_that_may_do_more(office):
    boss = office.make(make_account, "Boss", type="administrator", is_owner=True)

    with pytest.raises(Refused, match="may do more"):
        office.act("account.print", boss, actor=office.clerk("act:account.print"))
