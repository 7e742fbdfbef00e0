"""The life of a first-time password in any order of what people and the office do: what signs in is what should (R16, R44, R46, A-19)."""

from collections.abc import Callable
from datetime import datetime
from itertools import count

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from rolecall.accounts import first_password, passwords, sign_in
from rolecall.accounts import settings as stored_settings
from rolecall.accounts.actors import WORKER
from rolecall.accounts.core_settings import CoreSettings
from rolecall.accounts.sealing import Keyring
from rolecall.store.engine import Database
from rolecall.store.tables import Account, Person

_OWN = {word: passwords.hash_password(word) for word in ("quiet-Tuesday-marmalade", "seven herons wade")}
_PHONES = ("306912345678", "306987654321")
#: Signs in, changes one's own; the office resets, asks for phones, sets one, turns to a provider and back; numbers and rules change.
_STEPS = (
    "enter",
    "own 0",
    "own 1",
    "reset",
    "phones",
    "phone now",
    "number",
    "provider",
    "back",
    "keep",
    "stop keeping",
    "disallow",
    "allow",
    "guess",
)
_addresses = (f"2001:db8:{n // 65536:x}:{n % 65536:x}::1" for n in count(1))


class Life:
    """One account and what should be true of it."""

    def __init__(self, db: Database, keyring: Keyring, account: int, now: datetime) -> None:
        self.db, self.keyring, self.account, self.now = db, keyring, account, now
        self.phone = _PHONES[0]
        #: What signs in, what it is and whether it was used; what the office could go back to; everything that ever signed in.
        self.current: str | None = None
        self.is_phone = self.is_used = False
        self.kept: str | None = None
        self.kept_is_phone = False
        self.ever_signed_in = False
        self.secrets: set[str] = set()
        self.wrong = 0
        self.is_local = True
        self.keeps, self.allowed = False, True
        self.step("reset")

    def step(self, name: str) -> None:
        with self.db.write() as session:
            getattr(self, "_" + name.split()[0])(session, *name.split()[1:])
        if self.current is not None:
            self.secrets.add(self.current)

    def enters(self, password: str) -> bool:
        """Whether a password signs in, asked from a network that nobody knows."""
        outcome = sign_in.sign_in(
            self.db, self.keyring, identifier=self._row().username, password=password, address=next(_addresses), agent=None, now=self.now
        )
        if outcome.ok and self.is_phone:
            assert outcome.must_change_password
        return outcome.ok

    def _row(self) -> Account:
        with self.db.read() as session:
            return session.get_one(Account, self.account)

    def _begin(self, password: str, *, is_phone: bool) -> None:
        self.current, self.is_phone, self.is_used, self.wrong = password, is_phone, False, 0
        self.kept, self.kept_is_phone = password, is_phone

    def _reset(self, session) -> None:
        made = passwords.seal_first(session, self.keyring, [self.account], now=self.now)
        if self.is_local:
            self._begin(made[self.account], is_phone=False)

    def _own(self, session, number: str) -> None:
        word = list(_OWN)[int(number)]
        passwords.put(session, [self.account], _OWN[word], now=self.now)
        if self.is_local:
            self.current, self.is_phone, self.is_used = word, False, True
            self.kept, self.kept_is_phone = (self.kept, self.kept_is_phone) if self.keeps else (None, False)

    def _phones(self, session) -> None:
        if not self.allowed:
            return
        became = first_password.use_phones(session, self.keyring, [self.account], now=self.now).get(self.account)
        if not self.is_local:
            assert became is None
        elif self.current is not None and not self.is_used and not self.ever_signed_in:
            assert became == first_password.SIGNS_IN
            self._begin(self.phone, is_phone=True)
        elif self.current is not None and not self.is_used:
            assert became == first_password.WAITS
        else:
            # The password in use goes on, whatever it is.
            assert became == first_password.KEPT
            self.kept, self.kept_is_phone = self.phone, True

    def _phone(self, session, _now: str) -> None:
        if self.allowed:
            first_password.use_phones(session, self.keyring, [self.account], now=self.now, replace=True)
            if self.is_local:
                self._begin(self.phone, is_phone=True)

    def _number(self, session) -> None:
        self.phone = _PHONES[1 - _PHONES.index(self.phone)]
        person = select(Account.person_id).where(Account.id == self.account)
        session.execute(
            update(Person).where(Person.id.in_(person)).values(phone=f"+{self.phone[:2]} {self.phone[2:]}"),
            execution_options={"synchronize_session": False},
        )

    def _provider(self, session) -> None:
        # What becoming an account that a provider signs in means for the password: no local one is left.
        values = {"sso_provider": "o365", "password_hash": None, "phone_guesses_left": None}
        session.execute(update(Account).where(Account.id == self.account).values(**values))
        self.is_local, self.current, self.is_phone, self.is_used = False, None, False, False

    def _back(self, session) -> None:
        session.execute(update(Account).where(Account.id == self.account).values(sso_provider=None))
        made = first_password.go_back(session, self.keyring, [self.account], now=self.now)
        self.is_local = True
        if self.kept is not None and (self.allowed or not self.kept_is_phone):
            assert made == {}
            self._begin(self.kept, is_phone=self.kept_is_phone)
        else:
            self._begin(made[self.account], is_phone=False)

    def _keep(self, session) -> None:
        self.keeps = True
        self._set(session, keep_first_password=True)

    def _stop(self, session, _keeping: str) -> None:
        self.keeps = False
        self._set(session, keep_first_password=False)

    def _allow(self, session) -> None:
        self.allowed = True
        self._set(session, phone_first_password=True)

    def _disallow(self, session) -> None:
        self.allowed = False
        self._set(session, phone_first_password=False)

    def _set(self, session, **values: bool) -> None:
        stored_settings.write(session, "core", CoreSettings, values, actor=WORKER, keyring=self.keyring)

    def enter(self) -> None:
        """Sign in with what should sign in."""
        if self.current is None:
            return
        assert self.enters(self.current)
        self.ever_signed_in = True
        if not self.is_used:
            self.is_used = True
            self.kept, self.kept_is_phone = (self.kept, self.kept_is_phone) if self.keeps else (None, False)

    def guess(self, password: str = "00000000") -> None:
        """Sign in with something else."""
        assert not self.enters(password)
        self.wrong += self.is_phone
        if self.is_phone and self.wrong >= first_password.GUESSES:
            self.current, self.is_phone, self.is_used = None, False, False
            self.kept, self.kept_is_phone = None, False

    def holds(self) -> None:
        """What must be true at any time."""
        row = self._row()
        assert (row.password_hash is not None) == (self.current is not None and self.is_used)
        assert (row.sealed_password is not None) == (self.kept is not None)
        assert (row.phone_guesses_left is not None) == self.is_phone
        assert row.first_is_phone == self.kept_is_phone
        if row.sealed_password is not None:
            assert self.keyring.open(row.sealed_password, passwords.sealed_place(self.account)) == self.kept
        if self.is_phone:
            assert row.must_change_password
            assert row.phone_guesses_left == first_password.GUESSES - self.wrong


