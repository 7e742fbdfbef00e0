"""Passwords: the rules, the hash, and first-time passwords (R46, R52).

Owns every parameter of hashing and every rule a password must keep. No hash is made inside a transaction: the functions that hash take
no session, and those that take a session only store. Throttling and the order of a sign-in are not known here.
"""

import hmac
import os
import secrets
import string
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from rolecall.accounts.core_settings import core_setting, core_settings
from rolecall.accounts.sealing import Keyring, place
from rolecall.errors import Invalid
from rolecall.store.engine import now as database_now
from rolecall.store.folding import fold
from rolecall.store.tables import Account, OneTimeToken, Person
from rolecall.translation import gettext as _

#: Longest password that is hashed at all (A-05).
LONGEST = 1_024
#: A first-time password is taken for this long (A-18).
FIRST_VALID = timedelta(days=7)
#: The product's own name is everybody's first idea.
PRODUCT = "rolecall"

#: Floors of the OWASP recommendation; a library default would take ten times as long and four lanes.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, salt_len=16)
#: Each hash takes 19 MiB: more at once than cores gains nothing and lets strangers fill the memory.
_turns = BoundedSemaphore(os.cpu_count() or 1)

#: No vowels (no words), no look-alikes. 18 of 24 characters are 82 bits.
_ALPHABET = "bcdfghjkmnpqrtvwxy346789"
_GROUPS, _GROUP = 3, 6
#: Own words shorter than this are found in too much that has nothing to do with them: "Ann" is in "channel".
_SHORTEST_WORD = 4
_LOOK_ALIKES = str.maketrans("013457@$!", "oleastasi")
_AROUND = string.digits + string.punctuation + string.whitespace


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for one account or several: the longest minimum length of their types, and the words that are theirs."""

    minimum: int
    words: tuple[str, ...]

    def broken_by(self, password: str) -> list[str]:
        """Return a sentence for each rule that the password breaks."""
        return check_rules(password, minimum=self.minimum, context_words=self.words)

    def check(self, password: str) -> None:
        """Refuse a password that breaks a rule.

        :raises Invalid: with all sentences under ``password``.
        """
        if broken := self.broken_by(password):
            raise Invalid(broken[0], fields={"password": broken})


def rules_for(session: Session, account_ids: Iterable[int]) -> Rules:
    """Collect the rules for these accounts: minimum length of their types, and institution, user names, e-mails, phones and names."""
    rows = session.execute(
        select(
            Account.type,
            Account.username,
            Account.email,
            Account.first_name,
            Account.last_name,
            Person.email,
            Person.phone,
            Person.code,
            Person.first_name,
            Person.last_name,
        )
        .join(Person, Person.id == Account.person_id)
        .where(Account.id.in_(list(account_ids)))
    ).all()
    decided = core_settings(session)
    words = {PRODUCT, decided["institution_name"]}
    for _type, username, email, first, last, personal, phone, code, person_first, person_last in rows:
        words |= {username, first, last, phone or "", code, person_first, person_last}
        words |= {address.split("@")[0] for address in (email, personal) if address}
    # Nobody in particular: the strictest rule.
    strict = not rows or any(row.type == "administrator" for row in rows)
    others = any(row.type != "administrator" for row in rows)
    minima = [decided["password_min_administrator"]] * strict + [decided["password_min_other"]] * others
    return Rules(max(minima), tuple(sorted(words - {""})))


def check_rules(password: str, *, minimum: int, context_words: Iterable[str] = ()) -> list[str]:
    """Return a sentence for each rule that the password breaks: length, common passwords, own words.

    There are no rules about kinds of characters (A-03). Own words do not count: what is left without them must keep the rules by itself.
    """
    # Before normalising, which is slower than linear for hostile input.
    if len(password) > LONGEST or len(password := normal(password)) > LONGEST:
        return [_("The password is too long. Use at most {count} characters.", count=LONGEST)]
    if "\0" in password:
        return [_("The password contains a character that cannot be typed.")]
    if len(password) < minimum:
        return [_("The password is too short. Use at least {count} characters.", count=minimum)]
    if is_common(password):
        return [_("This password is one of those that are tried first. Choose another.")]
    folded = fold(password)
    words = _own_words(context_words)
    rest = folded
    for word in words:
        rest = rest.replace(word, " ")
    if rest != folded and (len(rest.replace(" ", "")) < minimum or is_common(rest.replace(" ", ""))):
        return [_("The password is made of a name, user name, address or phone that belongs to the account. Choose another.")]
    return []


def is_common(password: str) -> bool:
    """Tell whether a password is on the list, is a listed word with a few digits or signs around it, or repeats itself."""
    folded = password.casefold()
    if len(set(folded)) < 4 or folded in _common():
        return True
    for form in (folded, folded.translate(_LOOK_ALIKES)):
        base = form.strip(_AROUND)
        # "sunshine2024!" is "sunshine"; what has more around it than a year and a sign is more than a word.
        if len(base) >= 4 and len(form) - len(base) <= 6 and base in _common():
            return True
    return folded.translate(_LOOK_ALIKES) in _common()


def normal(password: str) -> str:
    """Return the form that is hashed, so that every keyboard's way of writing an accent is the same password (A-06)."""
    return unicodedata.normalize("NFC", password)


