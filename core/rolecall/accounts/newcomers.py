"""Who of our people somebody is that a service has proved and that has no account; and what a record of a new one says (R66, F-10).

Owns that in doubt it is nobody: an address or a code that fits two people, an account that has the address already. Opens nothing.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from rolecall.accounts import admission, eligibility, roles, usernames
from rolecall.errors import Invalid
from rolecall.sdk.login import ExternalIdentity
from rolecall.sdk.words import TYPE_OF_LIST
from rolecall.store.folding import canonical, email_key
from rolecall.store.tables import Account, Person
from rolecall.translation import gettext as _

DOUBTFUL = _(
    "You are known there, but it cannot be told which of the people here you are, so no account was opened for you. Ask the office to open "
    "one, or to link yours."
)
TAKEN = _("An account here has your e-mail address already, so no other one was opened. Ask the office to link it to your sign-in.")
KNOWN = _(
    "You have an account here already. Sign in with your user name and password and link the two under “My account”, or ask the office."
)

NOT_NOW = _("Your record does not allow an account at present. Ask the office.")
UNLISTED = _("You are known there, but the office has no record of you here, so no account was opened. Ask the office.")
NAMELESS = _("The service does not tell your first and last name in a form that can be kept, so no account was opened. Ask the office.")

#: Letters by which a name would change the direction of the text around it; joiners stay, because names in Persian need them.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """What was found: the person, or none where nobody of our lists is meant; or with ``why_not`` the sentence why there is no account."""

    person_id: int | None = None
    why_not: str = ""


def whom(session: Session, found: ExternalIdentity) -> Whom:
    """Find the one person that a proved identity is, by code and by e-mail: both must not name two. Locks that person's record.

    A person who has an account is not looked for any further, be it closed or deleted: what the office closed, signing in does not open.
    """
    try:
        key = email_key(found.email or "")
    except Invalid:
        return Whom(why_not=DOUBTFUL)
    if why_not := _held(session, or_(Account.email_key == key, Account.former_email_key == key), TAKEN):
        return Whom(why_not=why_not)
    if usernames.emails_that_are_usernames(session, [key]):
        return Whom(why_not=TAKEN)
    ids = _by_code(session, found.code) | _by_email(session, found.email or "", key)
    if not ids:
        return Whom()
    if len(ids) > 1:
        return Whom(why_not=DOUBTFUL)
    (person_id,) = ids
    session.scalar(select(Person.id).where(Person.id == person_id).with_for_update(key_share=True))
    if why_not := _held(session, Account.person_id == person_id, KNOWN):
        return Whom(why_not=why_not)
    if eligibility.refusal_of(session, person_id) is not None:
        return Whom(why_not=NOT_NOW)
    return Whom(person_id=person_id)


def record(found: ExternalIdentity, user_type: str) -> Mapping[str, Any]:
    """Return what the record of somebody says whom nobody has entered.

    Without a code the identity makes one, always the same: of two first sign-ins at once, one finds the list has it already.

    :raises Invalid: when the service does not tell a first and a last name.
    """
    first, last = _name(found.first_name), _name(found.last_name)
    if not first or not last:
        raise Invalid(NAMELESS)
    made = hashlib.sha256(f"{found.issuer}\0{found.subject}".encode()).hexdigest()[:16]
    lists = {kind: each for each, kind in TYPE_OF_LIST.items()}
    return {
        "list": lists[user_type], "code": (found.code or "").strip() or f"sso-{made}", "first_name": first, "last_name": last,
        "email": (found.email or "").strip(),
    }  # fmt: skip


def perhaps(email: str, key: str) -> Select[int, str | None]:
    """Select the people whose address may be this one, by an index; ``email_key`` has the last word."""
    return select(Person.id, Person.email).where(func.lower(Person.email).in_({email.strip().lower(), _ascii_lower(email.strip()), key}))


def roles_to_give(session: Session, chosen: Sequence[str]) -> dict[str, int]:
    """Return by user type which of the chosen roles are given; one that may do more by now than when it was chosen is not."""
    return {each.user_type: each.id for each in roles.modest(session) if str(each.id) in chosen}


def _held(session: Session, whose: ColumnElement[bool], open_one: str) -> str:
    """Say why nobody gets an account who has one of these: it is open, or all of them are closed."""
    held = session.execute(select(Account.active, Account.deleted_at).where(whose)).all()
    if not held:
        return ""
    return open_one if any(row.active and row.deleted_at is None for row in held) else admission.CLOSED


def _by_code(session: Session, code: str | None) -> frozenset[int]:
    try:
        key = canonical(code or "", what="code", words=True)
    except Invalid:
        return frozenset()
    return frozenset(session.scalars(select(Person.id).where(Person.code_key == key).limit(2)))


def _by_email(session: Session, email: str, key: str) -> frozenset[int]:
    return frozenset(row.id for row in session.execute(perhaps(email, key)) if _is(row.email, key))


def _ascii_lower(text: str) -> str:
    """A text as SQLite's ``lower`` leaves it, and PostgreSQL's in the locale C."""
    return "".join(each.lower() if each.isascii() else each for each in text)


def _is(email: str | None, key: str) -> bool:
    try:
        return email_key(email or "") == key
    except Invalid:
        return False


def _name(told: str) -> str:
    return " ".join(_DIRECTION.sub("", normalize("NFC", told)).split())
