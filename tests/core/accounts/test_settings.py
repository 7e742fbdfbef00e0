"""Settings are validated by their schema, sealed where they are secret, and audited by name."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema
from sqlalchemy import select

from rolecall.accounts import audit, settings
from rolecall.accounts.actors import operator
from rolecall.accounts.sealing import Keyring, SealBroken
from rolecall.errors import Invalid
from rolecall.store.engine import Database
from rolecall.store.tables import AuditEntry, Generation, Setting

_OLGA = operator("olga")


class _Schema(Schema):
    class Meta:
        unknown = RAISE

    url = fields.Url(required=True, metadata={"label": "Address"})
    token = fields.String(required=True, load_only=True, metadata={"secret": True})
    batch = fields.Integer(load_default=50, validate=validate.Range(min=1, max=100))
    since = fields.Date(load_default=None, allow_none=True)

    @validates_schema
    def _not_too_much(self, data: dict[str, Any], **_: Any) -> None:
        if data["batch"] > 90 and data["url"].startswith("http://slow"):
            raise ValidationError("This server is too slow for that.", "batch")


_GIVEN = {"url": "https://moodle.example.org", "token": "canary-7391"}


def _write(db: Database, keyring: Keyring, **values: Any) -> frozenset[str]:
    with db.write() as session:
        return settings.write(session, "moodle", _Schema, values, actor=_OLGA, keyring=keyring)


def _read(db: Database, keyring: Keyring | None = None) -> dict[str, Any]:
    with db.read() as session:
        return settings.read(session, "moodle", _Schema, keyring)


def test_nothing_set_reads_as_the_defaults(db: Database, keyring: Keyring) -> None:
    assert _read(db, keyring) == {"url": None, "token": None, "batch": 50, "since": None}


def test_what_was_written_is_read_as_its_field_loads_it(db: Database, keyring: Keyring) -> None:
    changed = _write(db, keyring, **_GIVEN, since="2026-03-02", batch="20")

    assert changed == {"url", "token", "since", "batch"}
    assert str(_read(db, keyring)["since"]) == "2026-03-02"
    assert _read(db, keyring) | {"since": None} == {**_GIVEN, "batch": 20, "since": None}


def test_one_setting_is_read_as_among_all(db: Database, keyring: Keyring) -> None:
    def one(key: str) -> Any:
        with db.read() as session:
            return settings.one(session, "moodle", _Schema, key)

    before = one("batch")
    _write(db, keyring, **_GIVEN, since="2026-03-02", batch="20")
    with db.write() as session:
        session.get_one(Setting, ("moodle", "batch")).value = {"value": "many"}

    assert before == 50
    assert str(one("since")) == "2026-03-02"
    assert one("batch") == _read(db, keyring)["batch"] == 50


def test_a_secret_is_sealed_and_only_opened_with_the_keyring(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN)

    assert _read(db)["token"] is None
    with db.read() as session:
        row = session.get_one(Setting, ("moodle", "token"))
        assert row.value is None
        assert b"canary" not in (row.sealed or b"")
        assert "canary" not in str([entry.payload for entry in session.scalars(select(AuditEntry))])
        assert [each.value for each in settings.describe(session, "moodle", _Schema) if each.secret] == [None]


def test_a_sealed_secret_copied_to_another_plugin_does_not_open(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN)
    with db.write() as session:
        row = session.get_one(Setting, ("moodle", "token"))
        session.add(Setting(plugin="canvas", key="token", sealed=row.sealed, changed_at=row.changed_at, changed_by="x"))

    with db.read() as session, pytest.raises(SealBroken):
        settings.read(session, "canvas", _Schema, keyring)


def test_a_secret_that_is_not_given_is_kept(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN)

    assert _write(db, keyring, batch=10, token="") == {"batch"}
    assert _read(db, keyring)["token"] == "canary-7391"


def test_a_secret_is_replaced_or_removed(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN)

    assert _write(db, keyring, token="canary-7391") == frozenset()
    assert _write(db, keyring, token="canary-8000") == {"token"}
    assert _read(db, keyring)["token"] == "canary-8000"
    with pytest.raises(Invalid):
        _write(db, keyring, token=None)


def test_what_is_taken_away_has_its_default_again(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN, batch=10, since="2026-03-02")

    assert _write(db, keyring, batch=None, since=None) == {"batch", "since"}
    assert _write(db, keyring, batch=None) == frozenset()

    assert _read(db, keyring) == {**_GIVEN, "batch": 50, "since": None}
    with db.read() as session:
        assert session.get(Setting, ("moodle", "batch")) is None
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
        assert last is not None
        assert (last.payload or {})["changes"]["batch"] == {"before": 10, "after": 50}


def test_what_must_be_set_is_not_taken_away(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN)

    with pytest.raises(Invalid) as caught:
        _write(db, keyring, url=None)

    assert "url" in caught.value.fields
    assert _read(db, keyring)["url"] == _GIVEN["url"]


def test_saving_the_default_as_it_stands_changes_nothing(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN)

    assert _write(db, keyring, batch=50, since=None) == frozenset()
    with db.read() as session:
        assert {each.key: each.origin for each in settings.describe(session, "moodle", _Schema)}["batch"] == "default"


def test_a_word_that_is_no_setting_gets_the_one_that_comes_nearest(db: Database, keyring: Keyring) -> None:
    with pytest.raises(Invalid) as caught:
        _write(db, keyring, **_GIVEN, bach=10, colour="red")

    assert caught.value.fields == {"bach": ["There is no such setting. Did you mean batch?"], "colour": ["There is no such setting."]}


def test_a_secret_whose_key_is_lost_can_be_set_anew(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN)
    other = Keyring([Fernet.generate_key().decode()])

    assert _write(db, other, token="canary-7391") == {"token"}
    assert _read(db, other)["token"] == "canary-7391"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "no address", "token": "t"}, "url"),
        ({"url": "https://x.example"}, "token"),
        ({**_GIVEN, "batch": 500}, "batch"),
        ({**_GIVEN, "colour": "red"}, "colour"),
        ({"url": "http://slow.example.org", "token": "t", "batch": 95}, "batch"),
    ],
)
def test_what_the_schema_refuses_is_not_stored(db: Database, keyring: Keyring, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        _write(db, keyring, **values)

    assert list(caught.value.fields) == [field]
    assert _read(db, keyring)["url"] is None


def test_one_value_is_checked_together_with_those_that_are_set(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN | {"url": "http://slow.example.org"})

    with pytest.raises(Invalid):
        _write(db, keyring, batch=95)


def test_a_change_raises_the_generation_and_is_audited_before_and_after(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN)
    _write(db, keyring, batch=10)
    _write(db, keyring, batch=10, url=_GIVEN["url"])

    with db.read() as session:
        assert session.scalar(select(Generation.number)) == 3
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.seq)).all()
        assert [entry.payload for entry in entries] == [
            {"plugin": "moodle", "changes": {"url": {"before": None, "after": _GIVEN["url"]}, "token": "set anew"}},
            {"plugin": "moodle", "changes": {"batch": {"before": 50, "after": 10}}},
        ]
        assert {entry.actor for entry in entries} == {"cli:olga"}
        assert audit.verify(session).ok


def test_a_value_that_the_schema_no_longer_takes_counts_as_not_set(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN)
    with db.write() as session:
        row = session.get_one(Setting, ("moodle", "url"))
        session.add(Setting(plugin="moodle", key="batch", value={"value": 9_999}, changed_at=row.changed_at, changed_by="x"))
        session.add(Setting(plugin="moodle", key="gone", value={"value": 1}, changed_at=row.changed_at, changed_by="x"))

    assert _read(db, keyring)["batch"] == 50
    assert _write(db, keyring, since="2026-01-01") == {"since"}


def test_settings_are_described_with_their_origin(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN, since="2026-03-02")

    with db.read() as session:
        described = {each.key: each for each in settings.describe(session, "moodle", _Schema)}

    assert list(described) == ["url", "token", "batch", "since"]
    assert (described["batch"].value, described["batch"].origin, described["batch"].changed_by) == (50, "default", None)
    assert (described["since"].value, described["since"].origin) == ("2026-03-02", "set")
    assert described["since"].changed_by == "olga (command line)"
    assert (described["token"].value, described["token"].is_set) == (None, True)


def test_one_plain_value_needs_no_schema(db: Database, keyring: Keyring) -> None:
    _write(db, keyring, **_GIVEN, batch=10)

    with db.read() as session:
        assert settings.value(session, "moodle", "batch", 50) == 10
        assert settings.value(session, "moodle", "other", "x") == "x"
