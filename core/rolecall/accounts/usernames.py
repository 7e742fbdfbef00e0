"""User names and their ledger: what may be typed, what a formula makes, and that no name is ever given twice (R21, R49).

The ledger's primary key decides who gets a name, so two requests at one moment cannot both have it. Nothing here ever deletes a claim.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from unicodedata import category, normalize

from sqlalchemy import Select, bindparam, or_, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import formula
from rolecall.accounts.core_settings import username_formats
from rolecall.errors import Invalid, Refused
from rolecall.sdk.words import TYPE_OF_LIST
from rolecall.store.bulk import among, chunks, insert_into
from rolecall.store.engine import now as database_now
from rolecall.store.folding import LONGEST_KEY, canonical, scripts
from rolecall.store.tables import Account, Period, Person, UsernameClaim

#: Rounds of proposing and claiming; each loses only to names that others took in between.
_ROUNDS = 20
_SIGNS = frozenset("._-@+")
#: Greek, Cyrillic and Armenian letters that look like Latin ones: a name of nothing else could pass for another (R21).
_LOOKALIKE = frozenset("αικνορυχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧавекмнорстухіјѕһԁԛԝӏүґѵьАВЕЅІЈКМНОРСТУХҮԌԚԜӀЬօսոհցզքՕՍՈՀԼ")
#: Latin letters without diacritics that look like a-z.
_ODD_LATIN = frozenset("ıĸŉſ")
#: Where the alphabets of today's languages lie: Latin-1, Extended-A, Vietnamese horns, Romanian commas, schwa, Extended Additional.
_LATIN = (range(0x180), range(0x1A0, 0x1A2), range(0x1AF, 0x1B1), range(0x218, 0x21C), range(0x1E00, 0x1F00))
_MORE_LATIN = frozenset("əƏ")


class Named(Protocol):
    """What a formula looks at: a person of the table, or a snapshot of one."""

    @property
    def id(self) -> int: ...
    @property
    def list(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def first_name(self) -> str: ...
    @property
    def last_name(self) -> str: ...
    @property
    def email(self) -> str | None: ...
    @property
    def language(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """A user name that a formula would make: ``plain`` with a ``number`` where others have it before, 1 being none."""

    username: str
    plain: str
    number: int
    of_code: bool
    cut: bool

    @property
    def remarks(self) -> list[str]:
        """What is not as the formula says, in words."""
        told = (
            (self.number > 1, f"clash: {self.plain} is taken, gets {self.number}"),
            (self.of_code, "no letters for it: falls back to the code"),
            (self.cut, f"cut to {formula.LONGEST} characters"),
        )
        return [sentence for applies, sentence in told if applies]


def check(typed: str) -> tuple[str, str]:
    """Return a typed user name as it will be shown, and its key.

    :raises Invalid: saying what a user name may hold.
    """
    try:
        key = canonical(typed, what="user name")
        text = normalize("NFKC", typed.strip())
        _check_characters(text, key)
    except Invalid as wrong:
        raise Invalid(wrong.message, hint=wrong.hint, fields={"username": [str(wrong)]}) from wrong
    return text, key


def claim(session: Session, account: Account, username: str, *, now: datetime | None = None) -> None:
    """Give an account another user name; the old one stays in the ledger and is never given to anybody else (R21, R49).

    An account may return to a name it had before. An empty ``username`` makes one by the formula of the account's type.

    :raises Invalid: when the name cannot be a user name.
    :raises Refused: when it is or was somebody else's, or is another account's e-mail address (A-16).
    """
    moment = now or database_now(session)
    if not username.strip():
        username = _made(session, account)
    text, key = check(username)
    if key != account.username_key:
        _refuse_foreign_email(session, account.id, text, key)
        insert = insert_into(session, UsernameClaim).on_conflict_do_nothing()
        # With the old name, should it be missing: whatever was in use once is never given away.
        session.connection().execute(
            insert,
            [
                {"key": each, "username": shown, "account_id": account.id, "claimed_at": moment}
                for each, shown in sorted({account.username_key: account.username, key: text}.items())
            ],
        )
        holder = session.scalar(select(UsernameClaim.account_id).where(UsernameClaim.key == key))
        if holder != account.id:
            other = next(iter(_free(session, [(0, formula.Stem(before=text[: formula.LONGEST], after=""))]).values()))
            raise Refused(f"The user name {text} is taken.", hint=f"Choose another, or leave the field empty; {other} is free.")
    session.execute(update(UsernameClaim).where(UsernameClaim.key == key).values(username=text))
    account.username, account.username_key = text, key
    session.flush()


def propose(
    session: Session, people: Sequence[Named], formats: Mapping[str, str], *, types: Mapping[int, str] | None = None
) -> dict[int, str]:
    """Make a free user name for each person, without claiming it; answers by person id.

    ``formats`` has a formula per user type; ``types`` names the user type of people whose list does not tell it. In the order
    given, equal names get nothing, 2, 3 ... The ledger is asked in sets, whatever the number of people.
    """
    return _free(session, _stems(session, people, formats, types))


def foresee(session: Session, people: Sequence[Named], formula: str, user_type: str) -> dict[int, Foreseen]:
    """Say which user name each of these people would get by a formula if none of them had an account yet; answers by person id."""
    stems = _stems(session, people, {user_type: formula}, {person.id: user_type for person in people})
    theirs = select(Account.id).where(Account.person_id.in_(among(session, [person.id for person in people])))
    names = _free(session, stems, but=theirs)
    return {
        person_id: Foreseen(
            username=names[person_id],
            number=int(names[person_id][len(stem.before) : len(names[person_id]) - len(stem.after)] or 1),
            plain=stem.numbered(1),
            of_code=stem.of_code,
            cut=stem.cut,
        )
        for person_id, stem in stems
    }


def reserve(
    session: Session, people: Sequence[Named], formats: Mapping[str, str], *, now: datetime, types: Mapping[int, str] | None = None
) -> dict[int, str]:
    """Claim a made user name for each person; :func:`assign_claims` later says which account each belongs to.

    A name that another transaction takes in between is replaced by the next free one.

    :raises Refused: when that goes on for longer than can be chance.
    """
    reserved: dict[int, str] = {}
    left = list(people)
    for _ in range(_ROUNDS):
        proposed = propose(session, left, formats, types=types)
        # In the order of keys, so that two transactions wait for each other and never for ever.
        rows = sorted(
            ({"key": name.casefold(), "username": name, "account_id": None, "claimed_at": now} for name in proposed.values()),
            key=lambda row: str(row["key"]),
        )
        ours: set[str] = set()
        if rows:
            insert = insert_into(session, UsernameClaim).on_conflict_do_nothing()
            ours.update(session.connection().execute(insert.returning(UsernameClaim.__table__.c.key), rows).scalars())
        reserved |= {person_id: name for person_id, name in proposed.items() if name.casefold() in ours}
        left = [person for person in left if person.id not in reserved]
        if not left:
            return reserved
    raise Refused("Too many user names were taken at the same moment.", hint="Try again.")


def assign_claims(session: Session, holders: Mapping[str, int]) -> None:
    """Write into the ledger which account each reserved name belongs to; ``holders`` maps keys to account ids."""
    table = UsernameClaim.__table__
    if holders:
        statement = update(UsernameClaim).where(table.c.key == bindparam("name")).values(account_id=bindparam("holder"))
        session.connection().execute(statement, [{"name": key, "holder": account_id} for key, account_id in holders.items()])


def emails_that_are_usernames(session: Session, email_keys: Iterable[str]) -> dict[str, int | None]:
    """Of these e-mail keys, those that are or were some account's user name, with that account (A-16)."""
    found: dict[str, int | None] = {}
    for chunk in chunks(email_keys):
        rows = session.execute(select(UsernameClaim.key, UsernameClaim.account_id).where(UsernameClaim.key.in_(chunk)))
        found.update(rows.all())
    return found


