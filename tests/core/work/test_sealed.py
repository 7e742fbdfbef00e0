"""Keys are exchanged while everybody works: nothing is lost, nothing is sealed by a key that is gone (O-07, O-08)."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import LargeBinary, select, update

from rolecall.accounts import keys
from rolecall.accounts.actors import Actor, operator
from rolecall.accounts.sealing import Keyring, SealBroken, place
from rolecall.config import load
from rolecall.errors import Forbidden, Refused
from rolecall.store.engine import now
from rolecall.store.tables import Account, AuditEntry, Base, Link, Run, RunItem, Setting
from rolecall.testing.factories import make_account
from rolecall.work import rotation, sealed
from rolecall.work.application import Application

_OLGA = operator("olga")
#: More than two batches of them.
_MANY = sealed.BATCH * 2 + 7


@pytest.fixture
def open_app(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Application]]:
    """A function that starts a process on the keys of the data directory, or on those it is given."""
    keys.generate(tmp_path)
    opened: list[Application] = []

    def open_one(**given: str) -> Application:
        opened.append(Application(load(given, data=str(tmp_path), database_url=database_url)))
        return opened[-1]

    yield open_one
    for app in opened:
        app.close()


@pytest.fixture
def app(open_app: Callable[..., Application]) -> Application:
    return open_app()


def fill(app: Application, accounts: int = 1) -> None:
    """Keep a sealed value in every place there is; ``accounts`` first-time passwords."""
    with app.db.write() as session:
        moment = now(session)
        ids = [make_account(session).id for _ in range(accounts)]
        run = Run(kind="action", action="x", actor="cli:x", actor_label="x", state="queued", created_at=moment)
        link = Link(account_id=ids[0], provider="moodle", goal="present", changed_at=moment)
        session.add_all([run, link])
        session.flush()
        for number in ids:
            value = app.keyring.seal(f"first {number}", place("account", number, "sealed_password"))
            session.execute(update(Account).where(Account.id == number).values(sealed_password=value))
        link.sealed_password = app.keyring.seal("at moodle", place("link", link.id, "sealed_password"))
        run.sealed_params = app.keyring.seal("typed", place("run", run.id, "sealed_params"))
        session.add(RunItem(run_id=run.id, n=1, sealed_secret=app.keyring.seal("handed out", place("run_item", run.id, "1"))))
        token = app.keyring.seal("token", place("setting", "moodle.token", "sealed"))
        session.add(Setting(plugin="moodle", key="token", sealed=token, changed_at=moment, changed_by="x"))


def opened(app: Application) -> list[str]:
    """Every sealed value in clear."""
    with app.db.read() as session:
        accounts = session.execute(select(Account.id, Account.sealed_password).where(Account.sealed_password.is_not(None))).all()
        link, run, item = session.scalars(select(Link)).one(), session.scalars(select(Run)).one(), session.scalars(select(RunItem)).one()
        kept = [(value, place("account", number, "sealed_password")) for number, value in accounts]
        kept += [
            (link.sealed_password, place("link", link.id, "sealed_password")),
            (run.sealed_params, place("run", run.id, "sealed_params")),
            (item.sealed_secret, place("run_item", run.id, "1")),
            (session.get_one(Setting, ("moodle", "token")).sealed, place("setting", "moodle.token", "sealed")),
        ]
    return [app.keyring.open(value, where) for value, where in kept if value is not None]


def let_time_pass(tmp_path: Path) -> None:
    """Make the keys as old as they must be."""
    file = tmp_path / keys.ENCRYPTION_KEYS
    past = file.stat().st_mtime - rotation.SETTLED.total_seconds() - 1
    os.utime(file, (past, past))


def test_every_column_of_bytes_is_known_as_sealed() -> None:
    columns = {
        f"{table}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }

    assert {each.name for each in sealed.places()} == columns


def test_a_new_key_seals_and_the_old_one_still_opens_without_a_restart(app: Application, open_app: Callable[..., Application]) -> None:
    fill(app)
    (old,) = app.keyring.fingerprints

    new = rotation.rotate(open_app(), _OLGA)

    assert app.keyring.fingerprints == (new, old)
    assert app.keyring.sealed_by(app.keyring.seal("x", "p")) == new
    assert sorted(opened(app)) == ["at moodle", "first 1", "handed out", "token", "typed"]
    assert rotation.status(app, _OLGA).sealed.by_key == {new: 0, old: 5}


def test_what_another_process_sealed_by_a_new_key_opens_here(app: Application, open_app: Callable[..., Application]) -> None:
    other = open_app()
    rotation.rotate(other, _OLGA)
    value = other.keyring.seal("x", "here")

    assert app.keyring.open(value, "here") == "x"


def test_everything_is_sealed_again_and_the_old_key_removed(app: Application, tmp_path: Path) -> None:
    fill(app)
    (old,) = app.keyring.fingerprints
    before = sorted(opened(app))
    new = rotation.rotate(app, _OLGA)

    assert sealed.reseal(app, _OLGA) == 5
    assert sealed.reseal(app, _OLGA) == 0
    let_time_pass(tmp_path)

    assert rotation.retire(app, _OLGA) == (old,)
    assert rotation.retire(app, _OLGA) == ()
    assert app.keyring.fingerprints == (new,)
    assert sorted(opened(app)) == before
    with app.db.read() as session:
        entries = session.execute(select(AuditEntry.kind, AuditEntry.payload).order_by(AuditEntry.seq)).all()
    assert [tuple(each) for each in entries] == [
        ("keys.rotate", {"key": new}),
        ("keys.reseal", {"key": new, "values": 5}),
        ("keys.retire", {"keys": [old]}),
    ]


def test_sealing_again_goes_on_after_it_was_killed(app: Application) -> None:
    fill(app, _MANY)
    before = sorted(opened(app))
    rotation.rotate(app, _OLGA)

    def die(done: int) -> None:
        if done >= sealed.BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sealed.reseal(app, _OLGA, die)
    first, rest = rotation.status(app, _OLGA).sealed.by_key.values()

    assert sealed.BATCH <= first < _MANY
    assert first + rest == len(before)
    assert sorted(opened(app)) == before
    assert sealed.reseal(app, _OLGA) == rest
    assert sorted(opened(app)) == before
    assert rotation.status(app, _OLGA).unused


def test_what_others_write_meanwhile_is_neither_lost_nor_brought_back(app: Application, open_app: Callable[..., Application]) -> None:
    fill(app, _MANY)
    rotation.rotate(app, _OLGA)
    other = open_app()
    with app.db.read() as session:
        ids = list(session.scalars(select(Account.id).order_by(Account.id)))
    wiped, renewed = ids[::3], ids[1::3]
    begun = threading.Event()

    def work() -> None:
        begun.wait()
        for gone, fresh in zip(reversed(wiped), reversed(renewed), strict=False):
            value = other.keyring.seal(f"renewed {fresh}", place("account", fresh, "sealed_password"))
            with other.db.write() as session:
                session.execute(update(Account).where(Account.id == gone).values(sealed_password=None))
                session.execute(update(Account).where(Account.id == fresh).values(sealed_password=value))

    writer = threading.Thread(target=work)
    writer.start()
    sealed.reseal(app, _OLGA, lambda _done: begun.set())
    writer.join()

    with app.db.read() as session:
        values = dict(session.execute(select(Account.id, Account.sealed_password)).all())
    done = {number: values[number] and app.keyring.open(values[number], place("account", number, "sealed_password")) for number in ids}
    count = min(len(wiped), len(renewed))
    assert [number for number in list(reversed(wiped))[:count] if done[number] is not None] == []
    assert [number for number in list(reversed(renewed))[:count] if done[number] != f"renewed {number}"] == []
    assert [number for number in ids[2::3] if done[number] != f"first {number}"] == []
    assert sum(list(rotation.status(app, _OLGA).sealed.by_key.values())[1:]) == 0


def test_a_link_that_is_being_worked_on_is_left_for_later(app: Application) -> None:
    fill(app)
    with app.db.write() as session:
        session.execute(update(Link).values(leased_until=now(session) + timedelta(minutes=2)))
    (old,) = app.keyring.fingerprints
    rotation.rotate(app, _OLGA)

    assert sealed.reseal(app, _OLGA) == 4
    assert rotation.status(app, _OLGA).sealed.by_place["link.sealed_password"] == {old: 1}
    with app.db.write() as session:
        session.execute(update(Link).values(leased_until=now(session) - timedelta(seconds=1)))

    assert sealed.reseal(app, _OLGA) == 1


def test_an_old_key_stays_while_something_needs_it_or_may_be_under_way(app: Application, tmp_path: Path) -> None:
    fill(app)
    rotation.rotate(app, _OLGA)
    let_time_pass(tmp_path)

    assert rotation.retire(app, _OLGA) == ()
    rotation.rotate(app, _OLGA)
    with pytest.raises(Refused, match="a moment ago"):
        rotation.retire(app, _OLGA)
    assert len(app.keyring.fingerprints) == 3


def test_only_keys_that_nothing_needs_are_removed(app: Application, tmp_path: Path) -> None:
    fill(app)
    (first,) = app.keyring.fingerprints
    second = rotation.rotate(app, _OLGA)
    third = rotation.rotate(app, _OLGA)
    let_time_pass(tmp_path)

    assert rotation.retire(app, _OLGA) == (second,)
    assert app.keyring.fingerprints == (third, first)
    assert "first 1" in opened(app)


def test_two_rotations_at_one_moment_lose_no_key(app: Application, open_app: Callable[..., Application]) -> None:
    (old,) = app.keyring.fingerprints
    others = [open_app() for _ in range(4)]
    made: list[str] = []
    threads = [threading.Thread(target=lambda each=each: made.append(rotation.rotate(each, _OLGA))) for each in others]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(app.keyring.fingerprints) == {old, *made}
    assert len(made) == 4


def test_with_a_wrong_key_it_is_said_and_nothing_is_touched(app: Application, open_app: Callable[..., Application]) -> None:
    fill(app)
    wrong = open_app(ROLECALL_ENCRYPTION_KEYS=Fernet.generate_key().decode())

    found = rotation.status(wrong, _OLGA)

    assert (found.sealed.unreadable, found.sealed.total) == (5, 5)
    assert sealed.reseal(wrong, _OLGA) == 0
    with pytest.raises(SealBroken):
        opened(wrong)
    assert len(opened(app)) == 5


def test_keys_that_the_operator_keeps_are_not_written_and_the_way_is_told(app: Application, open_app: Callable[..., Application]) -> None:
    fill(app)
    old = ",".join(keys.KeyFile(Path(app.config.data) / keys.ENCRYPTION_KEYS).read())
    elsewhere = open_app(ROLECALL_ENCRYPTION_KEYS=f"{keys.new_key()},{old}")

    with pytest.raises(Refused, match="before them there"):
        rotation.rotate(elsewhere, _OLGA)
    assert sealed.reseal(elsewhere, _OLGA) == 5
    with pytest.raises(Refused, match=f"remove the key {app.keyring.fingerprints[0]} there"):
        rotation.retire(elsewhere, _OLGA)


def test_keys_are_the_operators_alone(app: Application) -> None:
    owner = Actor(name="account:1", label="Ada", account_id=1, permissions=None)

    for forbidden in (rotation.status, rotation.rotate, rotation.retire):
        with pytest.raises(Forbidden):
            forbidden(app, owner)


def test_a_broken_file_of_keys_leaves_the_working_ones_in_use(app: Application, tmp_path: Path) -> None:
    value = app.keyring.seal("x", "p")
    (tmp_path / keys.ENCRYPTION_KEYS).write_text("not a key\n", "ascii")

    assert app.keyring.open(app.keyring.seal("y", "p"), "p") == "y"
    (tmp_path / keys.ENCRYPTION_KEYS).unlink()

    assert app.keyring.open(value, "p") == "x"


def test_the_file_of_keys_stays_its_owners(app: Application, tmp_path: Path) -> None:
    rotation.rotate(app, _OLGA)

    file = tmp_path / keys.ENCRYPTION_KEYS
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert sorted(each.name for each in tmp_path.iterdir() if "encryption" in each.name) == [file.name]
    assert Keyring(load({}, data=str(tmp_path)).encryption_keys).fingerprints == app.keyring.fingerprints
