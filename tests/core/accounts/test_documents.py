"""Accounts and people as the outside contract words them."""

import json
from datetime import UTC, datetime

from rolecall.accounts.documents import account_documents, person_documents
from rolecall.store.tables import Link
from rolecall.testing.factories import give_role, make_account, make_period, make_person, make_role

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACCOUNT = {
    "id",
    "identities",
    "key",
    "username",
    "email",
    "email_verified",
    "must_verify_email",
    "protected",
    "former_email",
    "sender_email",
    "type",
    "first_name",
    "last_name",
    "active",
    "deleted",
    "must_change_password",
    "sso",
    "invited_at",
    "last_login_at",
    "pending",
    "person",
    "roles",
    "links",
    "version",
}
PERSON = {"id", "list", "code", "first_name", "last_name", "email", "phone", "language", "active", "status", "no_sync", "account"}
LINK = {"sign_in_name", "provider", "external_id", "goal", "state", "attempts", "next_attempt_at", "error_class", "error"}


def test_an_account_has_the_promised_fields(db):
    with db.write() as session:
        period = make_period(session)
        anna = make_account(session, "Anna", username="anna", invited_at=NOON, sso_provider="o365")
        give_role(session, anna, make_role(session), period, enabled=False)
        session.add(
            Link(
                account_id=anna.id,
                provider="moodle",
                goal="present",
                wanted=2,
                synced=1,
                attempts=3,
                not_before=NOON,
                error="Down.",
                error_class="Transient",
                changed_at=NOON,
            )
        )
        (document,) = account_documents(session, [anna.id], now=NOON)

    assert set(document) == ACCOUNT
    assert set(document["person"]) >= PERSON
    assert set(document["links"][0]) == LINK
    assert document["roles"] == [{"period": "2026", "role": "Main student", "enabled": False}]
    assert (document["sso"], document["deleted"], document["pending"], document["invited_at"]) == (
        True,
        False,
        True,
        "2026-03-02T12:00:00Z",
    )
    assert (document["links"][0]["state"], document["links"][0]["next_attempt_at"]) == ("retrying", "2026-03-02T12:00:00Z")
    assert document["person"]["account"] == document["id"]
    json.dumps(document)


def test_documents_come_in_the_order_asked_without_those_who_are_gone(db):
    with db.write() as session:
        one, two = make_account(session), make_account(session)

        assert [each["id"] for each in account_documents(session, [two.id, 999, one.id])] == [two.id, one.id]


def test_a_person_without_an_account_says_so(db):
    with db.write() as session:
        anna = make_person(session, "Anna", phone="+30 697")
        (document,) = person_documents(session, [anna.id, 999])

    assert set(document) >= PERSON
    assert (document["status"], document["account"], document["phone"]) == ("Registered", None, "+30 697")


def test_fifty_documents_take_as_many_statements_as_one(db, statements):
    with db.write() as session:
        ids = [make_account(session).id for _ in range(20)]
    with db.read() as session:
        with statements(db) as one:
            account_documents(session, ids[:1], now=NOON)
        with statements(db) as many:
            account_documents(session, ids, now=NOON)

    assert len(one) == len(many)


def test_no_document_holds_a_secret(db):
    with db.write() as session:
        anna = make_account(session, password_hash="the-hash", sealed_password=b"the-seal")
        text = json.dumps(account_documents(session, [anna.id], now=NOON))

    assert "the-hash" not in text
    assert "the-seal" not in text