@example(steps=["enter", "reset", "phones", "enter"])
@example(steps=["own 0", "phones", "provider", "back", "enter", "phones", "guess", "guess"])
@example(steps=["keep", "enter", "own 1", "phones", "number", "provider", "disallow", "back"])
@example(steps=["phones", *["guess"] * 5, "phones", "back", "enter"])
@example(steps=["phones", "enter", *["guess"] * 5, "phones", "own 0"])
@given(steps=st.lists(st.sampled_from(_STEPS), min_size=4, max_size=14))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_in_any_order_exactly_the_right_password_signs_in(
    db: Database, keyring: Keyring, make_account: Callable[..., int], noon: datetime, steps: list[str]
) -> None:
    with db.write() as session:
        values = {"keep_first_password": False, "phone_first_password": True}
        stored_settings.write(session, "core", CoreSettings, values, actor=WORKER, keyring=keyring)
        number = len(session.scalars(select(Account.id)).all())
    life = Life(db, keyring, make_account(f"somebody.{number}", phone="+30 6912345678"), noon)

    for step in steps:
        if step == "enter":
            life.enter()
        elif step == "guess":
            life.guess()
        else:
            life.step(step)
        life.holds()

    life.enter()
    for old in sorted(life.secrets - {life.current}):
        life.guess(old)
        life.holds()
