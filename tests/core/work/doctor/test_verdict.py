"""The verdict is the one that signing in gives to the right password, whatever states meet in one account."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from rolecall.accounts import passwords, throttle
from rolecall.accounts.first_password import GUESSES
from rolecall.accounts.sealing import Keyring
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod, Setting, SignIn, Throttle
from rolecall.testing.factories import make_account, set_plain

_FIRST = "kqm4tv-9xbhwd-63rpjc"
_HERE, _ELSEWHERE = "192.0.2.7", "198.51.100.1"
_OTHERS_KEY = Keyring([Fernet.generate_key().decode()])


class Patient:
    """Anna in any state: ``put`` makes her well first, and then what is asked for."""

    def __init__(self, office: Any, anna: int, noon: datetime) -> None:
        self._office, self._id, self._noon = office, anna, noon
        with office.app.db.write() as session:
            self._hash = session.get_one(Account, anna).password_hash
            self._role = session.scalars(select(RolePeriod.role_id)).one()
            self._period = session.scalars(select(Period.id)).one()
            self._twin = make_account(session, "Berta", email=None).id
            self._earlier = Period(code="2024", code_key="2024", name="2024", starts_on=noon.date(), ends_on=noon.date(), is_current=False)
            session.add(self._earlier)
            session.flush()
            self._earlier_id = self._earlier.id

    def put(self, happened: dict[str, str]) -> None:
        with self._office.app.db.write() as session:
            self._heal(session)
            for what, how in happened.items():
                getattr(self, f"_{what}")(session, how)

    def _heal(self, session: Any) -> None:
        for table in (SignIn, Throttle, RolePeriod, Setting):
            session.execute(delete(table))
        session.execute(update(Role).values(active=True))
        session.execute(update(Period).values(is_current=Period.id == self._period))
        session.execute(update(Person).values(active=True))
        session.execute(update(Account).where(Account.id == self._twin).values(email_key=None, email_verified=False, former_email_key=None))
        self._set(
            session, type="teacher", active=True, closed_by_rule=False, deleted_at=None, sso_provider=None, is_owner=False,
            email="anna@school.example", email_key="anna@school.example", email_verified=True, must_verify_email=False, former_email=None,
            former_email_key=None, password_hash=self._hash, sealed_password=None, sealed_at=None, first_is_phone=False,
            phone_guesses_left=None, must_change_password=False, password_changed_at=self._noon, last_login_at=None,
        )  # fmt: skip
        self._give(session, self._period, enabled=True)

    def _set(self, session: Any, **values: Any) -> None:
        session.execute(update(Account).where(Account.id == self._id).values(**values))
        session.expire_all()

    def _give(self, session: Any, period: int, *, enabled: bool) -> None:
        session.add(RolePeriod(account_id=self._id, period_id=period, role_id=self._role, enabled=enabled, created_at=self._noon))
        session.flush()

    def _account(self, session: Any, how: str) -> None:
        words = {"deleted": {"deleted_at": self._noon}, "inactive": {"active": False}, "closed": {"active": False, "closed_by_rule": True}}
        self._set(session, **words[how])

    def _person(self, session: Any, how: str) -> None:
        session.execute(update(Person).values(active=False))

    def _sso(self, session: Any, how: str) -> None:
        self._set(session, sso_provider="moodle")

    def _owner(self, session: Any, how: str) -> None:
        self._set(session, is_owner=True)

    def _type(self, session: Any, how: str) -> None:
        self._set(session, type=how)

    def _password(self, session: Any, how: str) -> None:
        week, fresh = self._noon - passwords.FIRST_VALID, self._noon - timedelta(days=1)
        sealed = self._office.app.keyring.seal(_FIRST, passwords.sealed_place(self._id))
        strange = _OTHERS_KEY.seal(_FIRST, passwords.sealed_place(self._id))
        first = {"password_hash": None, "sealed_password": sealed, "sealed_at": fresh}
        phone = first | {"first_is_phone": True, "must_change_password": True, "phone_guesses_left": GUESSES}
        words: dict[str, dict[str, Any]] = {
            "none": {"password_hash": None},
            "must-change": {"must_change_password": True},
            "used-first": {"must_change_password": True, "sealed_at": fresh},
            "used-first-over": {"must_change_password": True, "sealed_at": week},
            "own-with-old-seal": {"sealed_password": sealed, "sealed_at": week},
            "first": first,
            "first-must-change": first | {"must_change_password": True},
            "first-over": first | {"sealed_at": week},
            "first-kept": first | {"sealed_at": None},
            "first-unreadable": first | {"sealed_password": strange},
            "phone": phone,
            "phone-used": {"must_change_password": True, "sealed_at": fresh, "phone_guesses_left": GUESSES},
            "phone-spent": phone | {"phone_guesses_left": 0},
            "phone-over": phone | {"sealed_at": week},
        }
        self._set(session, **words[how])

    def _age(self, session: Any, how: str) -> None:
        set_plain(session, "core", password_max_age_days=30)
        self._set(session, password_changed_at=self._noon - timedelta(days=30 if how == "old" else 29))

    def _email(self, session: Any, how: str) -> None:
        words: dict[str, dict[str, Any]] = {
            "none": {"email": None, "email_key": None, "email_verified": False},
            "unverified": {"email_verified": False},
            "blocks": {"email_verified": False, "must_verify_email": True},
        }
        self._set(session, **words[how])

    def _twin_has(self, session: Any, how: str) -> None:
        words: dict[str, dict[str, Any]] = {
            "verified": {"email_key": "anna@school.example", "email_verified": True},
            "unverified": {"email_key": "anna@school.example"},
            "before": {"former_email_key": "anna@school.example"},
        }
        session.execute(update(Account).where(Account.id == self._twin).values(**words[how]))

    def _role_is(self, session: Any, how: str) -> None:
        if how == "inactive":
            session.execute(update(Role).values(active=False))
            return
        session.execute(delete(RolePeriod))
        if how == "disabled":
            self._give(session, self._period, enabled=False)
        if how == "elsewhere":
            self._give(session, self._earlier_id, enabled=True)

    def _period_is(self, session: Any, how: str) -> None:
        session.execute(update(Period).values(is_current=False))

    def _history(self, session: Any, how: str) -> None:
        at = self._noon - timedelta(hours=1)
        session.add(SignIn(account_id=self._id, at=at, method="password", result=how, address=_HERE))

    def _lock(self, session: Any, how: str) -> None:
        keys = {
            "account": (f"account:{self._id}", throttle.ACCOUNT),
            "here": (f"account:{self._id}:{_HERE}", throttle.PAIR),
            "elsewhere": (f"account:{self._id}:203.0.113.9", throttle.PAIR),
            "network": (f"address:{_HERE}", throttle.ADDRESS),
            "everybody": ("everybody", throttle.EVERYBODY),
        }
        key, limit = keys[how]
        session.add(Throttle(key=key, count=limit.count, window_ends_at=self._noon + timedelta(minutes=1)))


STATES = {
    "account": ("deleted", "inactive", "closed"),
    "person": ("inactive",),
    "sso": ("moodle",),
    "owner": ("yes",),
    "type": ("administrator",),
    "password": (
        "none", "must-change", "used-first", "used-first-over", "own-with-old-seal", "first", "first-must-change", "first-over",
        "first-kept", "first-unreadable", "phone", "phone-used", "phone-spent", "phone-over",
    ),
    "age": ("young", "old"),
    "email": ("none", "unverified", "blocks"),
    "twin_has": ("verified", "unverified", "before"),
    "role_is": ("none", "disabled", "elsewhere", "inactive"),
    "period_is": ("none",),
    "history": ("ok", "wrong-password"),
    "lock": ("account", "here", "elsewhere", "network", "everybody"),
}  # fmt: skip
_ONE = [(what, how) for what, all_of_it in STATES.items() for how in all_of_it]


@pytest.fixture
def patient(office, anna, noon):
    """Anna."""
    return Patient(office, anna, noon)


@pytest.fixture
def agree(patient, anna, examine, enter):
    """A function that holds the verdict against what signing in does, from where the last attempt came or else from a new place."""

    def compare(happened: dict[str, str]) -> None:
        patient.put(happened)
        has_first = happened.get("password", "").startswith(("first", "phone")) and happened["password"] != "phone-used"
        found = examine(anna)

        outcome = enter(*([_FIRST] if has_first else []), address=_HERE if "history" in happened else _ELSEWHERE)

        codes = {each.code for each in found.findings}
        assert found.can_sign_in == outcome.ok, (found.sentence, outcome)
        if outcome.ok:
            assert outcome.must_change_password == bool(codes & {"must-change", "password-old"}), codes

    return compare


@pytest.mark.parametrize("happened", [None, *_ONE], ids=lambda each: "-".join(each) if each else "well")
def test_the_verdict_is_that_of_signing_in(agree, happened):
    agree(dict([happened]) if happened else {})


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(st.sampled_from(_ONE), min_size=2, max_size=3, unique_by=lambda each: each[0]))
def test_the_verdict_is_that_of_signing_in_when_states_meet(agree, states):
    agree(dict(states))


@pytest.mark.parametrize(
    ("happened", "signs_in"),
    [
        ({}, True),
        ({"email": "unverified"}, False),
        ({"twin_has": "verified"}, False),
        ({"twin_has": "unverified"}, True),
        ({"twin_has": "before"}, False),
    ],
)
def test_the_verdict_names_the_e_mail_only_where_it_signs_in(patient, anna, examine, enter, happened, signs_in):
    patient.put(happened)

    named = "or anna@school.example" in examine(anna).sentence

    assert named == signs_in == enter(identifier="anna@school.example").ok
