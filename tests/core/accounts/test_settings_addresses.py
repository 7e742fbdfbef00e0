"""A stored secret belongs to the address it was entered for (O-03)."""

import pytest
from marshmallow import Schema, fields

from rolecall.accounts import settings
from rolecall.accounts.actors import operator
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Invalid
from rolecall.store.engine import Database

ACTOR = operator("tester")


class Service(Schema):
    url = fields.Url(required=True, require_tld=False)
    tenant = fields.String(load_default="", metadata={"address": True})
    token = fields.String(required=True, metadata={"secret": True})
    extra = fields.String(metadata={"secret": True})
    label = fields.String(load_default="")


@pytest.fixture(autouse=True)
def stored(db: Database, keyring: Keyring) -> None:
    values = {"url": "https://old.example/", "token": "t0ken", "extra": "more"}
    with db.write() as session:
        settings.write(session, "moodle", Service, values, actor=ACTOR, keyring=keyring)


def read(db: Database, keyring: Keyring) -> dict[str, object]:
    with db.read() as session:
        return settings.read(session, "moodle", Service, keyring)


def test_a_stored_secret_is_used_while_the_address_stays(db: Database, keyring: Keyring) -> None:
    with db.read() as session:
        found = settings.candidate(session, "moodle", Service, {"url": "https://old.example", "token": "", "label": "x"}, keyring=keyring)

    assert found == {"url": "https://old.example", "tenant": "", "token": "t0ken", "extra": "more", "label": "x"}


@pytest.mark.parametrize("change", [{"url": "https://new.example"}, {"url": "http://old.example"}, {"tenant": "other"}])
def test_a_stored_secret_is_not_used_for_another_address(db: Database, keyring: Keyring, change: dict[str, str]) -> None:
    with db.read() as session, pytest.raises(Invalid) as caught:
        settings.candidate(session, "moodle", Service, {"url": "https://old.example", "token": "", **change}, keyring=keyring)

    assert list(caught.value.fields) == ["token"]
    assert "again" in caught.value.fields["token"][0]


def test_a_save_with_another_address_needs_the_secret_again_and_changes_nothing_without(db: Database, keyring: Keyring) -> None:
    with pytest.raises(Invalid), db.write() as session:
        settings.write(session, "moodle", Service, {"url": "https://new.example"}, actor=ACTOR, keyring=keyring)

    assert read(db, keyring)["url"] == "https://old.example/"
    assert read(db, keyring)["token"] == "t0ken"


def test_secrets_that_are_not_given_again_are_dropped_with_the_old_address(db: Database, keyring: Keyring) -> None:
    with db.write() as session:
        changed = settings.write(session, "moodle", Service, {"url": "https://new.example", "token": "fresh"}, actor=ACTOR, keyring=keyring)

    assert changed == {"url", "token", "extra"}
    assert read(db, keyring)["token"] == "fresh"
    assert read(db, keyring)["extra"] is None


def test_a_candidate_stores_nothing(db: Database, keyring: Keyring) -> None:
    with db.read() as session:
        settings.candidate(session, "moodle", Service, {"url": "https://new.example", "token": "fresh"}, keyring=keyring)

    assert read(db, keyring)["token"] == "t0ken"