def hash_password(password: str) -> str:
    """Return the argon2id hash. Never call it inside a transaction: it takes tens of milliseconds.

    :raises Invalid: for more than 1,024 characters, before anything is hashed.
    """
    password = _bounded(password)
    with _turns:
        return _hasher.hash(password)


def verify(stored: str, password: str) -> bool:
    """Tell whether a password is the one of a hash; what is too long is wrong without being hashed."""
    try:
        password = _bounded(password)
    except Invalid:
        return False
    with _turns:
        try:
            return _hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def dummy_verify(password: str) -> None:
    """Spend the time of one verification, where there is no hash to verify against (A-08)."""
    verify(_nobodys_hash(), password)


def needs_rehash(stored: str) -> bool:
    """Tell whether a hash was made with lower parameters than today's (A-01)."""
    return _hasher.check_needs_rehash(stored)


def same(first: str, second: str) -> bool:
    """Compare two passwords in a time that tells nothing of where they differ."""
    return hmac.compare_digest(normal(first).encode("utf-8", "surrogatepass"), normal(second).encode("utf-8", "surrogatepass"))


def generate_first_password() -> str:
    """Return a random password of 82 bits that is easy to read and type: ``kqm4tv-9xbhwd-63rpjc``."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def seal_first(session: Session, keyring: Keyring, account_ids: Iterable[int], *, now: datetime) -> dict[int, str]:
    """Give accounts a new first-time password, sealed and without a hash, and return them by account (R46).

    What they signed in with before stops working, unused links included; ending their sessions is left to the caller. Accounts whose
    provider signs them in are left out. Nothing is hashed here: a first-time password is hashed when it is used for the first time.
    """
    ids = session.scalars(
        select(Account.id).where(Account.id.in_(list(account_ids)), Account.sso_provider.is_(None)).order_by(Account.id)
    ).all()
    must_change = core_setting(session, "must_change_first_password")
    given = {account_id: generate_first_password() for account_id in ids}
    if given:
        session.execute(
            update(Account),
            [
                {
                    "id": account_id,
                    "sealed_password": keyring.seal(password, sealed_place(account_id)),
                    "sealed_at": now,
                    "password_hash": None,
                    "password_changed_at": None,
                    "must_change_password": must_change,
                    "first_is_phone": False,
                    "phone_guesses_left": None,
                }
                for account_id, password in given.items()
            ],
        )
        kill_links(session, ids)
    return given


def put(session: Session, account_ids: Sequence[int], stored: str, *, must_change: bool = False, now: datetime | None = None) -> None:
    """Make a hash the password of accounts: their own change, or an administrator's (R16).

    The first-time password is wiped (R46), and links that were not used yet are worthless (T-06); ending sessions is left to the caller.
    """
    facts: dict[str, object] = {
        "password_hash": stored,
        "password_changed_at": now or database_now(session),
        "sealed_at": None,
        "must_change_password": must_change,
        "phone_guesses_left": None,
    }
    if not keeps_first(session):
        facts |= {"sealed_password": None, "first_is_phone": False}
    session.execute(update(Account).where(Account.id.in_(account_ids), Account.sso_provider.is_(None)).values(**facts))
    kill_links(session, account_ids)


def keeps_first(session: Session) -> bool:
    """Tell whether the sealed copy outlives its first use; it then only says what it was, and signs nobody in (R46)."""
    return bool(core_setting(session, "keep_first_password"))


def sealed_place(account_id: int) -> str:
    """Where the first-time password of an account is kept."""
    return place("account", account_id, "sealed_password")


def kill_links(session: Session, account_ids: Iterable[int]) -> None:
    """Make links that were not used yet worthless: they belong to the password before (T-06)."""
    session.execute(delete(OneTimeToken).where(OneTimeToken.account_id.in_(list(account_ids)), OneTimeToken.used_at.is_(None)))


def is_too_old(session: Session, changed_at: datetime, now: datetime) -> bool:
    """Tell whether a password of one's own is older than the institution wants; without its word none ever is (R52, A-03)."""
    days = core_setting(session, "password_max_age_days")
    return bool(days) and now - changed_at >= timedelta(days=days)


def _bounded(password: str) -> str:
    # Before normalising, which is slower than linear for hostile input.
    if len(password) > LONGEST or len(password := normal(password)) > LONGEST:
        raise Invalid(_("The password is too long. Use at most {count} characters.", count=LONGEST))
    # Nobody types a lone surrogate; the hash takes UTF-8.
    return password.encode("utf-8", "replace").decode("utf-8")


def _own_words(texts: Iterable[str]) -> list[str]:
    found = set()
    for text in texts:
        folded = fold(text)
        parts = {folded, folded.replace(" ", ""), *folded.split(), *"".join(c if c.isalnum() else " " for c in folded).split()}
        digits = "".join(character for character in folded if character.isdecimal())
        # A phone number is known by its end: country and trunk prefixes come and go.
        if len(digits) >= 7:
            parts |= {digits, digits[-9:], digits[-7:]}
        found |= {part for part in parts if len(part) >= _SHORTEST_WORD}
    return sorted(found, key=len, reverse=True)


@cache
def _common() -> frozenset[str]:
    text = files("rolecall.accounts").joinpath("data", "common_passwords.txt").read_text("utf-8")
    return frozenset(text.split("\n")) - {""}


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_urlsafe(32))