def _stems(
    session: Session, people: Sequence[Named], formats: Mapping[str, str], types: Mapping[int, str] | None
) -> list[tuple[int, formula.Stem]]:
    year = session.scalar(select(Period.starts_on).where(Period.is_current.is_(True)))
    stems = []
    for person in people:
        user_type = (types or {}).get(person.id) or TYPE_OF_LIST[person.list]
        values = {
            "first": person.first_name,
            "last": person.last_name,
            "code": person.code,
            "email": person.email,
            "list": person.list,
            "type": user_type,
            "year": str(year.year) if year else "",
        }
        made = formula.stem(formats.get(user_type) or formula.DEFAULT, values, person.language)
        if not made.before and not made.after:
            # Neither name nor code has a letter that a user name may have.
            made = formula.Stem(before=f"{user_type}{person.id}", after="", of_code=True)
        stems.append((person.id, made))
    return stems


def _made(session: Session, account: Account) -> str:
    person = session.get_one(Person, account.person_id)
    return propose(session, [person], username_formats(session), types={person.id: account.type})[person.id]


def _free(session: Session, stems: Sequence[tuple[int, formula.Stem]], *, but: Select[Any] | None = None) -> dict[int, str]:
    """Answer the first free number of each stem, asking the ledger for growing blocks of candidates.

    Names of the accounts that ``but`` selects count as free.
    """
    chosen: dict[int, str] = {}
    taken: set[str] = set()
    asked: dict[formula.Stem, int] = {}
    tried: dict[formula.Stem, int] = {}
    waiting = list(stems)
    growth = 1
    while waiting:
        wanted: dict[formula.Stem, int] = {}
        for _, stem in waiting:
            wanted[stem] = wanted.get(stem, 0) + growth
        candidates: set[str] = set()
        for stem, count in wanted.items():
            known = asked.get(stem, 0)
            candidates.update(stem.numbered(number).casefold() for number in range(known + 1, known + count + 1))
            asked[stem] = known + count
        taken |= _claimed(session, candidates, but)
        still = []
        for person_id, stem in waiting:
            number = tried.get(stem, 0) + 1
            while number <= asked[stem] and stem.numbered(number).casefold() in taken:
                number += 1
            tried[stem] = min(number, asked[stem])
            if number > asked[stem]:
                still.append((person_id, stem))
                continue
            chosen[person_id] = stem.numbered(number)
            taken.add(chosen[person_id].casefold())
        waiting = still
        growth *= 4
    return chosen


def _claimed(session: Session, keys: Collection[str], but: Select[Any] | None) -> set[str]:
    wanted = select(UsernameClaim.key)
    if but is not None:
        wanted = wanted.where(or_(UsernameClaim.account_id.is_(None), UsernameClaim.account_id.not_in(but)))
    found: set[str] = set()
    for chunk in chunks(sorted(keys)):
        found.update(session.scalars(wanted.where(UsernameClaim.key.in_(chunk))))
    return found


def _refuse_foreign_email(session: Session, account_id: int, text: str, key: str) -> None:
    signs_in = or_(Account.email_key == key, Account.former_email_key == key)
    if session.scalar(select(Account.id).where(signs_in, Account.id != account_id).limit(1)) is not None:
        raise Refused(f"{text} is the e-mail address of another account, so it cannot be a user name.", hint="Choose another.")


def _check_characters(text: str, key: str) -> None:
    if len(text) > LONGEST_KEY:
        raise Invalid("The user name is too long.", hint=f"Use at most {LONGEST_KEY} characters.")
    for before, character in zip(" " + text, text, strict=False):
        kind = category(character)
        letter = kind in {"Ll", "Lu", "Lt", "Lo"} or (kind in {"Mn", "Mc"} and category(before)[0] in "LM")
        if not letter and character not in _SIGNS and not ("0" <= character <= "9"):
            shown = "a space" if character.isspace() else f"“{character}”"
            raise Invalid(f"A user name cannot contain {shown}.", hint="Use letters, digits, dot, hyphen, underscore, plus and @.")
    letters = [character for character in text if character.isalpha()]
    if not letters and not any(character.isdigit() for character in text):
        raise Invalid("A user name needs a letter or a digit.")
    latin = scripts(key) <= {"LATIN"}
    odd = [each for each in letters if latin and _is_odd(each)]
    if odd or (letters and not latin and all(each in _LOOKALIKE for each in letters)):
        message = f"“{odd[0] if odd else text}” looks like other letters than it is, so it could be taken for another name."
        raise Invalid(message, hint="Write it with the letters a-z.")


def _is_odd(letter: str) -> bool:
    return letter in _ODD_LATIN or not (letter in _MORE_LATIN or any(ord(letter) in part for part in _LATIN))
